"""Photos that stay on the disk: each known by its content, decoded when it is needed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from atalho.data.dataset import Split
from atalho.data.folder import Folder, decoded
from atalho.data.image import Framing
from atalho.errors import AtalhoError

SAMPLE = 1000  # photos over which statistics are taken


class Photo(NamedTuple):
    """An image of a folder that can be read.

    Attributes:
        label: index of its class.
        sha256: of the file.
        size: (width, height), upright.
        group: a number, equal for photos that are kept on one side of a division.
    """

    path: Path
    label: int
    class_name: str
    sha256: bytes
    size: tuple[int, int]
    group: int


@dataclass(frozen=True)
class OnDisk:
    """A split of photos that are decoded when they are needed."""

    photos: tuple[Photo, ...]
    framing: Framing

    @cached_property
    def labels(self) -> Tensor:
        return torch.tensor([photo.label for photo in self.photos], dtype=torch.int64)

    def framed(self, framing: Framing) -> "OnDisk":
        return OnDisk(self.photos, replace(framing, white=self.framing.white))

    def select(self, index: Tensor) -> "OnDisk":
        return OnDisk(tuple(self.photos[row] for row in index.tolist()), self.framing)

    def join(self, other: "OnDisk") -> "OnDisk":
        return OnDisk(self.photos + other.photos, self.framing)

    def batches(self, size: int) -> Iterator[Split]:
        """The split in its order, framed, `size` images at a time.

        Raises:
            AtalhoError: as `image.read`, for a photo that can no longer be read.
        """
        images: list[Tensor] = []
        labels = iter(self.labels.split(size))
        for image in decoded((photo.path for photo in self.photos), self.framing, size):
            if isinstance(image, AtalhoError):
                raise image
            images.append(image)
            if len(images) == min(size, len(self.photos)):
                yield Split(torch.stack(images), next(labels))
                images = []
        if images:
            yield Split(torch.stack(images), next(labels))

    def sample(self) -> Tensor:
        """At most 1,000 photos, framed, in the order of the SHA-256 of their files: more would hardly change a statistic."""
        order = sorted(range(len(self.photos)), key=lambda row: self.photos[row].sha256)
        chosen = self.select(torch.tensor(order[:SAMPLE]))
        return next(chosen.batches(SAMPLE)).images

    def contents(self) -> Iterator[bytes]:
        # The count marks where a split ends.
        yield f"{len(self.photos)}\n".encode()
        for photo in self.photos:
            yield f"{photo.sha256.hex()} {photo.class_name}\n".encode()

    def checksums(self) -> list[bytes]:
        return [photo.sha256 for photo in self.photos]

    def groups(self) -> list[int]:
        return [photo.group for photo in self.photos]

    def folder(self, root: Path, classes: tuple[str, ...]) -> Folder:
        """The photos as class folders with their images."""
        return Folder(root, classes, tuple((photo.path, photo.label) for photo in self.photos))
