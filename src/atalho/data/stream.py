"""The training stream of a split, wherever its images are."""

from typing import Protocol

import torch
from torch import Tensor

from atalho.data.batches import Batches, Preprocessing
from atalho.data.dataset import Images, Split
from atalho.data.decoding import Decoding
from atalho.data.draws import WHOLE, Share
from atalho.data.folder import WORKERS
from atalho.data.photos import OnDisk
from atalho.recipes.recipe import Augmentation


class Stream(Protocol):
    """Training batches as a pure function of the step."""

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """The images of a process's share of step `step`, (N, C, H, W) floats on the device, and their labels, (N,)."""

    def close(self) -> None:
        """Ends its threads, where it has any."""


def stream(
    split: Images,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    *,
    batch: int,
    seed: int,
    mirror: bool,
    device: torch.device,
    share: Share = WHOLE,
    workers: int | None = None,
) -> Stream:
    """The stream of a split.

    Args:
        batch: images of a step, over all processes.
        mirror: whether the data may be mirrored.
        share: (rank, world) of this process, which makes an equal part of every batch.
        workers: threads that decode photos; as many as there are processors, and at most 8, unless given. They change nothing but
            the time.

    Raises:
        ValueError: a batch that does not divide among the processes.
    """
    if isinstance(split, Split):
        return Batches(
            split,
            preprocessing,
            augmentation,
            batch=batch,
            seed=seed,
            mirror=mirror,
            device=device,
            share=share,
        )
    assert isinstance(split, OnDisk)
    return Decoding(
        split,
        preprocessing,
        augmentation,
        batch=batch,
        seed=seed,
        mirror=mirror,
        device=device,
        share=share,
        workers=workers or WORKERS,
    )
