"""What a data set is: 8-bit images and labels in splits, and how to divide them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atalho.data.copies import Kind, Numbers
from atalho.data.image import Framing
from atalho.grammar.shape import Shape
from atalho.networks import subjects
from atalho.networks.subjects import Subject

Progress = Callable[[int, int], None]
"""Is called with how much is done and how much there is in all: bytes, or images."""


class Split(NamedTuple):
    """Images with their labels.

    Attributes:
        images: (N, H, W, C) of 8 bits: the order of axes in which crops are gathered and networks run fastest.
        labels: (N,) of int64.
    """

    images: Tensor
    labels: Tensor

    @property
    def framing(self) -> Framing:
        height, width, channels = self.images.shape[1:]
        return Framing((channels, height, width))

    def framed(self, framing: Framing) -> "Split":
        """The same images: those in memory have the size that they have."""
        return self

    def select(self, index: Tensor) -> "Split":
        return Split(self.images[index], self.labels[index])

    def join(self, other: "Split") -> "Split":
        return Split(*map(torch.cat, zip(self, other, strict=True)))

    def batches(self, size: int) -> Iterator["Split"]:
        """The split in its order, `size` images at a time."""
        return map(Split, self.images.split(size), self.labels.split(size))

    def sample(self) -> Tensor:
        return self.images

    def contents(self) -> Iterator[bytes]:
        return (tensor.contiguous().numpy().tobytes() for tensor in self)

    def checksums(self) -> list[bytes]:
        return [hashlib.sha256(image.numpy().tobytes()).digest() for image in self.images]

    def groups(self) -> list[int]:
        return [*range(len(self.labels))]


class Batched(Protocol):
    """Images with labels that come in batches, as those of a `Split` do."""

    @property
    def framing(self) -> Framing:
        """How its pictures are brought to a network's input."""

    def batches(self, size: int) -> Iterator[Split]: ...


class Images(Batched, Protocol):
    """A split of a data set, in memory (`Split`) or on disk (`on_disk.OnDisk`)."""

    @property
    def labels(self) -> Tensor:
        """(N,) of int64."""

    def framed(self, framing: Framing) -> Self:
        """The same pictures, brought to another network's input where they are not in memory."""

    def select(self, index: Tensor) -> Self:
        """The images with these indices, in the order of the indices."""

    def join(self, other: Self) -> Self:
        """These images, followed by others."""

    def sample(self) -> Tensor:
        """(N, H, W, C) of 8 bits, for statistics: all images in memory, or some of those on disk."""

    def contents(self) -> Iterator[bytes]:
        """All that the images and labels depend on, for a checksum."""

    def checksums(self) -> list[bytes]:
        """The SHA-256 of every image: of its pixels in memory, of its file on disk."""

    def groups(self) -> list[int]:
        """A number for every image, equal for those that are kept together."""


@dataclass(frozen=True)
class DataIdentity:
    """The name and content of a data set.

    Args:
        name: for people to read; two folders may have the same name.
        checksum: SHA-256 over all images and labels, as `Dataset.checksum`; None for a data set whose images were never read.
        copies: which copies the division of a folder of photos keeps together; None for other data sets.
    """

    name: str
    checksum: str | None
    copies: Kind | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set with its splits.

    Args:
        splits: `train`, `val` and `test`; no image is in two of them. `val` is for choosing, `test` is evaluated once.
        mirror: whether a mirrored image keeps its label (a digit does not).
        note: how it was divided, for readers of its results.
        copies: as in `DataIdentity`.
        own_test: whether the data came with their test split; without, it was divided from all images here.
        scarce: the classes with too few different images to be in every split that was divided here.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, Images]
    mirror: bool
    note: str
    copies: Kind | None = None
    own_test: bool = False
    scarce: tuple[str, ...] = ()

    @property
    def framing(self) -> Framing:
        """How a picture is brought to a network's input."""
        return self.splits["train"].framing

    @property
    def input(self) -> Shape:
        """(C, H, W) of one image."""
        return self.framing.input

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over all images and labels, split by split."""
        digest = hashlib.sha256()
        for name in sorted(self.splits):
            for part in self.splits[name].contents():
                digest.update(part)
        return digest.hexdigest()

    def framed(self, framing: Framing) -> "Dataset":
        """The same images in the same splits, brought to another network's input where they are photos."""
        splits = {name: images.framed(framing) for name, images in self.splits.items()}
        return replace(self, splits=splits)

    @property
    def identity(self) -> DataIdentity:
        """Its name, checksum and division."""
        return DataIdentity(self.name, self.checksum, self.copies)

    def training(self, *, with_validation: bool) -> Images:
        """The images to train on: the training split, with the validation split's where nothing is chosen by that."""
        train = self.splits["train"]
        return train.join(self.splits["val"]) if with_validation else train


