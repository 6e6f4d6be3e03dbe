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
        self._children: dict[tuple[str, int], Child] = {}

    def close(self) -> None:
        """Ends all processes."""
        for child in self._children.values():
            child.close()

    def child(self, system: System) -> Child:
        """The network's process; a new one where there is none, or it has ended."""
        child = self._children.get(_key(system))
        if child is None or child.ended:
            return self.new_child(system)
        self._children[_key(system)] = self._children.pop(_key(system))  # the last used is the last
        return child

    def new_child(self, system: System) -> Child:
        """A new process for the network, in place of the one it had; that which was not used for longest may go for it."""
        if earlier := self._children.pop(_key(system), None):
            earlier.close()
        while len(self._children) >= OPEN:
            self._children.pop(next(iter(self._children))).close()
        child = self._children[_key(system)] = system.start()
        return child


def _key(system: System) -> tuple[str, int]:
    return system.name, system.placement.streams


def groups(items: Sequence[T]) -> list[Sequence[T]]:
    """The items in their order, in as few groups of at most `OPEN` as there can be, none much larger than another."""
    count = -(-len(items) // OPEN)
    ends = [len(items) * (place + 1) // count for place in range(count)]
    return [items[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
