"""Small pictures of the mistakes that records name, in a folder beside the records: `thumbnails/SHA-256.jpg`."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from atalho.data import pictures
from atalho.data.dataset import Images
from atalho.errors import AtalhoError
from atalho.files import write_atomically
from atalho.record import Record

FOLDER = "thumbnails"

MOST_BYTES = 3_000_000
"""The most bytes of all files in the folder together."""


class _Mistake(NamedTuple):
    """An image that a network classifies wrongly: its split, its row there, and its SHA-256."""

    images: Images
    row: int
    checksum: str


def write(records: Iterable[Record], splits: Mapping[str, Images], folder: Path) -> None:
    """Writes the thumbnails that are missing of the mistakes in some records, until all together have `MOST_BYTES`.

    Args:
        records: an image that is not the one that was classified, by its checksum, is left out.
        splits: the images by the split that the records state.
        folder: of the records; `FOLDER` in it is made where it does not exist.
    """
    target = folder / FOLDER
    present = {path.stem: path.stat().st_size for path in target.glob("*.*")}
    total = sum(present.values())
    for mistake in _mistakes(records, splits):
        if mistake.checksum in present:
            continue
        try:
            if pictures.checksum(mistake.images, mistake.row) != mistake.checksum:
                continue
            thumbnail = pictures.thumbnail(mistake.images, mistake.row)
        except AtalhoError:  # a photo that has been removed or damaged since it was classified
            continue
        size = len(thumbnail.content)
        if total + size > MOST_BYTES:
            return
        target.mkdir(exist_ok=True)
        write_atomically(target / f"{mistake.checksum}{thumbnail.suffix}", thumbnail.content)
        present[mistake.checksum] = size
        total += size


def remove(folder: Path) -> None:
    """Removes the thumbnails beside the records of a folder, where there are any."""
    for path in (folder / FOLDER).glob("*.*"):
        path.unlink()
    if (folder / FOLDER).is_dir():
        (folder / FOLDER).rmdir()


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
