"""Photos that stay on the disk: each known by its content, decoded when it is needed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atalho.data.contents import SHA256
from atalho.data.copies import Numbers
from atalho.data.dataset import Split
from atalho.data.folder import Folder, decoded
from atalho.data.image import Framing
from atalho.errors import AtalhoError

SAMPLE = 1000  # photos over which statistics are taken

BLOCK = 10_000
"""How many photos at a time are added to a checksum."""


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


@dataclass(frozen=True, eq=False)
class Album:
    """The images of a folder that can be read, in columns: a million take little memory.

    Attributes:
        folder: their names and classes.
        sha256: (N, 32) bytes, of the files.
        sizes: (N, 2) of width and height, upright.
        groups: (N,) numbers, equal for photos that are kept on one side of a division.
    """

    folder: Folder
    sha256: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    groups: Numbers

    @property
    def keys(self) -> NDArray[np.bytes_]:
        """(N,) of the files' checksums, which are compared like bytes."""
        return self.sha256.view(f"S{SHA256}")[:, 0]

    def photo(self, row: int) -> Photo:
        folder, label = self.folder, int(self.folder.indices[row])
        width, height = self.sizes[row].tolist()
        path, name = folder.root / folder.names[row], folder.classes[label]
        sha256, group = self.sha256[row].tobytes(), int(self.groups[row])
        return Photo(path, label, name, sha256, (width, height), group)


@dataclass(frozen=True, eq=False)
class OnDisk:
    """A split of photos that are decoded when they are needed.

    Args:
        album: the photos of all splits.
        rows: (N,) places of this split's photos there.
    """

    album: Album
    rows: Numbers
    framing: Framing

    def __len__(self) -> int:
        return len(self.rows)

    def photo(self, row: int) -> Photo:
        """The photo in that place of the split."""
        return self.album.photo(self.rows[row])

    def photos(self) -> Iterator[Photo]:
        """All photos, in order."""
        return map(self.album.photo, self.rows)

    @cached_property
    def labels(self) -> Tensor:
        return torch.from_numpy(self.album.folder.indices[self.rows]).long()

    @cached_property
    def sizes(self) -> Tensor:
        """(N, 2) of width and height, upright."""
        return torch.from_numpy(self.album.sizes[self.rows]).long()

    def framed(self, framing: Framing) -> "OnDisk":
        return replace(self, framing=replace(framing, white=self.framing.white))

    def select(self, index: Tensor) -> "OnDisk":
        return replace(self, rows=self.rows[index.cpu().numpy()])

    def join(self, other: "OnDisk") -> "OnDisk":
        assert self.album is other.album
        return replace(self, rows=np.concatenate([self.rows, other.rows]))

    def batches(self, size: int) -> Iterator[Split]:
        """The split in its order, framed, `size` images at a time.

        Raises:
            AtalhoError: as `image.read`, for a photo that can no longer be read.
        """
        images: list[Tensor] = []
        labels = iter(self.labels.split(size))
        for image in decoded((photo.path for photo in self.photos()), self.framing, size):
            if isinstance(image, AtalhoError):
                raise image
            images.append(image)
            if len(images) == min(size, len(self)):
                yield Split(torch.stack(images), next(labels))
                images = []
        if images:
            yield Split(torch.stack(images), next(labels))

    def sample(self) -> Tensor:
        """At most 1,000 photos, framed, in the order of the SHA-256 of their files: more would hardly change a statistic."""
        order = np.argsort(self.album.keys[self.rows], kind="stable")
        chosen = self.select(torch.from_numpy(order[:SAMPLE]))
        return next(chosen.batches(SAMPLE)).images

    def contents(self) -> Iterator[bytes]:
        # The count marks where a split ends.
        yield f"{len(self)}\n".encode()
        folder = self.album.folder
        for start in range(0, len(self), BLOCK):
            rows = self.rows[start : start + BLOCK]
            labels = folder.indices[rows].tolist()
            lines = zip(self._checksums(rows), labels, strict=True)
            yield "".join(
                f"{sha256.hex()} {folder.classes[label]}\n" for sha256, label in lines
            ).encode()

    def checksums(self) -> list[bytes]:
        return self._checksums(self.rows)

    def _checksums(self, rows: Numbers) -> list[bytes]:
        return [row.tobytes() for row in self.album.sha256[rows]]

    def groups(self) -> list[int]:
        groups: list[int] = self.album.groups[self.rows].tolist()
        return groups

    def folder(self) -> Folder:
        """The photos as class folders with their images."""
        return self.album.folder.select(self.rows)
