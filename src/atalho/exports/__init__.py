"""Exports a trained network to a file, which is read back as its users would, compared, and only then put in place."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from atalho.data.batches import preprocess
from atalho.errors import AtalhoError, Exit
from atalho.exports.format import Format, Reader
from atalho.exports.hub import HUB
from atalho.exports.onnx import ONNX
from atalho.exports.pixels import PIXELS
from atalho.exports.pt2 import PT2
from atalho.exports.safetensors import SAFETENSORS
from atalho.exports.timm import TIMM
from atalho.exports.torchvision import TORCHVISION
from atalho.files import move_atomically
from atalho.lock import aside
from atalho.record import Record, versions
from atalho.runtime import machine
from atalho.runtime.device import Device
from atalho.weights.trained import Trained

FROM_PIXELS = "onnx-pixels"
"""ONNX with the preprocessing inside: `--to onnx --with-preprocessing`."""

FORMATS: Mapping[str, Format] = {
    "onnx": ONNX,
    "safetensors": SAFETENSORS,
    "torchvision": TORCHVISION,
    "timm": TIMM,
    "pt2": PT2,
    "hub-folder": HUB,
    FROM_PIXELS: PIXELS,
}

TOLERANCE = 1e-3
"""The largest allowed difference between two logits, as a share of the largest logit. Sums in another order make 1e-5 of it in
float32, and 3e-4 in ResNet-152 with random weights; another epsilon in ResNet-18's BatchNorm makes 8e-3."""


@dataclass(frozen=True)
class Agreement:
    """How the logits of an exported file agree with the network's.

    Attributes:
        difference: the largest absolute difference between two logits.
        bound: the largest difference that is allowed.
        top1: fraction of images whose most probable class is the same.
        images: how many images were compared, as one batch, and the first of them again as a batch of one.
    """

    difference: float
    bound: float
    top1: float
    images: int


def export(trained: Trained, to: str, path: Path, images: Tensor) -> Agreement:
    """Writes a network in the format `to`, reads the file back as its users would, and compares both on real images.

    A file of that name is replaced once the new one has been compared; a folder must be empty or new.

    Args:
        trained: on the processor. Auxiliary heads are left out where the format cannot hold them or has no use for them.
        to: a key of `FORMATS`.
        images: (N, H, W, C) of 8 bits, at least two: the file must take any number of them.

    Raises:
        AtalhoError: EXPORT-EXTRA (exit 6), where a package is not installed; OUTPUT (exit 2); CHECKPOINT-LAYOUT, EXPORT-SHAPE or
            EXPORT-PREPROCESSING (exit 4), where the format cannot hold this network; EXPORT-WRITE (exit 6); EXPORT-READ or
            EXPORT-DIFFERS (exit 1). After an error no new file is left, and an existing one is unchanged.
    """
    target = FORMATS[to]
    _check_packages(target, to)
    with _failing(path, "OUTPUT", "be written", Exit.USAGE), aside(path) as written:
        _check_path(target, to, path)  # here, so that a refusal removes what a killed process left
        with _failing(path, "EXPORT-WRITE", "be written", Exit.RESOURCES):
            target.write(trained, written)
        with _failing(path, "EXPORT-READ", "be read back", Exit.CHECK_FAILED):
            measured = compare(trained, target.read(trained, written), images, path)
        move_atomically(written, path)
    return measured


@torch.inference_mode()
def compare(trained: Trained, reader: Reader, images: Tensor, path: Path) -> Agreement:
    """Compares the logits of a file's reader with the network's, for a batch of one image and one of all.

    Raises:
        AtalhoError: EXPORT-DIFFERS (exit 1), where logits differ beyond the tolerance, or classes differ.
    """
    batches = images[:1], images
    own = [trained.model(preprocess(batch, trained.preprocessing)) for batch in batches]
    theirs = [reader.logits(batch) for batch in batches]
    if reader.classes not in (None, tuple(trained.classes)):
        raise _differs(path, "its classes are others than the network's")
    if [each.shape for each in own] != [each.shape for each in theirs]:
        raise _differs(path, "it returns another number of logits than the network")
    expected, logits = torch.cat(own).double(), torch.cat(theirs).double()
    difference = (expected - logits).abs().max().item()
    bound = TOLERANCE * expected.abs().max().item()
    if not difference <= bound:  # true for NaN too
        raise _differs(
            path,
            f"its logits differ by up to {difference:.3g} from the network's, beyond {bound:.3g}",
        )
    same = expected.argmax(1) == logits.argmax(1)
    return Agreement(difference, bound, same.double().mean().item(), len(images))


def records(
    trained: Trained, to: str, agreement: Agreement, device: Device, **conditions: Any
) -> list[Record]:
    """The agreement as records of the network.

    Args:
        device: on which file and network were compared.
        conditions: the name of the data that the images are of.
    """
    stated = {
        "format": to,
        "weights": f"sha256:{trained.weights}",
        **conditions,
        "images": agreement.images,
        "batches": [1, agreement.images],
        "dtype": "float32",
        "bound": agreement.bound,
        **machine.conditions(device),
        "versions": versions("torch", "torchvision", *FORMATS[to].needs),
    }
    return [
        Record.of(trained.network.name, name, value, "measured", **stated)
        for name, value in (("max_difference", agreement.difference), ("agreement", agreement.top1))
    ]


def rows(trained: Trained, to: str, path: Path, agreement: Agreement) -> list[dict[str, Any]]:
    """The agreement as a table of one row."""
    return [
        {
            "network": trained.network.name,
            "to": to,
            "file": str(path),
            "images": agreement.images,
            "largest logit difference": agreement.difference,
            "allowed": agreement.bound,
            "same top-1 %": 100 * agreement.top1,
        }
    ]


def _check_packages(format: Format, to: str) -> None:
    if missing := [package for package in format.needs if find_spec(package) is None]:
        raise AtalhoError(
            "EXPORT-EXTRA",
            to,
            f"needs {', '.join(missing)}, not installed here",
            next_step=f"pip install 'atalho[{format.extra or to}]'",
            exit=Exit.RESOURCES,
        )


def _check_path(format: Format, to: str, path: Path) -> None:
    """Checks that the file or folder can be written under its name."""
    if format.folder and path.suffix == ".safetensors":
        problem = f"names a file, and {to} is a folder of model.safetensors and config.json"
        next_step = f"--output {path.with_suffix('')}"
    elif format.folder and path.exists() and (not path.is_dir() or any(path.iterdir())):
        problem, next_step = "is no empty folder", "--output with the name of a new folder"
    elif not format.folder and path.is_dir():
        problem, next_step = "is a folder", "--output with the name of a file"
    else:
        return
    raise AtalhoError(
        "OUTPUT", path, f"{problem}; nothing was written", next_step=next_step, exit=Exit.USAGE
    )


@contextmanager
def _failing(path: Path, code: str, action: str, exit: Exit) -> Iterator[None]:
    """A context in which any exception becomes an AtalhoError: the libraries' writers and readers may raise any."""
    try:
        yield
    except AtalhoError:
        raise
    except Exception as error:
        cause = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise AtalhoError(
            code,
            path,
            f"could not {action} ({cause}); nothing was left behind",
            next_step="another --output or --to; --debug shows where it failed",
            exit=exit,
        ) from error


def _differs(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "EXPORT-DIFFERS",
        path,
        f"{cause}; nothing was left behind",
        next_step="another --to",
        exit=Exit.CHECK_FAILED,
    )
