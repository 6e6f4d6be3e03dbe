"""Random numbers as pure functions: an epoch's order of (seed, epoch), all others of (seed, epoch, sample), on any device.

Training samples form one endless stream: epoch after epoch, each in its own order. Step s takes the s-th batch of it, so
every batch is full, every image is seen once an epoch, and a run can start at any step.
"""

import hashlib
from functools import lru_cache

import torch
from torch import Tensor

Share = tuple[int, int]
"""(rank, world): the index of a process, and the number of processes."""

WHOLE: Share = (0, 1)


def _mix(x: Tensor) -> Tensor:
    """SplitMix64's finaliser (Steele 2014): 64 well-mixed bits from 64; int64 arithmetic wraps as it needs."""
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * -0x40A7B892E31B1A47
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * -0x6B2FB644ECCEEE15
    return x ^ ((x >> 31) & 0x1FFFFFFFF)


def uniform(
    seed: int, epochs: Tensor, samples: Tensor, stream: int | Tensor, bound: int | Tensor
) -> Tensor:
    """Integers in [0, bound) for (N,) epochs and samples: equal for equal seed, epoch, sample and stream, on every device.

    Args:
        stream, bound: numbers, or (S, 1) of them for (S, N) integers.
    """
    key = torch.tensor((2 * seed + 2**63) % 2**64 - 2**63) + 2**40 * stream  # wraps, as int64 does
    bits = _mix(samples + _mix(epochs + _mix(key)))
    return ((bits >> 33) & 0x7FFFFFFF) * bound >> 31


@lru_cache(maxsize=4)
def order(images: int, seed: int, epoch: int) -> Tensor:
    """The order of an epoch: a permutation of (images,) that depends on seed and epoch alone."""
    key = hashlib.sha256(f"order {seed} {epoch}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(key[:7]))
    return torch.randperm(images, generator=generator)


def positions(
    images: int, batch: int, step: int, seed: int, share: Share = WHOLE
) -> tuple[Tensor, Tensor]:
    """The samples of one process at step `step` (from 0), and the epoch of each; both (batch / world,).

    Raises:
        ValueError: a batch that does not divide among the processes.
    """
    rank, world = share
    if batch % world:
        raise ValueError(f"a batch of {batch} does not divide among {world}")
    count = batch // world
    begin = step * batch + rank * count
    stream = torch.arange(begin, begin + count)
    epochs = stream // images
    samples = torch.empty_like(stream)
    for epoch in epochs.unique().tolist():
        chosen = epochs == epoch
        samples[chosen] = order(images, seed, epoch)[stream[chosen] % images]
    return samples, epochs
