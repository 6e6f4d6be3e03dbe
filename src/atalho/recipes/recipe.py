"""What a recipe is: optimiser, schedule, augmentation and loss, as frozen data."""

from dataclasses import dataclass
from math import cos, pi
from typing import Literal, NamedTuple

from atalho.shape import Shape

Normalisation = Literal["per_pixel_mean", "per_channel"]


class Facts(NamedTuple):
    """What a recipe may depend on.

    Attributes:
        input: (C, H, W) of one image.
        macs: multiply-accumulates of one image.
        normalised: whether the network normalises its activations (batch, group or layer normalisation).
        depth: layers with weights along the longest path; None where no table says it.
    """

    input: Shape
    macs: int
    normalised: bool
    depth: int | None


@dataclass(frozen=True)
class StepDecay:
    """The rate times `factor` at each milestone, given as a fraction of all steps."""

    milestones: tuple[float, ...]
    factor: float

    def scale(self, step: int, steps: int) -> float:
        return self.factor ** sum(step >= round(part * steps) for part in self.milestones)


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
class Warmup:
    """A lower rate until the training error falls below a threshold (He 2015, §4.2, n = 18)."""

    lr: float
    until_error: float


@dataclass(frozen=True)
class Augmentation:
    """A random crop from the image padded by `crop_padding` on each side, and a mirror image half of the time."""

    crop_padding: int = 0
    mirror: bool = False


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Args:
        source: the paper and section, or that it is ours.
        batch_size: images a step.
        epochs, steps: the length, in either; one of them is given.
        lr, momentum, nesterov, weight_decay: of stochastic gradient descent, on all parameters.
        warmup: a phase at a lower rate before the schedule's, if any.
        auxiliary_weight: of each auxiliary head's loss (Szegedy 2014, §5).
        clip_norm: the gradient's norm is scaled down to it where it is larger; None leaves it.
        with_validation: the validation split is trained on too, and nothing is chosen.
    """

    name: str
    source: str
    batch_size: int
    lr: float
    momentum: float
    weight_decay: float
    schedule: StepDecay | WarmCosine
    augmentation: Augmentation
    normalisation: Normalisation
    epochs: float | None = None
    steps: int | None = None
    nesterov: bool = False
    warmup: Warmup | None = None
    auxiliary_weight: float = 0.3
    clip_norm: float | None = None
    with_validation: bool = False

    def length(self, images: int) -> int:
        """Steps in all, for so many training images."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, round(self.epochs * images / self.batch_size))
