"""The processes that networks are measured in, of which only a handful are open at once."""

from collections.abc import Sequence
from typing import TypeVar

from atalho.benchmark.system import System
from atalho.runtime.child import Child

T = TypeVar("T")

OPEN = 6
"""Processes at once, at most: each holds its network and its engine in memory."""


class Pool:
    """Processes by the network that each of them runs."""

    def __init__(self) -> None:
        self._children: dict[tuple[str, int, bool], Child] = {}

    def close(self) -> None:
        """Ends all processes."""
        for child in self._children.values():
            child.close()

    def child(self, system: System) -> Child:
        """The network's process; a new one where the last has ended, for which the one that was not used for longest may go."""
        key = system.name, system.placement.streams, bool(system.files)
        child = self._children.pop(key, None)
        if child is not None and child.ended:
            child.close()
            child = None
        if child is None:
            while len(self._children) >= OPEN:
                self._children.pop(next(iter(self._children))).close()
            child = system.start()
        self._children[key] = child
        return child


def groups(items: Sequence[T]) -> list[Sequence[T]]:
    """The items in their order, in as few groups of at most `OPEN` as there can be, none much larger than another."""
    count = -(-len(items) // OPEN)
    ends = [len(items) * (place + 1) // count for place in range(count)]
    return [items[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
