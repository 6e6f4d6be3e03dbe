"""A tar file of images in WebDataset's layout: of each key an image, `KEY.jpg`, and its class, `KEY.cls` or in `KEY.json`."""

import json
import tarfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from atalho.data.formats import suffixes
from atalho.data.shards import damaged

LABELS = ("class", "label", "cls")
"""The keys under which a sample's JSON has its class."""

MOST_BYTES = 1 << 16
"""The largest file of a class that is read."""

Opened = tuple[list[str], list[str | None], list[int], Callable[[int], bytes]]


def opened(path: str, size: int) -> Opened:
    """The names, labels and sizes of a tar file's images, and the function that reads one of them.

    Args:
        size: of the file, in bytes.

    Raises:
        OSError: where it cannot be read.
        AtalhoError: DATA-SHARD (exit 3), where it is damaged or its end is missing.
    """
    images: list[tuple[str, str, int, int]] = []
    labels: dict[str, str] = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                folder, slash, base = name.rpartition("/")
                if base.startswith(".") or not member.isreg():  # hidden, a folder or a link
                    continue
                stem, _, suffix = base.partition(".")
                key, suffix = f"{folder}{slash}{stem}", suffix.lower()
                if member.offset_data + member.size > size:
                    raise damaged(path, f"is cut off in {name!r}")
                if f".{suffix}" in suffixes():
                    images.append((key, name, member.offset_data, member.size))
                elif suffix in ("cls", "json") and member.size <= MOST_BYTES:
                    file = archive.extractfile(member)
                    assert file
                    if label := _label(suffix, file.read()):
                        labels[key] = label
            if not _ends(path, archive.offset):
                raise damaged(path, "is cut off: it has no end")
    except tarfile.TarError as error:
        raise damaged(path, f"is no whole tar file ({error})") from error
    names = [name for _, name, _, _ in images]
    places = [(offset, length) for _, _, offset, length in images]
    sizes = [length for _, length in places]
    return names, [labels.get(key) for key, *_ in images], sizes, partial(_read, path, places)


def _label(suffix: str, data: bytes) -> str | None:
    """The class in a sample's file; None where there is none."""
    with suppress(ValueError):
        if suffix == "cls":
            return data.decode().strip()
        document = json.loads(data)
        if isinstance(document, dict):
            values = (document[key] for key in LABELS if isinstance(document.get(key), str | int))
            return str(next(values, ""))
    return None


def _ends(path: str, offset: int) -> bool:
    """Whether a tar file has a block of zeros where its members end."""
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(offset)
        return file.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)


def _read(path: str, places: list[tuple[int, int]], row: int) -> bytes:
    offset, length = places[row]
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(offset)
        return file.read(length)
