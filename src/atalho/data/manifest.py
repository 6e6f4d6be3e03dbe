"""What is in every file of a folder of photos: read once, and again only where a file has changed.

Kept as lines of JSON, one a file, appended as files are read: a scan that is interrupted goes on where it stopped. A file is known by
its name below the folder, its size and the time of its last change, so that the folder may be at another place or machine.
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

FORM = 2
"""Of the lines, and of the fingerprints in them."""

CHUNK = 1000
"""Files whose sizes and times are asked for in one task."""

STALE = 2
"""How many times more lines than files a manifest has at most."""

SHA256 = 32  # bytes
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Seen(NamedTuple):
    """What is in a file.

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
    """What is in a folder's files: a row a file, and rows of zeros for files that cannot be used.

    Attributes:
        sha256: (N, 32) bytes.
        sizes: (N, 2) of width and height, upright.
        fingerprints: (N, `copies.BYTES`) bytes.
        brightest: (N,) highest levels of grey of 16 bits; 0 of other pictures.
        bad: why a file cannot be used, by its row.
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

    def put(self, row: int, seen: Seen) -> None:
        """Fills a row; ValueError or OverflowError, before its size is set, for what is not of the right length or range."""
        self.sha256[row] = np.frombuffer(seen.sha256, np.uint8).reshape(SHA256)
        self.fingerprints[row] = np.frombuffer(seen.fingerprint, np.uint8).reshape(BYTES)
        self.brightest[row] = seen.brightest
        self.sizes[row] = seen.size

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

    def get(self, row: int) -> Seen:
        width, height = self.sizes[row].tolist()
        return Seen(
            self.sha256[row].tobytes(),
            (width, height),
            self.fingerprints[row].tobytes(),
            int(self.brightest[row]),
        )


def read_files(root: Path, names: Sequence[str], data_dir: Path, progress: Progress) -> Contents:
    """What is in each file, in order; what is new is read, on all cores, and kept below `data_dir`.

    Args:
        names: of files below the root.
        progress: told of files done, and files in all.

    Raises:
        AtalhoError: DATA-DIR (exit 2), where it cannot be kept.
    """
    found = Contents.empty(len(names))
    stamps = _stamps(root, names, found.bad)
    path = data_dir / "manifests" / _file_name(root)
    lines = _restore(path, names, stamps, found)
    # No picture is without pixels.
    new = [row for row in np.flatnonzero(found.sizes[:, 0] == 0).tolist() if row not in found.bad]
    done = len(names) - len(new)
    if done:
        progress(done, len(names))
    if not new:
        return found
    try:
        with _appending(path) as file:
            paths = (root / names[row] for row in new)
            for row, seen in zip(new, in_threads(_read, paths, CORES), strict=True):
                if isinstance(seen, Seen):
                    found.put(row, seen)
                    file.write(_line(names[row], stamps[row], seen))
                else:
                    found.bad[row] = seen
                done += 1
                progress(done, len(names))
        if lines + len(new) > STALE * len(names):
            rows = np.flatnonzero(found.sizes[:, 0]).tolist()
            kept = (_line(names[row], stamps[row], found.get(row)) for row in rows)
            write_atomically(path, b"".join(kept))
    except OSError as error:
        raise AtalhoError(
            "DATA-DIR",
            data_dir,
            f"cannot be written ({error.strerror}); what is in {root} would be read again every time",
            next_step="--data-dir FOLDER",
            exit=Exit.USAGE,
        ) from error
    return found


def _file_name(root: Path) -> str:
    """That of the manifest of a folder of this name, without what file systems refuse."""
    name = root.resolve().name
    plain = "".join(each if each.isascii() and each.isalnum() else "_" for each in name)[:64]
    return f"{plain}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}.{FORM}.jsonl"


def _stamps(root: Path, names: Sequence[str], bad: dict[int, str]) -> NDArray[np.int64]:
    """(N, 2): every file's bytes and the nanosecond of its last change; why one cannot be found goes into `bad`."""
    found = np.zeros((len(names), 2), np.int64)
    starts = range(0, len(names), CHUNK)
    chunks = in_threads(partial(_stats, root), (names[start : start + CHUNK] for start in starts))
    for start, chunk in zip(starts, chunks, strict=True):
        for row, stat in enumerate(chunk, start):
            if isinstance(stat, str):
                bad[row] = stat
            else:
                found[row] = stat
    return found


def _stats(root: Path, names: Sequence[str]) -> list[tuple[int, int] | str]:
    found: list[tuple[int, int] | str] = []
    for name in names:
        try:
            stat = os.stat(f"{root}/{name}")  # noqa: PTH116 (there may be a million)
            found.append((stat.st_size, stat.st_mtime_ns))
        except OSError as error:
            found.append(unreadable(root / name, error))
    return found


def _restore(path: Path, names: Sequence[str], stamps: NDArray[np.int64], found: Contents) -> int:
    """Puts what the manifest says of files that have not changed; returns the number of its lines.

    A line that was not written whole, or that something else has damaged, is passed over.
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
                    found.put(row, Seen(bytes.fromhex(sha256), size, bytes.fromhex(print_), level))
    return lines


def _line(name: str, stamp: NDArray[np.int64], seen: Seen) -> bytes:
    said = [*seen.size, seen.fingerprint.hex(), seen.brightest]
    return json.dumps([name, *stamp.tolist(), seen.sha256.hex(), *said]).encode() + b"\n"


@contextmanager
def _appending(path: Path) -> Iterator[IO[bytes]]:
    """The file, each write of which is at its end at once; what was not written whole before stays a line of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+", buffering=0) as file:
        if size := file.seek(0, os.SEEK_END):
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
        yield file


def _read(path: Path) -> Seen | str:
    """What is in a file, or why it cannot be used."""
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").digest()
        return opened(path, partial(_look, sha256))
    except OSError as error:
        return unreadable(path, error)
    except AtalhoError as error:
        return error.cause


def _look(sha256: bytes, image: Image.Image) -> Seen:
    """What a picture is like; a JPEG is decoded only as large as its fingerprint needs."""
    width, height = image.size
    spare = min(width, height) // DECODED
    # Its sides must still tell whether it lies on its side.
    if width == height or abs(width - height) >= 2 * max(SCALES):
        image.draft(None, (width // max(spare, 1), height // max(spare, 1)))
    image.load()
    stored = image.size
    level = brightest(image) if sixteen_bits(image) else 0
    upright = upright_rgb(image, max(level, 1))
    size = (width, height) if upright.size == stored else (height, width)
    return Seen(sha256, size, fingerprint(upright), level)