def network_for(name: str, data: Dataset | None) -> Subject:
    """The network of that name for a data set's images and classes; without data as its paper has it.

    Raises:
        AtalhoError: as `subjects.get`.
    """
    if data is None:
        return subjects.get(name)
    return subjects.get(name, input=data.input, num_classes=len(data.classes))


def spaced(count: int, most: int) -> Tensor:
    """At most `most` indices from 0 to `count` - 1, evenly spaced, with the first and the last; (indices,) of int64."""
    return torch.linspace(0, count - 1, min(count, most)).long()


def stratified(split: Split, fractions: Mapping[str, float]) -> dict[str, Split]:
    """Divides every class in the given fractions, as `divided`, by the SHA-256 of every image."""
    parts = divided(split.checksums(), split.labels.numpy(), split.groups(), fractions)
    return {name: split.select(index) for name, index in parts.items()}


def divided(
    keys: Sequence[bytes] | NDArray[np.bytes_],
    labels: Sequence[int] | Numbers,
    groups: Sequence[int] | Numbers,
    fractions: Mapping[str, float],
) -> dict[str, Tensor]:
    """The indices of every part's images, sorted: each class in the given fractions; the last part gets what is left.

    Images are taken in the order of their keys, which depends on the content alone, not on files or generators. Images of one
    group stay together, under the class of the first. Groups of copies come after single images, so that they go to the last part.
    Every part has at least one group of every class that has as many groups as there are parts.

    Args:
        keys: a checksum of every image's content, all of one length.
        labels: of every image's class.
        groups: a number for every image, equal for images that belong together.
    """
    order = np.argsort(np.asarray(keys), kind="stable")
    classes, together = np.asarray(labels, np.int64)[order], np.asarray(groups, np.int64)[order]
    _, first, group, sizes = np.unique(
        together, return_index=True, return_inverse=True, return_counts=True
    )
    # Groups by their class, size and first image; the images of each in the order of their keys.
    ranked = np.lexsort((first, sizes, classes[first]))
    place = np.empty_like(ranked)
    place[ranked] = np.arange(len(ranked))
    images = order[np.argsort(place[group], kind="stable")]
    ends = np.cumsum(sizes[ranked])
    _, begins = np.unique(classes[first][ranked], return_index=True)
    taken: dict[str, list[Numbers]] = {name: [] for name in fractions}
    for begin, end in pairwise([*begins.tolist(), len(ranked)]):
        start = int(ends[begin - 1]) if begin else 0
        counts = _counts(ends[begin:end] - start, fractions)
        for name, (low, high) in zip(fractions, pairwise([0, *counts]), strict=True):
            taken[name].append(images[start + low : start + high])
    return {
        name: torch.from_numpy(np.sort(np.concatenate(parts or [order[:0]])))
        for name, parts in taken.items()
    }


def _counts(ends: Numbers, fractions: Mapping[str, float]) -> Iterator[int]:
    """After how many images of a class each part ends.

    Args:
        ends: after how many images each of the class's groups ends.
    """
    *names, _ = fractions
    images, done = int(ends[-1]), 0  # groups
    for number, name in enumerate(names):
        target = max(1, round(fractions[name] * images))
        before = int(ends[done - 1]) if done else 0
        enough = int(np.searchsorted(ends, before + target)) + 1
        # One group at least is left for each of the parts that follow.
        spared = len(ends) - (len(names) - number)
        done = min(max(done + 1, min(enough, spared)), len(ends))
        yield int(ends[done - 1])
    yield images
