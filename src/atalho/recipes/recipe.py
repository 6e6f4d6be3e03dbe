"""What a recipe is: optimiser, schedule, augmentation and loss, as frozen data."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Literal

Normalisation = Literal["per_pixel_mean", "per_channel"]
Optimiser = Literal["sgd", "adamw"]


# Schedules: the rate as a share of the recipe's


@dataclass(frozen=True)
class StepDecay:
    """Times `factor` at each milestone, given as a fraction of all steps."""

    milestones: tuple[float, ...]
    factor: float

    def scale(self, step: int, steps: int) -> float:
        return self.factor ** sum(step >= round(part * steps) for part in self.milestones)


@dataclass(frozen=True)
class Stairs:
    """Times `factor` after every `share` of all steps (Szegedy 2014, §6: 4 % less every 8 epochs)."""

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
    """Times `factor` when the validation error has had no new minimum for `patience` rows of metrics (He 2015, §3.4)."""

    factor: float
    patience: int

    def scale(self, errors: Sequence[float]) -> float:
        """After the validation errors so far."""
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
    """Brightness, contrast and saturation times random factors from 1 - `strength` to 1 + `strength`, in random order (Howard 2013, arXiv:1312.5402)."""

    strength: float


@dataclass(frozen=True)
class Augmentation:
    """How a training image is changed, anew in every epoch.

    Args:
        crop: None shows the image as it is.
        mirror: left for right, half of the time, where the data allow it.
        colour: of images with three channels.
    """

    crop: PaddedCrop | ShorterSide | ResizedCrop | None = None
    mirror: bool = False
    colour: Lighting | Photometric | None = None


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Args:
        source: the paper and section, or that it is ours.
        batch_size: images a step.
        epochs, steps: the length, in either; one of them is given.
        lr, weight_decay: of the optimiser, on all parameters.
        momentum, nesterov: of stochastic gradient descent; AdamW has its own (Loshchilov 2017).
        body_rate: the rate of all but a newly drawn classifier, as a share of the classifier's.
        warmup: a phase at a lower rate before the schedule's, if any.
        auxiliary_weight: of each auxiliary head's loss (Szegedy 2014, §5).
        label_smoothing: the share of the target that is spread over all classes (Szegedy 2015, §7).
        clip_norm: the gradient's norm is scaled down to it where it is larger; None leaves it.
        averaging: the weights at the end are a running average with this decay (Polyak 1992); None takes the last.
        reestimate: images over which BatchNorm's statistics are taken anew at the end, as plain means; 0 keeps the moving ones.
        with_validation: the validation split is trained on too, and nothing is chosen.
        best: the weights at the end are those of the best validation (accuracy, then loss), not the last.
        patience: rows of metrics without a better validation after which the run ends; None runs to the end.
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

    @property
    def chooses(self) -> bool:
        """Whether anything is decided by the validation split, which then is not trained on."""
        return self.best or self.patience is not None or isinstance(self.schedule, Plateau)

    def length(self, images: int) -> int:
        """Steps in all, for so many training images."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, round(self.epochs * images / self.batch_size))
