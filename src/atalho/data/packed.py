"""Names of files in one block of bytes: a million take a third of the memory of as many objects."""

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import overload

import numpy as np
from numpy.typing import NDArray

CODE = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
"""How names are bytes: as in the file system."""

END = "\0"
"""What follows every name in the block; no name of a file contains it."""

SOME = 10_000
"""How many names are objects at a time."""


class Packed(Sequence[str]):
    """Names of files, which are objects only while they are used; ValueError for a name that no file can have."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._block = bytearray()
        self._ends = array("q", [0])
        self.extend(names)

    def extend(self, names: Iterable[str]) -> None:
        """Appends names."""
        names = iter(names)
        while some := [*islice(names, SOME)]:
            before = len(self)
            self._append("".join([name + END for name in some]).encode(*CODE))
            if len(self) != before + len(some):
                raise ValueError("a name contains NUL")

    def _append(self, block: bytes | bytearray) -> None:
        """Appends the names in a block."""
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 0) + (len(self._block) + 1)
        self._block += block
        self._ends.frombytes(ends.astype(np.int64).tobytes())

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), SOME):
            yield from self[start : start + SOME]

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            rows = range(len(self))[place]
            if rows.step != 1:
                return [self[row] for row in rows]
            return names_in(self.block(rows.start, rows.stop))
        row = range(len(self))[place]
        return self.block(row, row + 1).decode(*CODE)[: -len(END)]

    def block(self, start: int, stop: int) -> bytearray:
        """The names from row `start` up to row `stop`, each followed by `END`, as bytes."""
        return self._block[self._ends[start] : self._ends[max(start, stop)]]

    def select(self, rows: NDArray[np.int64]) -> "Packed":
        """The names in some rows, in the order of the rows."""
        selected = Packed()
        # Rows that follow one another are copied as one.
        for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1):
            if len(run):
                selected._append(self.block(int(run[0]), int(run[-1]) + 1))
        return selected


def names_in(block: bytes | bytearray) -> list[str]:
    """The names in a block of bytes."""
    return block.decode(*CODE).split(END)[:-1]
