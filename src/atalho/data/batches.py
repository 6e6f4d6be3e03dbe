"""Batches as pure functions: order of (seed, epoch), augmentation of (seed, epoch, sample); all of it on the device.

Training samples form one endless stream: epoch after epoch, each in its own order. Step s takes the s-th batch of it, so
every batch is full, every image is seen once an epoch, and a run can start at any step.
"""

import hashlib
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from atalho.data.dataset import Split
from atalho.recipes.recipe import Augmentation, Normalisation, PaddedCrop


class Preprocessing(NamedTuple):
    """What is done to 8-bit images before a network sees them: scaled to [0, 1], mean subtracted, divided by std.

    Attributes:
        mean: (H, W, C) for a mean of every pixel, or (1, 1, C).
        std: (1, 1, C).
    """

    mean: Tensor
    std: Tensor

    def to(self, device: torch.device) -> "Preprocessing":
        return Preprocessing(self.mean.to(device), self.std.to(device))


def fit(images: Tensor, normalisation: Normalisation) -> Preprocessing:
    """The statistics of (N, H, W, C) 8-bit training images."""
    # Exact sums of integers: the result does not depend on the number of threads.
    numbers = images.numpy()
    count, channels = len(numbers), numbers.shape[-1]
    if normalisation == "per_pixel_mean":
        mean = numbers.sum(axis=0, dtype=np.int64) / (255 * count)
        return Preprocessing(torch.from_numpy(mean).float(), torch.ones(1, 1, channels))
    planes = [numbers[..., channel].ravel() for channel in range(channels)]
    counts = np.stack([np.bincount(plane, minlength=256) for plane in planes])
    levels = np.arange(256) / 255
    mean = counts @ levels / counts.sum(axis=1)
    variance = counts @ levels**2 / counts.sum(axis=1) - mean**2
    std = np.sqrt(variance)
    return Preprocessing(
        *(torch.from_numpy(each).float().reshape(1, 1, -1) for each in (mean, std))
    )


def preprocess(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(N, H, W, C) 8-bit images to (N, C, H, W) floats, channels last in memory."""
    scaled = (images.float() / 255 - preprocessing.mean) / preprocessing.std
    return scaled.permute(0, 3, 1, 2)


def _mix(x: Tensor) -> Tensor:
    """SplitMix64's finaliser (Steele 2014): 64 well-mixed bits from 64; int64 arithmetic wraps as it needs."""
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * -0x40A7B892E31B1A47
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * -0x6B2FB644ECCEEE15
    return x ^ ((x >> 31) & 0x1FFFFFFFF)


def uniform(seed: int, epochs: Tensor, samples: Tensor, stream: int, bound: int) -> Tensor:
    """Integers in [0, bound) for (N,) epochs and samples: the same for the same four numbers, on every device."""
    bits = _mix(samples + _mix(epochs + _mix(torch.full_like(samples, 2 * seed + 2**40 * stream))))
    return ((bits >> 33) & 0x7FFFFFFF) * bound >> 31


@lru_cache(maxsize=4)
def order(images: int, seed: int, epoch: int) -> Tensor:
    """The order of an epoch: a permutation of (images,) that depends on seed and epoch alone."""
    key = hashlib.sha256(f"order {seed} {epoch}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(key[:7]))
    return torch.randperm(images, generator=generator)


def positions(images: int, batch: int, step: int, seed: int) -> tuple[Tensor, Tensor]:
    """The samples of step `step` (from 0), and the epoch that each is taken in; both (batch,)."""
    stream = torch.arange(step * batch, (step + 1) * batch)
    epochs = stream // images
    samples = torch.empty_like(stream)
    for epoch in epochs.unique().tolist():
        chosen = epochs == epoch
        samples[chosen] = order(images, seed, epoch)[stream[chosen] % images]
    return samples, epochs


class Batches:
    """The training stream of a split that lies on the device.

    Args:
        split: the images; `mirror` says whether they may be mirrored.
        device: where images lie and batches are made.
    """

    def __init__(
        self,
        split: Split,
        preprocessing: Preprocessing,
        augmentation: Augmentation,
        *,
        batch: int,
        seed: int,
        mirror: bool,
        device: torch.device,
    ) -> None:
        self.count = len(split.labels)
        self.batch = batch
        self.seed = seed
        self.size = split.images.shape[1:3]
        crop = augmentation.crop
        self.padding = crop.padding if isinstance(crop, PaddedCrop) else 0
        self.mirror = mirror and augmentation.mirror
        around = (0, 0, *(self.padding,) * 4)
        self.images = F.pad(split.images.to(device), around)
        self.labels = split.labels.to(device)
        mean, self.std = preprocessing.to(device)
        # Padded like the images, so that what is added around an image is zero after the mean is subtracted.
        self.mean = F.pad(mean.expand(*self.size, -1), around)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Step `step`'s images, (batch, C, H, W) floats, and labels, (batch,)."""
        on_host = positions(self.count, self.batch, step, self.seed)
        samples, epochs = (tensor.to(self.labels.device) for tensor in on_host)
        rows, columns = (
            torch.arange(side, device=samples.device).expand(self.batch, -1) for side in self.size
        )
        if self.mirror:
            mirrored = uniform(self.seed, epochs, samples, 2, 2).bool()
            columns = torch.where(mirrored[:, None], columns.flip(1), columns)
        if self.padding:
            shifts = 2 * self.padding + 1
            rows = rows + uniform(self.seed, epochs, samples, 0, shifts)[:, None]
            columns = columns + uniform(self.seed, epochs, samples, 1, shifts)[:, None]
        images = self.images[samples[:, None, None], rows[:, :, None], columns[:, None, :]]
        mean = self.mean[rows[:, :, None], columns[:, None, :]]
        return preprocess(images, Preprocessing(mean, self.std)), self.labels[samples]
