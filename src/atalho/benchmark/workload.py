"""What a network is given to do while it is measured: images of noise, several requests at once, or a user's photo files."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from atalho.data.dataset import Dataset, spaced
from atalho.data.folder import images_in
from atalho.data.image import read
from atalho.data.on_disk import OnDisk
from atalho.data.shards import sha256 as checksum_of
from atalho.errors import AtalhoError, Exit

MOST_FILES = 100
"""Photo files that requests are measured on, evenly spaced among all."""


@dataclass(frozen=True)
class PhotoFiles:
    """Files of photos, as they are.

    Args:
        name: of the data that they are of.
        checksum: SHA-256 of the data.
    """

    name: str
    checksum: str
    paths: tuple[Path, ...]

    @classmethod
    def of_folder(cls, root: Path) -> "PhotoFiles":
        """Photos of a folder and of those below it, as far as they can be read.

        Raises:
            AtalhoError: DATA-EMPTY (exit 3), where there is none.
        """
        try:
            paths = images_in(root)
            paths = [paths[row] for row in spaced(len(paths), MOST_FILES).tolist()]
        except OSError:
            paths = []
        files = tuple(filter(_readable, paths))
        if not files:
            raise AtalhoError(
                "DATA-EMPTY",
                root,
                "holds no photos that can be read",
                next_step="--data with a folder of photos",
                exit=Exit.DATA,
            )
        contents = map(checksum_of, files)
        return cls(root.resolve().name, sha256(b"".join(contents)).hexdigest(), files)

    @classmethod
    def of_dataset(cls, data: Dataset) -> "PhotoFiles | None":
        """Validation photos of a folder's; None for data that are not in files."""
        photos = data.splits["val"]
        if not isinstance(photos, OnDisk):
            return None
        shown = photos.select(spaced(len(photos.labels), MOST_FILES)).photos()
        return cls(data.name, data.checksum, tuple(photo.path for photo in shown))


@dataclass(frozen=True)
class Workload:
    """Requests to a network.

    Args:
        batch: images of a request.
        streams: requests at once.
        files: what each request is about, one after another; None for images of noise that are there already.
    """

    batch: int
    streams: int = 1
    files: PhotoFiles | None = None

    def __str__(self) -> str:
        if self.files:
            return f"from {len(self.files.paths)} files"
        several = f" of {self.streams} streams" if self.streams > 1 else ""
        return f"at batch {self.batch}{several}"

    @property
    def paths(self) -> Sequence[str]:
        """Of the files; empty for noise."""
        return [str(path.absolute()) for path in self.files.paths] if self.files else []

    def conditions(self) -> dict[str, Any]:
        """The conditions of records that were measured by these requests."""
        stated: dict[str, Any] = {"batch": self.batch}
        if self.streams > 1:
            stated["streams"] = self.streams
        if self.files:
            stated |= {
                "data": self.files.name,
                "data_checksum": f"sha256:{self.files.checksum}",
                "images": len(self.files.paths),
            }
        return stated


def _readable(path: Path) -> bool:
    try:
        read(path, lambda image: image.size)
    except AtalhoError:
        return False
    return True
