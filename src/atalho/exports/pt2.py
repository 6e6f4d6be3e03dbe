"""torch.export's program: the network without auxiliary heads, for any number of images, with its config inside."""

from pathlib import Path

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from atalho.data.batches import preprocess
from atalho.exports.format import Format, Reader, for_inference
from atalho.weights import config
from atalho.weights.trained import Trained


def program(trained: Trained) -> ExportedProgram:
    """The network as a graph of torch's operations, from (N, C, H, W) floats to (N, classes) logits."""
    alone = for_inference(trained)
    # Two images: torch would make a batch size of one a constant.
    images = torch.zeros(2, *alone.network.input)
    return torch.export.export(alone.model, (images,), dynamic_shapes=({0: Dim("batch")},))


def write_program(trained: Trained, path: Path) -> None:
    """Writes the program alone."""
    torch.export.save(program(trained), path)


def write(trained: Trained, path: Path) -> None:
    """Writes the program with its config inside."""
    torch.export.save(program(trained), path, extra_files={config.FILE: trained.config.embedded()})


def read(trained: Trained, path: Path) -> Reader:
    """The program as torch.export.load reads it."""
    files = {config.FILE: ""}
    model = torch.export.load(path, extra_files=files).module()
    document = config.extracted(files[config.FILE])

    def run(images: Tensor) -> Tensor:
        logits: Tensor = model(preprocess(images, document.preprocessing))
        return logits

    return Reader(run, tuple(document.classes))


def usage(trained: Trained, path: Path) -> str:
    """The line that reads it."""
    files = {config.FILE: ""}
    return f"torch.export.load({str(path)!r}, extra_files={files}).module()"


PT2 = Format(write, read, usage)
