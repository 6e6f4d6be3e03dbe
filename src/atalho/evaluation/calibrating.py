"""Fits the temperature at which a network's probabilities are as often right as they say, on held-out images."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from atalho.evaluation.accuracy import Classified
from atalho.runtime.world import ALONE, World
from atalho.weights.calibration import Calibration

MOST_IMAGES = 10_000
"""More held-out images would hardly change a temperature or a threshold."""

_LEAST, _MOST = 0.05, 20.0  # temperatures
_FAR = 30.0  # below the largest logit: how far beyond that another one is tells nothing of how sure a network should be


@torch.inference_mode()
def calibrated(
    batches: Iterable[Classified], images: int, split: str, world: World = ALONE
) -> Calibration | None:
    """The calibration of a network from its logits on held-out images; None where a logit is NaN or infinite.

    Args:
        batches: of this process.
        images: of all processes together.
        split: the name of the images.
        world: the processes that share the images: each has every `size`-th image, from its rank on.
    """
    logits, labels = (torch.cat(each) for each in zip(*batches, strict=True))
    every = logits.new_zeros(images, logits.shape[1] + 1, dtype=torch.float64)
    every[world.rank :: world.size, :-1] = logits.double()
    every[world.rank :: world.size, -1] = labels.double()
    gathered = world.sum(every).cpu().numpy()
    all_logits, truth = gathered[:, :-1], gathered[:, -1].astype(np.int64)
    if not np.isfinite(all_logits).all():
        return None
    temperature = fitted(all_logits, truth)
    probabilities = np.exp(log_softmax(all_logits / temperature, axis=1))
    right = probabilities.argmax(1) == truth
    return Calibration.of(temperature, split, probabilities.max(1).tolist(), right.tolist())


def fitted(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """The temperature of the least cross-entropy (Guo et al. 2017), with four digits after the point.

    The targets are Platt's (1999), a little below 1, so that a few images that are all classified rightly do not make it as
    sure as can be.

    Args:
        logits: (N, classes).
        truth: (N,) true classes.
    """
    images, classes = logits.shape
    logits = np.maximum(logits, logits.max(1, keepdims=True) - _FAR)
    target = (images + 1) / (images + 2)
    others = (1 - target) / max(1, classes - 1)

    def loss(log_temperature: float) -> float:
        logs = log_softmax(logits / np.exp(log_temperature), axis=1)
        of_truth = logs[np.arange(images), truth]
        total = target * of_truth + others * (logs.sum(1) - of_truth)
        return float(-total.mean())

    best = minimize_scalar(loss, bounds=(np.log(_LEAST), np.log(_MOST)), method="bounded")
    return round(float(np.exp(best.x)), 4)
