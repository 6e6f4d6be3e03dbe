"""The file of a manifest: blocks, each with a checksum, of rows of as many bytes each, and of the names of their files."""

import struct
from collections.abc import Iterator
from typing import IO, Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from atalho.data.contents import SHA256, Contents
from atalho.data.copies import BYTES
from atalho.data.image import MOST_PIXELS

MAGIC = b"\x93ATALHO\n"
HEAD = struct.Struct(f"<{len(MAGIC)}sIIII")
"""How a block begins: the magic, how many rows it has and how many bytes of names, the CRC-32 of these and that of all that follows."""

ROW = np.dtype(
    [
        ("stamp", "<i8", 2),
        ("sha256", "u1", SHA256),
        ("size", "<i4", 2),
        ("fingerprint", "u1", BYTES),
        ("brightest", "<u2"),
    ]
)
"""A file's size and time, by which it is known again, and its content."""

PIECE = 1 << 20
"""How many bytes at a time are searched for the beginning of a block."""


class Block(NamedTuple):
    """Some files of a manifest.

    Attributes:
        names: each followed by NUL.
        rows: (N,) of `ROW`.
    """

    names: bytes
    rows: NDArray[Any]

    def packed(self) -> bytes:
        """The block as bytes of the file."""
        body = self.rows.tobytes() + self.names
        counts = struct.pack("<II", len(self.rows), len(self.names))
        return MAGIC + counts + struct.pack("<II", crc32(counts), crc32(body)) + body


def rows_of(stamps: NDArray[np.int64], contents: Contents, some: NDArray[np.int64]) -> NDArray[Any]:
    """Some of the rows of contents, with the stamps of their files, as rows of a block."""
    rows = np.empty(len(some), ROW)
    rows["stamp"] = stamps[some]
    rows["sha256"] = contents.sha256[some]
    rows["size"] = contents.sizes[some]
    rows["fingerprint"] = contents.fingerprints[some]
    rows["brightest"] = contents.brightest[some]
    return rows


def fill(contents: Contents, places: NDArray[np.int64], rows: NDArray[Any]) -> None:
    """Fills some rows of contents with those of a block."""
    contents.sha256[places] = rows["sha256"]
    contents.sizes[places] = rows["size"]
    contents.fingerprints[places] = rows["fingerprint"]
    contents.brightest[places] = rows["brightest"]


def blocks(file: IO[bytes], position: int) -> Iterator[tuple[Block, int]]:
    """The blocks in a file from a position on, each with the position of its end.

    Whatever is damaged is skipped. The last block may be incomplete, while it is written or since its writer was killed.
    """
    while True:
        file.seek(position)
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            return
        magic, count, length, of_head, of_body = HEAD.unpack(head)
        if magic == MAGIC and of_head == crc32(head[len(MAGIC) : -8]):
            body = file.read(count * ROW.itemsize + length)
            if len(body) < count * ROW.itemsize + length:
                return
            if of_body == crc32(body) and (block := _block(body, count)):
                position += HEAD.size + len(body)
                yield block, position
                continue
        position = _beginning(file, position + 1)


def _block(body: bytes, count: int) -> Block | None:
    """The block whose bytes these are; None where they are no names and contents of pictures."""
    rows = np.frombuffer(body, ROW, count)
    names = body[count * ROW.itemsize :]
    sizes = rows["size"]
    plain = names.count(0) == count > 0 and names[-1] == 0
    return Block(names, rows) if plain and 0 < sizes.min() <= sizes.max() <= MOST_PIXELS else None


def _beginning(file: IO[bytes], position: int) -> int:
    """Where the next block may begin, from a position on; the end of the file, where there is none."""
    while True:
        file.seek(position)
        piece = file.read(PIECE)
        place = piece.find(MAGIC)
        if place >= 0 or len(piece) < PIECE:
            return position + (place if place >= 0 else len(piece))
        position += PIECE - len(MAGIC)
