"""A tar file of images in WebDataset's layout: of each key an image, `KEY.jpg`, and its class, `KEY.cls` or in `KEY.json`.

A tar file has no list of its members: they are found by reading all headers, which lie all over the file. That is done once; the list is kept.
"""

import json
import tarfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from sys import intern
from typing import NamedTuple

from atalho.data.formats import suffixes
from atalho.data.shards import damaged
from atalho.files import write_atomically
from atalho.lock import locked_beside
from atalho.seal import with_checksum, without_checksum

LABELS = ("class", "label", "cls")
"""The keys under which a sample's JSON has its class."""

MOST_BYTES = 1 << 16
"""The largest file of a class that is read."""

Opened = tuple[list[str], list[str | None], list[int], Callable[[int], bytes]]


FORM = 1
"""The version of the format of a list that is kept, and of the rule by which images and classes are found."""

FOREVER = -1.0
"""How long a process waits for another one that lists the same file."""


class Members(NamedTuple):
    """The images of a tar file: their names, their classes where these are known, and where their bytes lie."""

    names: list[str]
    labels: list[str | None]
    offsets: list[int]
    lengths: list[int]


def opened(path: str, size: int, time: int, index: Path | None) -> Opened:
    """The names, labels and sizes of a tar file's images, and the function that reads one of them.

    Args:
        size, time: of the file: its bytes, and its last change in nanoseconds.
        index: the file in which the list of its images is kept; one process makes it, and others that need it wait.

    Raises:
        OSError: where it cannot be read.
        AtalhoError: DATA-SHARD (exit 3), where it is damaged or its end is missing.
    """
    members = _kept(path, size, time, index) if index else _members(path, size)
    read = partial(_read, path, members.offsets, members.lengths)
    return members.names, members.labels, members.lengths, read


def _kept(path: str, size: int, time: int, index: Path) -> Members:
    """The images that `index` lists; it is written where it is absent, damaged, or of another file."""
    key: list[int | str] = [FORM, Path(path).name, size, time]
    if members := _listed(index, key):
        return members
    with ExitStack() as lock:
        with suppress(OSError):  # where nothing can be kept, the manifest's error says so
            lock.enter_context(locked_beside(index, FOREVER))
        members = _listed(index, key)
        if members is None:
            members = _members(path, size)
            with suppress(OSError):
                write_atomically(index, with_checksum(json.dumps([key, members]).encode()))
    return members


def _listed(index: Path, key: list[int | str]) -> Members | None:
    with suppress(OSError, ValueError):
        kept, (names, labels, *places) = json.loads(without_checksum(index.read_bytes()))
        if kept == key:
            return Members(names, [label and intern(label) for label in labels], *places)
    return None


def _members(path: str, size: int) -> Members:
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
                        labels[key] = intern(label)
            if not _ends(path, archive.offset):
                raise damaged(path, "is cut off: it has no end")
    except tarfile.TarError as error:
        raise damaged(path, f"is no whole tar file ({error})") from error
    return Members(
        [name for _, name, _, _ in images],
        [labels.get(key) for key, *_ in images],
        [offset for _, _, offset, _ in images],
        [length for *_, length in images],
    )


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


def _read(path: str, offsets: list[int], lengths: list[int], row: int) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(offsets[row])
        return file.read(lengths[row])
