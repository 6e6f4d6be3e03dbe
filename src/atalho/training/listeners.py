"""What a run tells whoever looks on while it is under way; nobody has to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

Row = dict[str, Any]
"""A row of metrics.csv, by column."""


class Progress(NamedTuple):
    """How far a run is, and the means over its last steps.

    Attributes:
        step, steps: done, and in all.
        epoch: how often each image was seen.
        loss: of the training images, in nats.
        top1: the fraction of them that was right.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    top1: float
    images_per_second: float


def _ignore(*news: object) -> None:
    """What is done with news that nobody wants."""


@dataclass(frozen=True)
class Listeners:
    """Functions that a run calls as it goes on.

    Args:
        ready: once the folder is the run's and there is something to do.
        progress: every few seconds.
        row: with every new row of metrics.csv.
        warn: with a line that a person should read.
    """

    ready: Callable[[], None] = _ignore
    progress: Callable[[Progress], None] = _ignore
    row: Callable[[Row], None] = _ignore
    warn: Callable[[str], None] = _ignore


SILENT = Listeners()
