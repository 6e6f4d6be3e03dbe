"""A folder of photos, `root/CLASS/image` or `root/SPLIT/CLASS/image`: listed at once, decoded a few at a time."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from atalho.data.dataset import Progress, Split
from atalho.data.image import SUFFIXES, Framing, load
from atalho.errors import AtalhoError, Exit

T = TypeVar("T")
R = TypeVar("R")

WORKERS = min(8, os.cpu_count() or 1)
SHOWN = 3
"""How many class names an error names."""

#   split: the names of its folder, those of timm's readers
SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "eval", "evaluation"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Folder:
    """What a folder holds.

    Args:
        classes: the names of its class folders, sorted.
        images: every image with the index of its class, sorted by class and name.
    """

    root: Path
    classes: tuple[str, ...]
    images: tuple[tuple[Path, int], ...]

    def labels(self, classes: Iterable[str], network: str) -> tuple[int, ...]:
        """For each class of the folder, its index among a network's `classes`.

        Raises:
            AtalhoError: DATA-CLASSES (exit 3), where the network does not know one.
        """
        known = {name: index for index, name in enumerate(classes)}
        if unknown := [name for name in self.classes if name not in known]:
            raise AtalhoError(
                "DATA-CLASSES",
                self.root,
                f"{len(unknown)} of its {len(self.classes)} classes are unknown to {network} ({some(unknown)}); "
                f"it knows {len(known)} ({some(known)})",
                next_step="name the folders as the network names its classes",
                exit=Exit.DATA,
            )
        return tuple(known[name] for name in self.classes)


def scan(root: Path) -> Folder:
    """Lists a folder; nothing is decoded.

    Raises:
        AtalhoError: DATA-MISSING or DATA-EMPTY (exit 3).
    """
    try:
        folders = sorted(path for path in root.iterdir() if _shown(path) and path.is_dir())
        images = tuple(
            (path, index) for index, folder in enumerate(folders) for path in images_in(folder)
        )
    except OSError as error:
        raise AtalhoError(
            "DATA-MISSING",
            error.filename or root,
            f"cannot be read ({error.strerror})",
            next_step="--data FOLDER",
            exit=Exit.DATA,
        ) from error
    if not images:
        raise AtalhoError(
            "DATA-EMPTY",
            root,
            "holds no images as CLASS/image",
            next_step="a folder for each class, with its images inside",
            exit=Exit.DATA,
        )
    return Folder(root, tuple(folder.name for folder in folders), images)


def scan_splits(root: Path) -> dict[str, Folder]:
    """The folders of a root's splits; none where it holds classes.

    A folder is that of a split if it is named so and holds folders without an image beside them: there are classes named `train`.

    Raises:
        AtalhoError: DATA-SPLITS (exit 3) for two folders of one split; as `scan`.
    """
    found: dict[str, Folder] = {}
    for split, names in SPLITS.items():
        folders = [root / name for name in names if _holds_classes(root / name)]
        if len(folders) > 1:
            raise AtalhoError(
                "DATA-SPLITS",
                root,
                f"holds {' and '.join(path.name for path in folders)}, which both mean the split {split}",
                next_step="keep one of them there",
                exit=Exit.DATA,
            )
        if folders:
            found[split] = scan(folders[0])
    return found


def _holds_classes(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    inside = [path for path in folder.iterdir() if _shown(path)]
    return any(map(Path.is_dir, inside)) and not any(map(_is_image, inside))


def images_in(folder: Path) -> list[Path]:
    """The files in a folder and below it that are named as images, sorted; OSError, where it cannot be read."""
    found = []
    for path in sorted(folder.iterdir()):
        if _shown(path) and path.is_dir() and not path.is_symlink():
            found += images_in(path)
        elif _shown(path) and _is_image(path):
            found.append(path)
    return found


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _shown(path: Path) -> bool:
    return not path.name.startswith(".")


def some(names: Iterable[str]) -> str:
    """The first names, for a line."""
    first = [*islice(names, SHOWN + 1)]
    return ", ".join(first[:SHOWN] + ["…"] * (len(first) > SHOWN))


def in_threads(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What `function` makes of every item, in order; it is called for no more than a few ahead."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def decoded(sources: Iterable[Path | bytes], framing: Framing) -> Iterator[Tensor | AtalhoError]:
    """Every source's pixels, (H, W, C) of 8 bits, or its error, in order; no more than a few are decoded ahead."""
    return in_threads(partial(_attempt, framing), sources)


def _attempt(framing: Framing, source: Path | bytes) -> Tensor | AtalhoError:
    try:
        return torch.from_numpy(load(source, framing))
    except AtalhoError as error:
        return error


@dataclass(frozen=True)
class Photos:
    """A folder's images in batches, with the labels that a network has for them.

    Args:
        labels: the network's label for each class of the folder.
        failed: told of every image that cannot be read; it is left out.
        progress: told of images done and images in all.
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
        paths = (path for path, _ in self.folder.images)
        total = len(self.folder.images)
        for done, (picture, (_, index)) in enumerate(
            zip(decoded(paths, self.framing), self.folder.images, strict=True), start=1
        ):
            if isinstance(picture, AtalhoError):
                self.failed(picture)
            else:
                images.append(picture)
                labels.append(self.labels[index])
            if images and (len(images) == size or done == total):
                yield Split(torch.stack(images), torch.tensor(labels))
                images, labels = [], []
                self.progress(done, total)
