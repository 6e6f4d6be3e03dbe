"""The content of every file of a folder of photos: read once, and again only where a file has changed.

It is kept as lines of JSON, one a file, which are appended as files are read: an interrupted scan resumes where it stopped. A file is
identified by its name below the folder, its size and the time of its last change, so that the folder may be moved. One process at a
time reads files; others that need them wait, and take the lines that it appends.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from PIL import Image

from atalho.data.contents import Contents, FileContent
from atalho.data.copies import DECODED, fingerprint
from atalho.data.dataset import Progress
from atalho.data.folder import in_threads
from atalho.data.image import (
    SCALES,
    brightest,
    opened,
    sixteen_bits,
    unreadable,
    upright_rgb,
)
from atalho.data.manifest_lines import contents_of, integers, sealed, unsealed
from atalho.data.shards import sha256, stamp
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.runtime.processor import cores

FORM = 3
"""The version of the lines' format, and of the fingerprints in them."""

CHUNK = 1000
"""How many files' sizes and times are read in one task."""

MOST_AT_ONCE = 32
"""How many files are read in one task at the most."""

TURN = 1.0
"""Seconds between two looks at the lines that another process appends."""

BLOCK = 1 << 21
"""About how many bytes of lines are read at once."""

STALE = 2
"""The largest ratio of lines to files: a longer manifest is written anew."""

CORES = cores()


def read_files(root: Path, names: Sequence[str], data_dir: Path, progress: Progress) -> Contents:
    """The content of each file, in order; new and changed files are read, on all cores, and their content is kept below `data_dir`.

    While another process reads files of the folder, this one waits for what it appends, without a limit.

    Args:
        names: of files below the root.
        progress: called with the numbers of files done, by either, and in all.

    Raises:
        AtalhoError: DATA-DIR (exit 2), where the manifest cannot be written.
    """
    contents = Contents.empty(len(names))
    stamps = _stamps(root, names, contents.bad)
    manifest = _Manifest(file_beside(root, data_dir, f"{FORM}.jsonl"), names, stamps, contents)
    lock = FileLock(manifest.path.with_suffix(".lock"))
    try:
        while new := manifest.missing():
            if done := len(names) - len(new):
                progress(done, len(names))
            manifest.path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(Timeout), lock.acquire(timeout=TURN):
                if new := manifest.missing():  # what the other process has not read
                    manifest.add(root, new, progress)
                    return contents
        if names:
            progress(len(names), len(names))
    except OSError as error:
        raise unwritable(root, data_dir, error) from error
    return contents


def unwritable(root: Path, data_dir: Path, error: OSError) -> AtalhoError:
    """The error DATA-DIR (exit 2), that what is known of a folder cannot be kept."""
    return AtalhoError(
        "DATA-DIR",
        data_dir,
        f"cannot be written ({error.strerror}); what is in {root} would be read again every time",
        next_step="--data-dir FOLDER",
        exit=Exit.USAGE,
    )


