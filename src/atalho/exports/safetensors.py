"""atalho's own folder, as a finished run has it: `model.safetensors`, `config.json` and a mean of every pixel, if any."""

from pathlib import Path

from atalho.data.batches import preprocess
from atalho.exports.format import Format, Reader
from atalho.networks.subjects import predict_command
from atalho.weights.trained import Trained
from atalho.weights.trained import read as read_folder
from atalho.weights.trained import write as write_folder


def write(trained: Trained, path: Path) -> None:
    """Writes the folder; auxiliary heads are kept, and out-of-fold answers."""
    path.mkdir()
    write_folder(path, trained.model.state_dict(), trained.config)
    if trained.out_of_fold:
        trained.out_of_fold.write(path)


def read(trained: Trained, path: Path) -> Reader:
    """The folder as `atalho predict` reads it."""
    trained = read_folder(path, named=trained.network.name)
    return Reader(
        lambda images: trained.model(preprocess(images, trained.preprocessing)),
        tuple(trained.classes),
    )


def usage(trained: Trained, path: Path) -> str:
    """The line that reads it."""
    return predict_command(trained.network.name, path)


SAFETENSORS = Format(write, read, usage, folder=True)
