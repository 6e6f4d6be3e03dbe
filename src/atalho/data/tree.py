"""The names of images by the folders in which they lie, in columns: of a million, only the folders are objects."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atalho.data.folder import Folder
from atalho.data.names import label_of
from atalho.data.packed import Packed


@dataclass(frozen=True)
class Tree:
    """Images by the folders in which they lie.

    Attributes:
        images: their names, in order.
        counts: how many images lie in each folder itself; a folder's name ends in `/`, that of the whole is empty.
        of: (N,) the place of every image's folder in `counts`.
    """

    images: Packed
    counts: Mapping[str, int]
    of: NDArray[np.int32]

    @classmethod
    def of_runs(cls, images: Packed, runs: Sequence[tuple[str, int]]) -> "Tree":
        """A tree by the folder of so many images each, one after the other."""
        counts = Counter[str]()
        for folder, length in runs:
            counts[folder] += length
        places = {folder: place for place, folder in enumerate(counts)}
        of = np.array([places[folder] for folder, _ in runs], np.int32)
        return cls(images, counts, np.repeat(of, [length for _, length in runs]))

    def images_in(self, folders: Iterable[str]) -> list[str]:
        """The names of the images that lie in one of some folders themselves."""
        chosen = {*folders}
        mask = np.array([name in chosen for name in self.counts], bool)
        return [*self.images.select(np.flatnonzero(mask[self.of]))]

    def below(self, folder: str) -> list[str]:
        """The names of the images that lie in a folder or below it."""
        return self.images_in(name for name in self.counts if name.startswith(folder))

    def folder(self, root: Path, above: str, without: str | None = None) -> Folder:
        """The folders in `above` as classes, sorted, with their images; but for the folder `without`."""
        classes: dict[str, list[int]] = {}
        for place, name in enumerate(self.counts):
            if name.startswith(above):
                folder = name[len(above) :].partition("/")[0]
                if folder and folder != without:
                    classes.setdefault(label_of(folder), []).append(place)
        index = np.full(len(self.counts), -1, np.int32)
        for label, name in enumerate(sorted(classes)):
            index[classes[name]] = label
        indices = index[self.of]
        rows = np.flatnonzero(indices >= 0)
        rows = rows[np.argsort(indices[rows], kind="stable")]
        return Folder(root, tuple(sorted(classes)), self.images.select(rows), indices[rows])


def by_folder(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Groups folders by the first part of their names, which is cut off; the folder with the empty name is under an empty name."""
    by_folder: dict[str, dict[str, int]] = {}
    for name, images in counts.items():
        folder, _, below = name.partition("/")
        by_folder.setdefault(folder, {})[below] = images
    return by_folder
