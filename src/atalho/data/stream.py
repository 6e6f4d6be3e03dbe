"""The training stream of a split, wherever its images are."""

from typing import Protocol

from torch import Tensor

from atalho.data.batches import Batches, StreamSettings
from atalho.data.dataset import Images, Split
from atalho.data.decoding import Decoding
from atalho.data.folder import WORKERS
from atalho.data.on_disk import OnDisk


class Stream(Protocol):
    """Training batches as a pure function of the step."""

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """The images of a process's share of step `step`, (N, C, H, W) floats on the device, and their labels, (N,)."""

    def close(self) -> None:
        """Ends its threads, where it has any."""


def stream(split: Images, settings: StreamSettings, workers: int | None = None) -> Stream:
    """The stream of a split.

    Args:
        workers: threads that decode photos; by default one for each processor, at most 8. Their number changes nothing but the
            time.

    Raises:
        ValueError: at the first step, for a batch that does not divide among the processes.
    """
    if isinstance(split, Split):
        return Batches(split, settings)
    assert isinstance(split, OnDisk)
    return Decoding(split, settings, workers or WORKERS)