@dataclass
class _Manifest:
    """A folder's manifest.

    Args:
        path: of its file.
        names, stamps: of the folder's files, in the order of the rows of `contents`.
        contents: are filled.
        lines, position: how many lines and bytes of the file have been read.
    """

    path: Path
    names: Sequence[str]
    stamps: NDArray[np.int64]
    contents: Contents
    lines: int = 0
    position: int = 0

    @cached_property
    def _hashes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The hashes of all names, sorted, and the row of each: a tenth of the memory of a dictionary."""
        hashes = _hashes(self.names)
        order = np.argsort(hashes)
        return hashes[order], order

    def _rows(self, names: Sequence[str]) -> NDArray[np.int64]:
        """The row of each of some names; -1 of one that is no file's."""
        hashes, order = self._hashes
        rows = order[np.searchsorted(hashes, _hashes(names)).clip(max=len(order) - 1)]
        same = [self.names[row] == name for row, name in zip(rows.tolist(), names, strict=True)]
        return np.where(same, rows, -1)

    def missing(self) -> list[int]:
        """The rows of files that are new or have changed, after the lines that were appended since the last call."""
        with suppress(OSError), self.path.open("rb") as file:
            file.seek(self.position)
            while lines := file.readlines(BLOCK):
                self.lines += len(lines)
                self.position += sum(map(len, lines))
                self._restore([body for line in lines if (body := unsealed(line))])
        # Rows without a size were not restored: no picture is without pixels.
        unknown: list[int] = np.flatnonzero(self.contents.sizes[:, 0] == 0).tolist()
        return [row for row in unknown if row not in self.contents.bad]

    def _restore(self, lines: Sequence[bytes]) -> None:
        """Fills the rows of files that have not changed; a line without the fields of a file is skipped."""
        try:
            self._fill(json.loads(b"[%s]" % b",".join(lines)))
        except (ValueError, TypeError, LookupError, OverflowError):
            for line in lines if len(lines) > 1 else ():
                self._restore([line])

    def _fill(self, lines: Sequence[Sequence[Any]]) -> None:
        """Fills the rows of lines' files, all or none; ValueError, TypeError or OverflowError, where a field is wrong."""
        if not lines:
            return
        names, lengths, times, *fields = zip(*lines, strict=True)
        contents = contents_of(*fields)
        rows = self._rows(names)
        same = (self.stamps[rows] == integers(lengths, times)).all(axis=1) & (rows >= 0)
        self.contents.fill(rows[same], contents.only(same))

    def add(self, root: Path, rows: Sequence[int], progress: Progress) -> None:
        """Reads files, and appends a line for each that can be used; the manifest is written anew where it has become too long."""
        names, contents = self.names, self.contents
        before = len(names) - len(rows)
        with _appending(self.path) as file:
            # Few at a time, so that what is done can be seen; but more where there are many, for tasks cost time too.
            size = min(MOST_AT_ONCE, 1 + len(rows) // CHUNK)
            some = (
                [root / names[row] for row in rows[at : at + size]]
                for at in range(0, len(rows), size)
            )
            read = chain.from_iterable(in_threads(_read_all, some, CORES))
            for done, (row, result) in enumerate(zip(rows, read, strict=True), before + 1):
                if isinstance(result, FileContent):
                    contents.put(row, result)
                    file.write(self._line(row))
                else:
                    contents.bad[row] = result
                progress(done, len(names))
        if self.lines + len(rows) > STALE * len(names):
            current = map(self._line, np.flatnonzero(contents.sizes[:, 0]).tolist())
            write_atomically(self.path, b"".join(current))

    def _line(self, row: int) -> bytes:
        content = self.contents.get(row)
        fields = [*content.size, content.fingerprint.hex(), content.brightest]
        name, stamp = self.names[row], self.stamps[row].tolist()
        return sealed([name, *stamp, content.sha256.hex(), *fields])


def file_beside(root: Path, data_dir: Path, suffix: str) -> Path:
    """The path of a file about a folder, by the folder's own name without characters that file systems refuse."""
    name = root.resolve().name
    plain = "".join(each if each.isascii() and each.isalnum() else "_" for each in name)[:64]
    checksum = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    return data_dir / "manifests" / f"{plain}-{checksum}.{suffix}"


def _stamps(root: Path, names: Sequence[str], bad: dict[int, str]) -> NDArray[np.int64]:
    """(N, 2): every file's size in bytes and last change in nanoseconds; puts into `bad` why a file cannot be found."""
    stamps = np.zeros((len(names), 2), np.int64)
    starts = range(0, len(names), CHUNK)
    chunks = in_threads(partial(_stats, root), (names[start : start + CHUNK] for start in starts))
    for start, chunk in zip(starts, chunks, strict=True):
        for row, stat in enumerate(chunk, start):
            if isinstance(stat, str):
                bad[row] = stat
            else:
                stamps[row] = stat
    return stamps


def _stats(root: Path, names: Sequence[str]) -> list[tuple[int, int] | str]:
    stats: list[tuple[int, int] | str] = []
    for name in names:
        try:
            stats.append(stamp(f"{root}/{name}"))
        except OSError as error:
            stats.append(unreadable(root / name, error))
    return stats


@contextmanager
def _appending(path: Path) -> Iterator[IO[bytes]]:
    """A context that opens a file for unbuffered appending, after an incomplete last line on a new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+", buffering=0) as file:
        if size := file.seek(0, os.SEEK_END):
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
        yield file


def _hashes(names: Iterable[str]) -> NDArray[np.int64]:
    return np.fromiter(map(hash, names), np.int64)


def _read_all(paths: Iterable[Path]) -> list[FileContent | str]:
    return [*map(_read, paths)]


def _read(path: Path) -> FileContent | str:
    """The content of a file, or why it cannot be used."""
    try:
        return opened(path, partial(_inspect, sha256(path)))
    except OSError as error:
        return unreadable(path, error)
    except AtalhoError as error:
        return error.cause


def _inspect(sha256: bytes, image: Image.Image) -> FileContent:
    """The content of a picture's file; a JPEG is decoded only as large as its fingerprint needs."""
    width, height = image.size
    spare = min(width, height) // DECODED
    # Reduced sides must still show whether EXIF turns the picture: equal, or clearly different.
    if width == height or abs(width - height) >= 2 * max(SCALES):
        image.draft(None, (width // max(spare, 1), height // max(spare, 1)))
    image.load()
    stored = image.size
    level = brightest(image) if sixteen_bits(image) else 0
    upright = upright_rgb(image, max(level, 1))
    size = (width, height) if upright.size == stored else (height, width)
    return FileContent(sha256, size, fingerprint(upright), level)
