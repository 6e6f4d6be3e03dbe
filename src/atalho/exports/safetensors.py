"""atalho's own folder, as a finished run has it: `model.safetensors`, `config.json` and a mean of every pixel, if any."""

import shlex
from pathlib import Path

from atalho.data.batches import preprocess
from atalho.exports.format import Format, Reader
from atalho.weights import config
from atalho.weights.trained import Trained
from atalho.weights.trained import read as read_folder


def write(trained: Trained, path: Path) -> None:
    """Writes the folder; auxiliary heads are kept."""
    preprocessing = trained.preprocessing
    said = config.document(trained.network.name, trained.framing, preprocessing, trained.classes)
    path.mkdir()
    config.save(path, trained.model.state_dict(), said, preprocessing)


def read(trained: Trained, path: Path) -> Reader:
    """The folder as `atalho predict` reads it."""
    found = read_folder(path, named=trained.network.name)
    return Reader(
        lambda images: found.model(preprocess(images, found.preprocessing)), tuple(found.classes)
    )


def usage(trained: Trained, path: Path) -> str:
    """How it is read."""
    return f"atalho predict {shlex.quote(trained.network.name)} IMAGE --weights {shlex.quote(str(path))}"


SAFETENSORS = Format(write, read, usage, folder=True)
