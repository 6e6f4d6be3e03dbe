"""Functions that a training run calls while it goes on, to report its progress."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

Row = dict[str, Any]
"""A row of metrics.csv, by column."""


class Progress(NamedTuple):
    """How far a run is, and the means over its last steps.

    Attributes:
        step, steps: number of steps done, and in all.
        epoch: how many times each image was used.
        loss: of the training images, in nats.
        top1: the fraction of them that was classified correctly.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    top1: float
    images_per_second: float


def _ignore(*news: object) -> None:
    """The default of a listener: does nothing."""


@dataclass(frozen=True)
class Listeners:
    """Functions that a run calls as it goes on.

    Args:
        ready: is called before the first step; not for a run that is finished already.
        progress: is called every few seconds.
        row: is called with every new row of metrics.csv.
        warn: is called with a line that a person should read.
        reading: is called with the images whose features are computed, and the images in all.
    """

    ready: Callable[[], None] = _ignore
    progress: Callable[[Progress], None] = _ignore
    row: Callable[[Row], None] = _ignore
    warn: Callable[[str], None] = _ignore
    reading: Callable[[int, int], None] = _ignore


SILENT = Listeners()
