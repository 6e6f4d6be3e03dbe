"""The content of every file of a folder of photos: read once, and again only where a file has changed.

It is kept as lines of JSON, one a file, which are appended as files are read: an interrupted scan resumes where it stopped. A file is
identified by its name below the folder, its size and the time of its last change, so that the folder may be moved.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atalho.data.copies import BYTES, DECODED, fingerprint
from atalho.data.dataset import Progress
from atalho.data.folder import in_threads
from atalho.data.image import (
    SCALES,
    WHITE,
    brightest,
    opened,
    sixteen_bits,
    unreadable,
    upright_rgb,
)
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.runtime.processor import cores

FORM = 2
"""The version of the lines' format, and of the fingerprints in them."""

CHUNK = 1000
"""How many files' sizes and times are read in one task."""

STALE = 2
"""The largest ratio of lines to files: a longer manifest is written anew."""

SHA256 = 32  # bytes
CORES = cores()


class FileContent(NamedTuple):
    """The content of a file.

    Attributes:
        sha256: of the file's bytes.
        size: (width, height) of the upright picture.
        brightest: the highest level of grey of 16 bits; 0 of other pictures.
    """

    sha256: bytes
    size: tuple[int, int]
    fingerprint: bytes
    brightest: int


@dataclass(frozen=True)
class Contents:
    """The contents of a folder's files: a row for each file; zeros for files that cannot be used.

    Attributes:
        sha256: (N, 32) bytes.
        sizes: (N, 2) of width and height of the upright pictures.
        fingerprints: (N, `copies.BYTES`) bytes.
        brightest: (N,) highest levels of grey of 16 bits; 0 of other pictures.
        bad: by row, why a file cannot be used.
    """

    sha256: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    fingerprints: NDArray[np.uint8]
    brightest: NDArray[np.uint16]
    bad: dict[int, str]

    @classmethod
    def empty(cls, files: int) -> "Contents":
        return cls(
            np.zeros((files, SHA256), np.uint8),
            np.zeros((files, 2), np.int32),
            np.zeros((files, BYTES), np.uint8),
            np.zeros(files, np.uint16),
            {},
        )

    def put(self, row: int, content: FileContent) -> None:
        """Fills a row.

        Raises:
            ValueError, OverflowError: a value has the wrong length or range; the row's size is not set then.
        """
        self.sha256[row] = np.frombuffer(content.sha256, np.uint8).reshape(SHA256)
        self.fingerprints[row] = np.frombuffer(content.fingerprint, np.uint8).reshape(BYTES)
        self.brightest[row] = content.brightest
        self.sizes[row] = content.size

    @property
    def white(self) -> int:
        """The grey level of 16 bits that is white: the highest of as many bits as the brightest of all files has."""
        brightest = int(self.brightest.max(initial=0))
        return (1 << max(8, brightest.bit_length())) - 1 if brightest else WHITE

    def only(self, rows: NDArray[np.bool_]) -> "Contents":
        """Some of the rows, all of which can be used."""
        return Contents(
            self.sha256[rows],
            self.sizes[rows],
            self.fingerprints[rows],
            self.brightest[rows],
            {},
        )

    def get(self, row: int) -> FileContent:
        width, height = self.sizes[row].tolist()
        return FileContent(
            self.sha256[row].tobytes(),
            (width, height),
            self.fingerprints[row].tobytes(),
            int(self.brightest[row]),
        )


def read_files(root: Path, names: Sequence[str], data_dir: Path, progress: Progress) -> Contents:
    """The content of each file, in order; new and changed files are read, on all cores, and their content is kept below `data_dir`.

    Args:
        names: of files below the root.
        progress: called with the numbers of files done and in all.

    Raises:
        AtalhoError: DATA-DIR (exit 2), where the manifest cannot be written.
    """
    contents = Contents.empty(len(names))
    stamps = _stamps(root, names, contents.bad)
    path = data_dir / "manifests" / _file_name(root)
    lines = _restore(path, names, stamps, contents)
    # Rows without a size were not restored: no picture is without pixels.
    new = [
        row for row in np.flatnonzero(contents.sizes[:, 0] == 0).tolist() if row not in contents.bad
    ]
    done = len(names) - len(new)
    if done:
        progress(done, len(names))
    if not new:
        return contents
    try:
        with _appending(path) as file:
            paths = (root / names[row] for row in new)
            for row, content in zip(new, in_threads(_read, paths, CORES), strict=True):
                if isinstance(content, FileContent):
                    contents.put(row, content)
                    file.write(_line(names[row], stamps[row], content))
                else:
                    contents.bad[row] = content
                done += 1
                progress(done, len(names))
        if lines + len(new) > STALE * len(names):
            rows = np.flatnonzero(contents.sizes[:, 0]).tolist()
            current = (_line(names[row], stamps[row], contents.get(row)) for row in rows)
            write_atomically(path, b"".join(current))
    except OSError as error:
        raise AtalhoError(
            "DATA-DIR",
            data_dir,
            f"cannot be written ({error.strerror}); what is in {root} would be read again every time",
            next_step="--data-dir FOLDER",
            exit=Exit.USAGE,
        ) from error
    return contents


def _file_name(root: Path) -> str:
    """The name of a folder's manifest, by the folder's own name without characters that file systems refuse."""
    name = root.resolve().name
    plain = "".join(each if each.isascii() and each.isalnum() else "_" for each in name)[:64]
    return f"{plain}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}.{FORM}.jsonl"


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
            stat = os.stat(f"{root}/{name}")  # noqa: PTH116 (there may be a million)
            stats.append((stat.st_size, stat.st_mtime_ns))
        except OSError as error:
            stats.append(unreadable(root / name, error))
    return stats


def _restore(
    path: Path, names: Sequence[str], stamps: NDArray[np.int64], contents: Contents
) -> int:
    """Fills the rows of files that have not changed from the manifest; returns the number of its lines.

    A line that is incomplete or damaged is skipped.
    """
    rows = {name: row for row, name in enumerate(names)}
    lines = 0
    with suppress(OSError), path.open("rb") as file:
        for line in file:
            lines += 1
            with suppress(ValueError, TypeError, LookupError, OverflowError):
                name, *stamp, sha256, width, height, print_, level = json.loads(line)
                row = rows[name]
                if stamp == stamps[row].tolist() and width > 0 and height > 0:
                    size = width, height
                    contents.put(
                        row, FileContent(bytes.fromhex(sha256), size, bytes.fromhex(print_), level)
                    )
    return lines


def _line(name: str, stamp: NDArray[np.int64], content: FileContent) -> bytes:
    fields = [*content.size, content.fingerprint.hex(), content.brightest]
    return json.dumps([name, *stamp.tolist(), content.sha256.hex(), *fields]).encode() + b"\n"


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


def _read(path: Path) -> FileContent | str:
    """The content of a file, or why it cannot be used."""
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").digest()
        return opened(path, partial(_inspect, sha256))
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
