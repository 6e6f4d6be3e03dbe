"""Images in archives, read in place: tar shards in WebDataset's layout, and Parquet as Hugging Face ships data sets of images.

A member has a path through its archive, `train-00000.tar/0001.jpg`. It is read by that path like a file, in whatever process.
"""

import errno
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from atalho.data.names import first_few
from atalho.errors import AtalhoError, Exit

SUFFIXES = (".tar", ".parquet")

MOST_LABEL = 200
"""The most characters of a class's name."""


@dataclass(frozen=True, eq=False)
class Shard:
    """What an archive holds.

    Attributes:
        names: of its images, in its order.
        labels: the name of each one's class; None where it is not known.
        sizes: bytes by which a member is known again, with the archive's time.
        read: returns the bytes of the image in a row; raises OSError.
        time: of the archive's last change, in nanoseconds.
    """

    names: Sequence[str]
    labels: Sequence[str | None]
    sizes: Sequence[int]
    read: Callable[[int], bytes]
    time: int

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each name."""
        return {name: row for row, name in enumerate(self.names)}


def is_shard(name: str) -> bool:
    """Whether a file is an archive, by its name."""
    return name.lower().endswith(SUFFIXES)


_SHARDS: dict[tuple[str, int, int], Shard] = {}
"""The archives that this process has listed, by path, size and time."""


def shard(path: str, index: Path | None = None) -> Shard:
    """What an archive holds; its members are listed once in a process, unless it changes.

    Args:
        index: the file in which the members of a tar file are kept for other processes; without it each lists them.

    Raises:
        OSError: where it cannot be read.
        AtalhoError: DATA-SHARD (exit 3), where it is damaged or a member cannot be named; PARQUET-EXTRA (exit 6).
    """
    stat = os.stat(path)  # noqa: PTH116
    key = path, stat.st_size, stat.st_mtime_ns
    if key not in _SHARDS:
        _SHARDS[key] = _listed(*key, index)
    return _SHARDS[key]


def _listed(path: str, size: int, time: int, index: Path | None) -> Shard:
    if path.lower().endswith(".tar"):
        from atalho.data import tar_shard

        names, labels, sizes, read = tar_shard.opened(path, size, time, index)
    else:
        from atalho.data import parquet_shard

        names, labels, sizes, read = parquet_shard.opened(path, size)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if bad := twice or [name for name in names if not _is_plain(name)]:
        raise damaged(path, f"members cannot be told apart or named ({first_few(map(repr, bad))})")
    known = [label if label and _is_label(label) else None for label in labels]
    return Shard(names, known, sizes, read, time)


def _is_plain(name: str) -> bool:
    """Whether a member's name is a relative path that leads nowhere else."""
    return "\0" not in name and "\\" not in name and not {"", ".", ".."} & {*name.split("/")}


def _is_label(text: str) -> bool:
    return text.isprintable() and len(text) <= MOST_LABEL


def damaged(path: str, cause: str) -> AtalhoError:
    """The error DATA-SHARD (exit 3), that an archive cannot be used."""
    return AtalhoError(
        "DATA-SHARD",
        path,
        cause,
        next_step="write or download it again, or move it out of the folder",
        exit=Exit.DATA,
    )


def _within(path: str) -> tuple[str, str] | None:
    """The archive that a path leads through and the member's name; None for the path of a file."""
    text = path.replace(os.sep, "/").lower()
    for suffix in SUFFIXES:
        end = text.find(f"{suffix}/") + len(suffix)
        if end >= len(suffix) and os.path.isfile(path[:end]):  # noqa: PTH113
            return path[:end], path[end + 1 :].replace(os.sep, "/")
    return None


def member(path: Path) -> bytes | None:
    """The bytes of a member of an archive; None for the path of a file.

    Raises:
        OSError, AtalhoError: as `shard`; FileNotFoundError, where the archive has no such member.
    """
    if (within := _within(str(path))) is None:
        return None
    archive, row = _row(*within)
    return archive.read(row)


def sha256(path: Path) -> bytes:
    """The SHA-256 of a file or of a member of an archive; raises as `member`."""
    if (data := member(path)) is not None:
        return hashlib.sha256(data).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def stamp(path: str) -> tuple[int, int]:
    """The size in bytes and the time in nanoseconds by which a file or a member is known again; raises as `member`."""
    try:
        stat = os.stat(path)  # noqa: PTH116 (there may be a million)
    except OSError:
        if (within := _within(path)) is None:
            raise
        archive, row = _row(*within)
        return archive.sizes[row], archive.time
    return stat.st_size, stat.st_mtime_ns


def _row(path: str, name: str) -> tuple[Shard, int]:
    archive = shard(path)
    if name not in archive.rows:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{path}/{name}")
    return archive, archive.rows[name]
