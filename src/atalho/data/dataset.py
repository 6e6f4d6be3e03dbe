"""What a data set is: 8-bit images and labels in splits, and how to divide them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from atalho.shape import Shape

Progress = Callable[[int, int], None]
"""Told of how much is done, and how much there is in all: bytes, or images."""


class Split(NamedTuple):
    """Images with their labels.

    Attributes:
        images: (N, H, W, C) of 8 bits: the order of axes in which crops are gathered and networks run fastest.
        labels: (N,) of int64.
    """

    images: Tensor
    labels: Tensor

    def select(self, index: Tensor) -> "Split":
        return Split(self.images[index], self.labels[index])

    def batches(self, size: int) -> Iterator["Split"]:
        """The split in its order, `size` images at a time."""
        return map(Split, self.images.split(size), self.labels.split(size))


class Batched(Protocol):
    """Images with labels that come in batches, as those of a `Split` do."""

    def batches(self, size: int) -> Iterator[Split]: ...


@dataclass(frozen=True)
class Dataset:
    """A data set with its splits.

    Args:
        splits: `train`, `val` and `test`; no image is in two of them. `val` is for choices, `test` is read once.
        mirror: whether a mirrored image keeps its label (a digit does not).
        note: what a reader should know of how it was divided.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, Split]
    mirror: bool
    note: str

    @property
    def input(self) -> Shape:
        """(C, H, W) of one image."""
        height, width, channels = self.splits["train"].images.shape[1:]
        return channels, height, width

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over all images and labels, split by split."""
        digest = hashlib.sha256()
        for name in sorted(self.splits):
            for tensor in self.splits[name]:
                digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def training(self, *, with_validation: bool) -> Split:
        """The images to train on: the training split, and the validation split's too where nothing is chosen on it."""
        train, val = self.splits["train"], self.splits["val"]
        if not with_validation:
            return train
        return Split(torch.cat([train.images, val.images]), torch.cat([train.labels, val.labels]))


def stratified(split: Split, fractions: Mapping[str, float]) -> dict[str, Split]:
    """Divides every class in the given fractions, the last name taking what is left.

    The order is that of the images' SHA-256: it depends on their content alone, not on files or generators.
    """
    keys = [hashlib.sha256(image.numpy().tobytes()).digest() for image in split.images]
    order = torch.tensor(sorted(range(len(keys)), key=keys.__getitem__))
    indices: dict[str, list[Tensor]] = {name: [] for name in fractions}
    for label in split.labels.unique():
        members = order[split.labels[order] == label]
        start = 0
        for name, fraction in fractions.items():
            last = name == [*fractions][-1]
            end = len(members) if last else start + round(fraction * len(members))
            indices[name].append(members[start:end])
            start = end
    return {name: split.select(torch.cat(parts).sort().values) for name, parts in indices.items()}
