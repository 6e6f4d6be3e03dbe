"""Images as their features, with labels and groups: what linear classifiers are fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from atalho.data.dataset import Images, divided
from atalho.features.cache import Features

Places = NDArray[np.int64]


def by_content(images: Images) -> Images:
    """The images in the order of their checksums: what is fitted on them depends on no file's name."""
    checksums = images.checksums()
    return images.select(torch.tensor(sorted(range(len(checksums)), key=checksums.__getitem__)))


@dataclass(frozen=True)
class Embedding:
    """Images by their features.

    Args:
        features: (N, features).
        labels: (N,) indices of classes.
        groups: (N,) numbers, equal for images that are kept together: copies of a picture, photos of one patient.
        images: the SHA-256 of each.
    """

    features: Features
    labels: Places
    groups: Places
    images: tuple[bytes, ...]

    @classmethod
    def of(cls, images: Images, features: Features) -> "Embedding":
        """Images with their features, in their order."""
        groups = np.array(images.groups(), np.int64)
        return cls(features, images.labels.numpy(), groups, tuple(images.checksums()))

    def select(self, places: Places) -> "Embedding":
        """The images at some places, in their order."""
        images = tuple(self.images[place] for place in places.tolist())
        return Embedding(self.features[places], self.labels[places], self.groups[places], images)

    def folds(self, count: int) -> list[tuple[Places, Places]]:
        """The folds of the images, as `folds`."""
        return folds(self.images, self.labels.tolist(), self.groups.tolist(), count)


def folds(
    images: Sequence[bytes], labels: Sequence[int], groups: Sequence[int], count: int
) -> list[tuple[Places, Places]]:
    """The places of the images to fit on and of those to test on, of each fold.

    Every class is divided evenly, groups stay together, and every image is tested on once. A fold in which no image would be
    tested on is left out.

    Args:
        images: the SHA-256 of each.
    """
    parts = divided(images, labels, groups, dict.fromkeys(map(str, range(count)), 1 / count))
    every = np.arange(len(images))
    tested = [part.numpy() for part in parts.values() if len(part)]
    return [(np.setdiff1d(every, part), part) for part in tested]
