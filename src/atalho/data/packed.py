"""Texts in one block of bytes: a million names of files take a third of the memory of as many objects."""

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload


class Packed(Sequence[str]):
    """Names of files, which are objects only while they are used."""

    def __init__(self, names: Iterable[str]) -> None:
        block = bytearray()
        self._ends = array("q", [0])
        for name in names:
            block += os.fsencode(name)
            self._ends.append(len(block))
        self._bytes = bytes(block)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[str]:
        return (os.fsdecode(self._bytes[begin:end]) for begin, end in pairwise(self._ends))

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        row = range(len(self))[place]
        return os.fsdecode(self._bytes[self._ends[row] : self._ends[row + 1]])
