"""Training batches of images in memory: pure functions of the step, computed on the device that holds the images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from atalho.data.augmentation import boxes, recoloured, resampled
from atalho.data.dataset import Split
from atalho.data.draws import WHOLE, Share, positions, uniform
from atalho.grammar.shape import Shape
from atalho.recipes.recipe import Augmentation, Normalisation, PaddedCrop, ResizedCrop, ShorterSide
from atalho.runtime.transfer import on_device


class Preprocessing(NamedTuple):
    """What is done to 8-bit images before a network sees them: scaled to [0, 1], mean subtracted, divided by std.

    Attributes:
        mean: (H, W, C) for a mean of every pixel, or (1, 1, C).
        std: (1, 1, C).
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def per_channel(cls, mean: Sequence[float], std: Sequence[float]) -> "Preprocessing":
        """The preprocessing by one mean and one standard deviation a channel, of pixels in [0, 1]."""
        return cls(*(torch.tensor(each).reshape(1, 1, -1) for each in (mean, std)))

    @property
    def per_pixel(self) -> bool:
        """Whether every pixel has a mean of its own."""
        return self.mean.shape[:2] != (1, 1)

    def to(self, device: torch.device) -> "Preprocessing":
        return Preprocessing(self.mean.to(device), self.std.to(device))


def fit(images: Tensor, normalisation: Normalisation) -> Preprocessing:
    """The preprocessing by the statistics of (N, H, W, C) 8-bit training images."""
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
    return normalise(images.float() / 255, preprocessing)


def normalise(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(N, H, W, C) floats in [0, 1] to (N, C, H, W), channels last in memory."""
    # Repeated along a row, three numbers are subtracted and divided by in vectors, several times as fast.
    width = pixels.shape[2]
    mean, std = (each.expand(*each.shape[:-2], width, -1).contiguous() for each in preprocessing)
    return ((pixels - mean) / std).permute(0, 3, 1, 2)


_STREAMS = torch.tensor([[0], [1], [2]])
"""Of the random numbers by which an image is shifted down and right, and mirrored."""


@dataclass(frozen=True)
class StreamSettings:
    """What training batches are made of, beside the images.

    Args:
        batch: images of a step, over all processes.
        seed: from which every order, crop and colour is drawn, with the epoch and the image.
        mirror: whether a mirrored image keeps its label; without, the augmentation's mirror images are left out.
        device: on which batches are returned.
        share: (rank, world) of this process: each process computes an equal part of every batch, in the order of their ranks.
    """

    preprocessing: Preprocessing
    augmentation: Augmentation
    batch: int
    seed: int
    mirror: bool
    device: torch.device
    share: Share = WHOLE


class Augmenter:
    """Turns a split's images into training images on the device: crops padded images, mirrors, recolours and preprocesses.

    Crops that are resized are made before, by `augmentation.resampled` or while a photo is decoded.

    Args:
        input: (C, H, W) of the images.
    """

    def __init__(self, settings: StreamSettings, input: Shape) -> None:
        augmentation = settings.augmentation
        crop = augmentation.crop
        self.seed = settings.seed
        self.device = settings.device
        self.size = input[1:]
        self.mirror = settings.mirror and augmentation.mirror
        self.colour = augmentation.colour if input[0] == 3 else None
        self.padding = crop.padding if isinstance(crop, PaddedCrop) else 0
        shifts = 2 * self.padding + 1
        self.bounds = torch.tensor([[shifts], [shifts], [2]])
        self.preprocessing = settings.preprocessing.to(self.device)
        if self.padding:
            # Padded like the images, so that what is added around an image is zero after the mean is subtracted.
            mean = self.padded(self.preprocessing.mean.expand(*self.size, -1))
            self.preprocessing = self.preprocessing._replace(mean=mean)

    def padded(self, images: Tensor) -> Tensor:
        """(…, H, W, C) images with zeros on each side; unchanged where the augmentation does not crop padded images."""
        return F.pad(images, (0, 0, *(self.padding,) * 4))

    def __call__(self, images: Tensor, which: Tensor, samples: Tensor, epochs: Tensor) -> Tensor:
        """(N, C, H, W) floats of some padded images, cropped, mirrored, recoloured and preprocessed.

        Args:
            images: (K, H, W, C), 0 to 255.
            which: (N,) indices of the images to return.
            samples, epochs: (N,) on the host; with the seed they determine the random numbers of each image.
        """
        mean, std = self.preprocessing
        # Drawn on the host, where so few numbers cost less than a GPU's launches, and copied together.
        draws = uniform(self.seed, epochs, samples, _STREAMS, self.bounds)
        down, right, turned = on_device(draws, self.device)
        mirrored = turned.bool() if self.mirror else None
        if self.padding:
            rows, columns = (
                torch.arange(side, device=self.device).expand(len(which), -1) for side in self.size
            )
            if mirrored is not None:
                columns = torch.where(mirrored[:, None], columns.flip(1), columns)
            rows = (rows + down[:, None])[:, :, None]
            columns = (columns + right[:, None])[:, None, :]
            height, width = images.shape[1:3]
            places = rows * width + columns
            pixels = _gathered(images, (which * height * width)[:, None, None] + places)
            mean = _gathered(mean, places)
        else:
            # Whole rows are copied faster than pixels are gathered.
            pixels = images[which]
            if mirrored is not None:
                each = mirrored[:, None, None, None]
                pixels = torch.where(each, pixels.flip(2), pixels)
                mean = torch.where(each, mean.flip(1), mean) if mean.shape[1] > 1 else mean
        pixels = pixels.float() / 255
        if self.colour:
            pixels = recoloured(pixels, self.colour, (self.seed, epochs, samples))
        return normalise(pixels, Preprocessing(mean, std))


def _gathered(pixels: Tensor, places: Tensor) -> Tensor:
    """(N, H, W, C) of the pixels at some (N, H, W) places among all of `pixels`, (…, C); several times as fast as by an index for each axis."""
    channels = pixels.shape[-1]
    chosen = pixels.reshape(-1, channels).index_select(0, places.flatten())
    return chosen.view(*places.shape, channels)


class Batches:
    """The training stream of a split that lies on the device."""

    def __init__(self, split: Split, settings: StreamSettings) -> None:
        self.count = len(split.labels)
        self.settings = settings
        self.input = split.framing.input
        self.augmenter = Augmenter(settings, self.input)
        self.images = self.augmenter.padded(split.images.to(settings.device))
        self.labels = split.labels.to(settings.device)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Step `step`'s images, (batch / world, C, H, W) floats, and labels, (batch / world,)."""
        settings, crop = self.settings, self.settings.augmentation.crop
        samples, epochs = positions(self.count, settings.batch, step, settings.seed, settings.share)
        images, which = self.images, on_device(samples, self.labels.device)
        labels = self.labels[which]
        if isinstance(crop, ShorterSide | ResizedCrop):
            height, width = self.input[1:]
            sizes = torch.tensor([[width, height]]).expand(len(samples), -1)
            windows = boxes(crop, self.input, sizes, (settings.seed, epochs, samples))
            images, which = (
                resampled(images[which], windows),
                torch.arange(len(which), device=which.device),
            )
        return self.augmenter(images, which, samples, epochs), labels

    def close(self) -> None:
        """Does nothing: unlike a stream from disk, this one has no threads to end."""
