"""Features that were computed once, kept in the user's cache folder: known by the image, the weights and the preprocessing."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from atalho.conditions import digest
from atalho.data.contents import SHA256
from atalho.data.image import Framing
from atalho.files import cache_folder, write_atomically
from atalho.networks import subjects
from atalho.seal import with_checksum, without_checksum
from atalho.weights.trained import Trained

Features = NDArray[np.float32]
"""(N, features)."""

Say = Callable[[str], None]

FORM = 1
"""Of the files."""


def folder() -> Path:
    """Where features are kept."""
    return cache_folder("features")


def path(trained: Trained, framing: Framing) -> Path:
    """The file for a network's features of images in a framing; another one for other weights or another preprocessing."""
    preprocessing = hashlib.sha256()
    for each in trained.preprocessing:
        preprocessing.update(f"{[*each.shape]}".encode() + each.contiguous().numpy().tobytes())
    key = {
        "form": FORM,
        "network": trained.network.name,
        "code": subjects.code(trained.network.name),
        "weights": trained.weights,
        "framing": asdict(framing),
        "preprocessing": preprocessing.hexdigest(),
    }
    return folder() / f"{subjects.folder_name(trained.network.name)}-{digest(key)[:32]}"


def read(file: Path, say: Say) -> dict[bytes, Features]:
    """The features in a file by the SHA-256 of their image; none where there is no file.

    Args:
        say: is called with a line where the file is damaged, and therefore counts as absent.
    """
    try:
        content = file.read_bytes()
    except OSError:
        return {}
    try:
        data = without_checksum(content)
    except ValueError:
        say(f"{file} is damaged: its features are computed anew")
        return {}
    try:
        tensors = safetensors.numpy.load(data)
        images, features = tensors["images"], tensors["features"]
    except (SafetensorError, KeyError) as error:
        say(f"{file} holds no features ({error}): they are computed anew")
        return {}
    return {image.tobytes(): row for image, row in zip(images, features, strict=True)}


def write(file: Path, known: Mapping[bytes, Features], say: Say) -> None:
    """Writes features by the SHA-256 of their image.

    Args:
        say: is called with a line where the file cannot be written: they will be computed again the next time.
    """
    images = np.frombuffer(b"".join(known), np.uint8).reshape(-1, SHA256)
    tensors: dict[str, NDArray[Any]] = {"images": images, "features": rows(known, [*known])}
    data = safetensors.numpy.save(tensors)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, with_checksum(data))
    except OSError as error:
        say(f"{file} cannot be written ({error.strerror}): features are not kept")


def rows(known: Mapping[bytes, Features], images: Sequence[bytes]) -> Features:
    """The features of some images, in their order."""
    return np.stack([known[image] for image in images])
