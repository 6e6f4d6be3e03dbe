"""Small pictures of the mistakes that records name, in a folder beside the records: `thumbnails/SHA-256.jpg`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from atalho.data import pictures
from atalho.data.dataset import Dataset, Images
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


def write(records: Iterable[Record], data: Dataset, folder: Path) -> None:
    """Writes the thumbnails that are missing of the mistakes in some records, until all together have `MOST_BYTES`.

    Args:
        records: those on other data are left out, and so is an image whose content has changed since.
        folder: of the records; `FOLDER` in it is made where it does not exist.
    """
    target = folder / FOLDER
    present = {path.stem: path.stat().st_size for path in target.glob("*.*")}
    total = sum(present.values())
    for mistake in _mistakes(records, data):
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


def _mistakes(records: Iterable[Record], data: Dataset) -> Iterator[_Mistake]:
    """The mistakes in records on this data."""
    for record in records:
        conditions = record.conditions
        images = data.splits.get(str(conditions.get("split")))
        of_data = conditions.get("data_checksum") == f"sha256:{data.checksum}"
        if "outcomes" not in conditions or images is None or not of_data:
            continue
        for row, checksum, _ in conditions["outcomes"]["pictures"]:
            if row < len(images.labels):
                yield _Mistake(images, row, checksum)
