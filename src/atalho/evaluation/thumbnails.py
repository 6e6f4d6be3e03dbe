"""Small pictures beside records, in the folder `beside.THUMBNAILS`: of the mistakes that the records name, by the image's SHA-256."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from atalho.beside import THUMBNAILS
from atalho.data import pictures
from atalho.data.dataset import Images
from atalho.data.pictures import Thumbnail
from atalho.errors import AtalhoError
from atalho.files import write_atomically
from atalho.record import Record

MOST_BYTES = 3_000_000
"""The most bytes of all files in the folder together."""


class Album:
    """The small pictures beside the records of a folder; together they have at most `MOST_BYTES`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / THUMBNAILS
        self.sizes = {path.stem: path.stat().st_size for path in self.folder.glob("*.*")}

    def __contains__(self, name: str) -> bool:
        """Whether there is a picture of that name, which is without its suffix."""
        return name in self.sizes

    def add(self, name: str, picture: Thumbnail) -> bool:
        """Adds a picture; returns whether there was room for it."""
        size = len(picture.content)
        if sum(self.sizes.values()) + size > MOST_BYTES:
            return False
        self.folder.mkdir(exist_ok=True)
        write_atomically(self.folder / f"{name}{picture.suffix}", picture.content)
        self.sizes[name] = size
        return True

    def keep(self, names: Iterable[str], pattern: str) -> None:
        """Removes the pictures whose names fit a pattern, as of `glob`, but those of `names`."""
        kept = {*names}
        for path in self.folder.glob(f"{pattern}.*"):
            if path.stem not in kept:
                path.unlink()
                self.sizes.pop(path.stem, None)


class _Mistake(NamedTuple):
    """An image that a network classifies wrongly: its split, its row there, and its SHA-256."""

    images: Images
    row: int
    checksum: str


def write(records: Iterable[Record], splits: Mapping[str, Images], folder: Path) -> None:
    """Writes the thumbnails that are missing of the mistakes in some records, as far as there is room.

    Args:
        records: an image that is not the one that was classified, by its checksum, is left out.
        splits: the images by the split that the records state.
        folder: of the records; the folder in it is made where it does not exist.
    """
    album = Album(folder)
    for mistake in _mistakes(records, splits):
        if mistake.checksum in album:
            continue
        try:
            if pictures.checksum(mistake.images, mistake.row) != mistake.checksum:
                continue
            thumbnail = pictures.thumbnail(mistake.images, mistake.row)
        except AtalhoError:  # a photo that has been removed or damaged since it was classified
            continue
        if not album.add(mistake.checksum, thumbnail):
            return


def remove(folder: Path) -> None:
    """Removes the small pictures beside the records of a folder, where there are any."""
    album = Album(folder)
    album.keep((), "*")
    if album.folder.is_dir():
        album.folder.rmdir()


def _mistakes(records: Iterable[Record], splits: Mapping[str, Images]) -> Iterator[_Mistake]:
    """The mistakes in records on these splits."""
    for record in records:
        conditions = record.conditions
        images = splits.get(str(conditions.get("split")))
        if "outcomes" not in conditions or images is None:
            continue
        for row, checksum, _ in conditions["outcomes"]["pictures"]:
            if row < len(images.labels):
                yield _Mistake(images, row, checksum)
