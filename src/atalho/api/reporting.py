"""What is told while a function works: messages, and how far the work is."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atalho.training.listeners import Progress

Count = Callable[[int, int], None]
"""Is called with how much is done, and how much there is in all."""


def ignore(*told: Any) -> None:
    """Does nothing with what it is called with."""


def _counting(name: str) -> AbstractContextManager[Count]:
    return nullcontext(ignore)


def _training(name: str) -> "AbstractContextManager[Callable[[Progress], None]]":
    return nullcontext(ignore)


@dataclass(frozen=True)
class Reporter:
    """Functions that are called while work goes on; `Reporter()` is silent, `Reporter(say=print)` prints messages.

    Args:
        say: is called with a message for people.
        downloading: is called with a data set's name; a context whose value is called with bytes done and bytes in all.
        reading: the same of a folder's images.
        training: is called with a network's name; a context whose value is called with a run's `Progress`.
        bars: whether a download of weights draws torch's own bar on standard error.
    """

    say: Callable[[str], None] = ignore
    downloading: Callable[[str], AbstractContextManager[Count]] = _counting
    reading: Callable[[str], AbstractContextManager[Count]] = _counting
    training: "Callable[[str], AbstractContextManager[Callable[[Progress], None]]]" = _training
    bars: bool = False


QUIET = Reporter()
"""Nothing is told."""
