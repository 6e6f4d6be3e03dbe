"""Functions that are called with messages and progress while work goes on."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atalho.tasks import Begin
    from atalho.training.listeners import Progress

Count = Callable[[int, int], None]
"""Is called with the amount done so far and the total."""


def ignore(*values: object) -> None:
    """Does nothing, whatever it is called with."""


def _counting(name: str) -> AbstractContextManager[Count]:
    return nullcontext(ignore)


def _training(name: str) -> "AbstractContextManager[Callable[[Progress], None]]":
    return nullcontext(ignore)


def _beginning(name: str) -> "AbstractContextManager[Begin]":
    return nullcontext(ignore)


@dataclass(frozen=True)
class Reporter:
    """Functions that are called while work goes on; `Reporter()` is silent, `Reporter(say=print)` prints messages.

    Args:
        say: is called with a message for people.
        downloading: is called with a data set's name, and returns a context; its value is called with the bytes done and the
            bytes in all.
        reading: the same for the images of a folder.
        training: is called with a network's name, and returns a context; its value is called with a run's `Progress`.
        steps: the same for the steps of a comparison, a benchmark or a diagnosis; its value is called with each as it begins.
        bars: whether a download of weights draws torch's own bar on standard error.
    """

    say: Callable[[str], None] = ignore
    downloading: Callable[[str], AbstractContextManager[Count]] = _counting
    reading: Callable[[str], AbstractContextManager[Count]] = _counting
    training: "Callable[[str], AbstractContextManager[Callable[[Progress], None]]]" = _training
    steps: "Callable[[str], AbstractContextManager[Begin]]" = _beginning
    bars: bool = False


QUIET = Reporter()
"""The reporter that reports nothing."""
