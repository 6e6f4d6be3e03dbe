"""The content of every file of a folder of photos: read once, and again only where a file has changed.

It is kept in a file of blocks, which are appended as files are read: an interrupted scan resumes where it stopped. A file is
identified by its name below the folder, its size and the time of its last change, so that the folder may be moved. One process at a
time reads files; others that need them wait, and take the blocks that it appends.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import IO

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
from atalho.data.manifest_blocks import Block, blocks, fill, rows_of
from atalho.data.packed import Packed, names_in
from atalho.data.shards import sha256, stamp
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.runtime.processor import cores

FORM = 4
"""The version of the file's format, and of the fingerprints in it."""

CHUNK = 1000
"""How many files' sizes and times are read in one task."""

MOST_AT_ONCE = 128
"""How many files are read in one task at the most; so many are a block."""

TURN = 1.0
"""Seconds between two looks at the blocks that another process appends."""

BUFFER = 1 << 20
"""About how many bytes of the manifest are read at once."""

LARGE = 4096
"""How many files are a block of a manifest that is written anew."""

STALE = 2
"""The largest ratio of rows to files: a longer manifest is written anew."""

CORES = cores()


def read_files(root: Path, names: Packed, data_dir: Path, progress: Progress) -> Contents:
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
    manifest = _Manifest(file_beside(root, data_dir, f"{FORM}.manifest"), names, stamps, contents)
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
        file: the inode of the file that has been read.
        rows, position: how many rows and bytes of it have been read.
        next: the row of the file after the last one that was read, which is probably the next one's.
    """

    path: Path
    names: Packed
    stamps: NDArray[np.int64]
    contents: Contents
    file: int = 0
    rows: int = 0
    position: int = 0
    next: int = 0

    @cached_property
    def _hashes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The hashes of all names, sorted, and the row of each: a tenth of the memory of a dictionary."""
        hashes = _hashes(self.names)
        order = np.argsort(hashes)
        return hashes[order], order

    def _places(self, block: Block) -> NDArray[np.int64]:
        """The row of each of a block's files; -1 of one that is not in the folder."""
        end = self.next + len(block.rows)
        if end <= len(self.names) and self.names.block(self.next, end) == block.names:
            places = np.arange(self.next, end)
        else:
            names = names_in(block.names)
            hashes, order = self._hashes
            places = order[np.searchsorted(hashes, _hashes(names)).clip(max=len(order) - 1)]
            same = [self.names[at] == name for at, name in zip(places.tolist(), names, strict=True)]
            places = np.where(same, places, -1)
        self.next = int(places[-1]) + 1
        return places

    def missing(self) -> list[int]:
        """The rows of files that are new or have changed, after the blocks that were appended since the last call."""
        with suppress(OSError), self.path.open("rb", buffering=BUFFER) as file:
            inode = os.fstat(file.fileno()).st_ino
            if inode != self.file:  # another process has written it anew
                self.file, self.rows, self.position = inode, 0, 0
            for block, end in blocks(file, self.position):
                self.rows += len(block.rows)
                self.position = end
                places = self._places(block)
                same = (self.stamps[places] == block.rows["stamp"]).all(axis=1) & (places >= 0)
                fill(self.contents, places[same], block.rows[same])
        # Rows without a size were not restored: no picture is without pixels.
        unknown: list[int] = np.flatnonzero(self.contents.sizes[:, 0] == 0).tolist()
        return [row for row in unknown if row not in self.contents.bad]

    def add(self, root: Path, rows: Sequence[int], progress: Progress) -> None:
        """Reads files, and appends those that can be used; the manifest is written anew where it has become too long."""
        names, contents = self.names, self.contents
        done = len(names) - len(rows)
        # Few at a time, so that what is done can be seen; but more where there are many, for tasks cost time too.
        size = min(MOST_AT_ONCE, 1 + len(rows) // CHUNK)
        some = [rows[at : at + size] for at in range(0, len(rows), size)]
        paths = ([root / names[row] for row in each] for each in some)
        with _appending(self.path, self.position) as file:
            for each, results in zip(some, in_threads(_read_all, paths, CORES), strict=True):
                read = []
                for row, result in zip(each, results, strict=True):
                    if isinstance(result, FileContent):
                        contents.put(row, result)
                        read.append(row)
                    else:
                        contents.bad[row] = result
                if read:
                    file.write(self._block(np.array(read)))
                for _ in each:
                    done += 1
                    progress(done, len(names))
        if self.rows + len(rows) > STALE * len(names):
            current = np.flatnonzero(contents.sizes[:, 0])
            parts = (current[at : at + LARGE] for at in range(0, len(current), LARGE))
            write_atomically(self.path, b"".join(map(self._block, parts)))

    def _block(self, rows: NDArray[np.int64]) -> bytes:
        names = self.names.select(rows)
        fields = rows_of(self.stamps, self.contents, rows)
        return Block(bytes(names.block(0, len(names))), fields).packed()


def file_beside(root: Path, data_dir: Path, suffix: str) -> Path:
    """The path of a file about a folder, by the folder's own name without characters that file systems refuse."""
    name = root.resolve().name
    plain = "".join(each if each.isascii() and each.isalnum() else "_" for each in name)[:64]
    checksum = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    return data_dir / "manifests" / f"{plain}-{checksum}.{suffix}"


def _stamps(root: Path, names: Packed, bad: dict[int, str]) -> NDArray[np.int64]:
    """(N, 2): every file's size in bytes and last change in nanoseconds; puts into `bad` why a file cannot be found."""
    stamps = np.zeros((len(names), 2), np.int64)
    starts = range(0, len(names), CHUNK)
    chunks = in_threads(partial(_stats, root), (names[start : start + CHUNK] for start in starts))
    for start, (some, missing) in zip(starts, chunks, strict=True):
        stamps[start : start + CHUNK] = some
        bad |= {start + place: cause for place, cause in missing.items()}
    return stamps


def _stats(root: Path, names: Sequence[str]) -> tuple[list[tuple[int, int]], dict[int, str]]:
    """The size and time of every file, zeros of one that cannot be found; and, by its place, why."""
    stats: list[tuple[int, int]] = []
    missing = {}
    folder = f"{root}/"
    for name in names:
        try:
            stats.append(stamp(folder + name))
        except OSError as error:
            missing[len(stats)] = unreadable(root / name, error)
            stats.append((0, 0))
    return stats, missing


@contextmanager
def _appending(path: Path, position: int) -> Iterator[IO[bytes]]:
    """A context that opens a file for unbuffered appending from a position on; what follows it is no whole block, and is cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.truncate(position)
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
