"""Class folders with their images: what a network calls the classes, and the images decoded a few at a time."""

import unicodedata
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atalho.data.dataset import Progress, Split
from atalho.data.image import Framing, load
from atalho.data.listing import listed
from atalho.data.names import first_few
from atalho.data.packed import Packed
from atalho.errors import AtalhoError, Exit
from atalho.runtime.processor import cores

T = TypeVar("T")
R = TypeVar("R")

WORKERS = min(8, cores())


@dataclass(frozen=True, eq=False)
class Folder:
    """Class folders with their images, in columns: a million take little memory.

    Args:
        root: the folder that the user named, in which they lie at any depth.
        classes: their names, sorted.
        names: of the images below the root, sorted by class and name.
        indices: (N,) of every image's class.
    """

    root: Path
    classes: tuple[str, ...]
    names: Packed
    indices: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.names)

    def images(self) -> Iterator[tuple[Path, int]]:
        """Every image's path with the index of its class."""
        return zip(self.paths(), self.indices.tolist(), strict=True)

    def paths(self) -> Iterator[Path]:
        return map(self.root.joinpath, self.names)

    def select(self, rows: Sequence[int] | NDArray[np.int64]) -> "Folder":
        """The same classes with some of the images."""
        rows = np.asarray(rows, np.int64)
        return Folder(self.root, self.classes, self.names.select(rows), self.indices[rows])

    def labels(self, classes: Mapping[str, str], network: str) -> tuple[int, ...]:
        """For each class of the folder, its index among a network's; as `labels_among`."""
        return labels_among(self.classes, classes, network, self.root)


def joined(root: Path, parts: Sequence[Folder]) -> Folder:
    """The images of several splits of a folder, one split after the other."""
    if len(parts) == 1:
        return parts[0]
    classes = tuple(sorted({name for part in parts for name in part.classes}))
    index = {name: place for place, name in enumerate(classes)}
    indices = [np.array([index[name] for name in part.classes])[part.indices] for part in parts]
    names = Packed(chain.from_iterable(part.names for part in parts))
    return Folder(root, classes, names, np.concatenate(indices).astype(np.int32))


def labels_among(
    own: Sequence[str], classes: Mapping[str, str], network: str, data: object
) -> tuple[int, ...]:
    """For each class of some data, its index among a network's.

    Args:
        classes: the network's labels, each with its name. Data may name a class by either, but by a name only if it is unique.
        network, data: their names, for the error.

    Raises:
        AtalhoError: DATA-CLASSES (exit 3), where one is no class of the network, or two are one class.
    """
    index = _Index(classes)
    if unknown := [name for name in own if index(name) is None]:
        raise AtalhoError(
            "DATA-CLASSES",
            data,
            f"{len(unknown)} of its {len(own)} classes are unknown to {network} ({first_few(unknown)}); "
            f"it knows {len(classes)} ({first_few(classes)})",
            next_step="name the folders as the network names its classes",
            exit=Exit.DATA,
        )
    indices = tuple(label for label in map(index, own) if label is not None)
    counts = Counter(indices)
    duplicates = [name for name, label in zip(own, indices, strict=True) if counts[label] > 1]
    if duplicates:
        raise AtalhoError(
            "DATA-CLASSES",
            data,
            f"{' and '.join(duplicates)} are one class of {network}",
            next_step="put their images in one folder",
            exit=Exit.DATA,
        )
    return indices


class _Index:
    """Finds the index of a network's class by its label or its unique name; spaces and capitals in names do not matter."""

    def __init__(self, classes: Mapping[str, str]) -> None:
        self.labels = {unicodedata.normalize("NFC", label): i for i, label in enumerate(classes)}
        # ImageNet's names are lists of synonyms in some files.
        names = [[*map(_plain, (name, *name.split(",")))] for name in classes.values()]
        counts = Counter(chain.from_iterable(map(set, names)))
        self.names = {name: i for i, each in enumerate(names) for name in each if counts[name] == 1}

    def __call__(self, name: str) -> int | None:
        return self.labels.get(unicodedata.normalize("NFC", name), self.names.get(_plain(name)))


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().replace("_", " ").split())


def images_in(folder: Path) -> list[Path]:
    """The images in a folder and below it, or in its archives, in the order of their names; OSError, where it cannot be read."""
    listing = listed(folder)
    return [folder / name for name in (listing.images or listing.members())]


def in_threads(
    function: Callable[[T], R], items: Iterable[T], workers: int = WORKERS, ahead: int = 0
) -> Iterator[R]:
    """The results of `function` for all items, in order; only a few are computed ahead of the one that is read.

    Args:
        ahead: how many, where it is more than two for each worker.
    """
    futures: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            futures.append(pool.submit(function, item))
            if len(futures) > max(ahead, 2 * workers):
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()


def decoded(
    sources: Iterable[Path | bytes], framing: Framing, ahead: int = 0
) -> Iterator[Tensor | AtalhoError]:
    """Every source's pixels, (H, W, C) of 8 bits, or its error, in order, decoded in threads.

    Args:
        ahead: as of `in_threads`: a batch, so that it is decoded while a network has the one before.
    """
    return in_threads(partial(attempt, framing), sources, ahead=ahead)


def attempt(framing: Framing, source: Path | bytes) -> Tensor | AtalhoError:
    """A source's pixels, (H, W, C) of 8 bits, or the error that they cannot be read."""
    try:
        return torch.from_numpy(load(source, framing))
    except AtalhoError as error:
        return error


@dataclass(frozen=True)
class Photos:
    """A folder's images in batches, with the labels that a network has for them.

    Args:
        labels: the network's label for each class of the folder.
        failed: called with the error of every image that cannot be read; the image is left out.
        progress: called with the numbers of images done and in all.
    """

    folder: Folder
    labels: tuple[int, ...]
    framing: Framing
    failed: Callable[[AtalhoError], None]
    progress: Progress = lambda done, total: None

    def batches(self, size: int) -> Iterator[Split]:
        """Batches of `size` images; the last may be smaller."""
        images: list[Tensor] = []
        labels: list[int] = []
        total = len(self.folder)
        pictures = decoded(self.folder.paths(), self.framing, size)
        indices = self.folder.indices.tolist()
        for done, (picture, index) in enumerate(zip(pictures, indices, strict=True), start=1):
            if isinstance(picture, AtalhoError):
                self.failed(picture)
            else:
                images.append(picture)
                labels.append(self.labels[index])
            if images and (len(images) == size or done == total):
                yield Split(torch.stack(images), torch.tensor(labels))
                images, labels = [], []
                self.progress(done, total)
