"""What a recipe is: optimiser, schedule, augmentation and loss, as frozen data."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Literal

Normalisation = Literal["per_pixel_mean", "per_channel"]
Optimiser = Literal["sgd", "adamw"]


# Schedules: the learning rate as a share of the recipe's `lr`


@dataclass(frozen=True)
class StepDecay:
    """The rate is multiplied by `factor` at each milestone, a fraction of all steps."""

    milestones: tuple[float, ...]
    factor: float

    def scale(self, step: int, steps: int) -> float:
        return self.factor ** sum(step >= round(part * steps) for part in self.milestones)


@dataclass(frozen=True)
class Stairs:
    """The rate is multiplied by `factor` after every `share` of all steps (Szegedy 2014, §6: 4 % less every 8 epochs)."""

    factor: float
    share: float

    def scale(self, step: int, steps: int) -> float:
        return float(self.factor ** int(step / (self.share * steps)))


@dataclass(frozen=True)
class WarmCosine:
    """A linear rise over the first `warmup` of all steps, then half a cosine down to zero (Loshchilov 2016)."""

    warmup: float

    def scale(self, step: int, steps: int) -> float:
        rise = max(1, round(self.warmup * steps))
        if step < rise:
            return (step + 1) / rise
        return (1 + cos(pi * (step - rise) / (steps - rise))) / 2


@dataclass(frozen=True)
class Plateau:
    """The rate is multiplied by `factor` after `patience` rows of metrics without a new least validation error (He 2015, §3.4)."""

    factor: float
    patience: int

    def scale(self, errors: Sequence[float]) -> float:
        """Returns the share after these validation errors."""
        least, since, share = float("inf"), 0, 1.0
        for error in errors:
            since = 0 if error < least else since + 1
            least = min(least, error)
            if since == self.patience:
                since, share = 0, share * self.factor
        return share


Schedule = StepDecay | Stairs | WarmCosine | Plateau


@dataclass(frozen=True)
class Warmup:
    """A lower rate until the training error falls below a threshold (He 2015, §4.2, n = 18)."""

    lr: float
    until_error: float


# Augmentation: where an image is cropped, whether it is mirrored, how its colours change


@dataclass(frozen=True)
class PaddedCrop:
    """A random crop of the input's size from the image with `padding` zeros on each side (He 2015, §4.2)."""

    padding: int


@dataclass(frozen=True)
class ShorterSide:
    """A random crop of the input's size from the image, resized first so that its shorter side is a random length.

    Args:
        least, most: of that length, as multiples of the input's (He 2015, §3.4: 256 to 480 pixels for crops of 224).
    """

    least: float
    most: float


@dataclass(frozen=True)
class ResizedCrop:
    """A random part of the image, resized to the input.

    Args:
        area: least and largest share of the image's area.
        aspect: least and largest ratio of width to height, drawn evenly on a logarithmic scale.
    """

    area: tuple[float, float]
    aspect: tuple[float, float]


@dataclass(frozen=True)
class Lighting:
    """Noise along the principal components of ImageNet's colours, of deviation `std` (Krizhevsky 2012, §4.1)."""

    std: float


@dataclass(frozen=True)
class Photometric:
    """Brightness, contrast and saturation are multiplied by random factors in random order (Howard 2013, arXiv:1312.5402).

    Args:
        strength: the factors are from 1 - `strength` to 1 + `strength`.
    """

    strength: float


@dataclass(frozen=True)
class Augmentation:
    """How a training image is changed, anew in every epoch.

    Args:
        crop: None leaves the image as it is.
        mirror: whether images are mirrored left to right with probability 1/2, where the data allow it.
        colour: how the colours of images with three channels change; None leaves them.
    """

    crop: PaddedCrop | ShorterSide | ResizedCrop | None = None
    mirror: bool = False
    colour: Lighting | Photometric | None = None


AVERAGES = 12_800
"""The images over which the BatchNorm statistics of averaged weights are computed, at the most; our choice."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Args:
        source: the paper and section, or `atalho's own`.
        batch_size: images in a step.
        lr, weight_decay: of the optimiser, for all parameters.
        momentum, nesterov: of stochastic gradient descent; AdamW has its own momenta (Loshchilov 2017).
        epochs, steps: the length; one of the two is set.
        body_rate: the share of the rate at which given weights learn before a new classifier, and a new classifier that is fitted first.
        warmup: a phase at a lower rate before the schedule begins, if any.
        auxiliary_weight: the weight of each auxiliary head's loss (Szegedy 2014, §5).
        label_smoothing: the share of the target that is spread over all classes (Szegedy 2015, §7).
        clip_norm: the largest norm of the gradient, which is scaled down where it is larger; None does not clip.
        averaging: the final weights are a running average with this decay (Polyak 1992); None keeps the last weights.
        reestimate: the images over which BatchNorm's statistics are computed anew at the end, as means; 0 keeps the moving
            averages, but for averaged weights: as `reestimated`.
        with_validation: whether the validation split is trained on too; it then chooses nothing.
        best: whether the final weights are those of the best validation (accuracy, then loss) instead of the last.
        patience: the epochs without a better validation after which the run ends; None runs to the end.
        fitted_head: whether a new classifier on given weights begins as a logistic regression on their features, where it is a
            linear layer, and not with drawn weights.
        frozen_statistics: whether BatchNorm keeps the statistics of given weights and normalises by them, in training too.
        balanced: whether every class has the same weight in the loss, however many images it has.
    """

    name: str
    source: str
    batch_size: int
    lr: float
    momentum: float
    weight_decay: float
    schedule: Schedule
    augmentation: Augmentation
    normalisation: Normalisation
    epochs: float | None = None
    steps: int | None = None
    optimiser: Optimiser = "sgd"
    nesterov: bool = False
    body_rate: float = 1.0
    warmup: Warmup | None = None
    auxiliary_weight: float = 0.3
    label_smoothing: float = 0.0
    clip_norm: float | None = None
    averaging: float | None = None
    reestimate: int = 0
    with_validation: bool = False
    best: bool = False
    patience: int | None = None
    fitted_head: bool = False
    frozen_statistics: bool = False
    balanced: bool = False

    @property
    def chooses(self) -> bool:
        """Whether the validation split decides on weights, rate or length, so that it may not be trained on."""
        return self.best or self.patience is not None or isinstance(self.schedule, Plateau)

    def reestimated(self, images: int) -> int:
        """Over how many of `images` training images BatchNorm's statistics are computed anew; 0 where the moving or the given ones stay.

        Averaged weights have none of their own: the moving averages are those of the last steps' weights.
        """
        if self.frozen_statistics:
            return 0
        return self.reestimate or (min(images, AVERAGES) if self.averaging else 0)

    def length(self, images: int) -> int:
        """The number of steps, for `images` training images."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, round(self.epochs * images / self.batch_size)) if self.epochs else 0
