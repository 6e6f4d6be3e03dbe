"""Which images a network answers, so that few of its answers are wrong: selection with guaranteed risk (Geifman and El-Yaniv 2017)."""

from bisect import bisect_left
from collections.abc import Sequence
from math import ceil, log2
from typing import NamedTuple

from atalho.statistics import most_lost

RISK = 0.05
"""The probability, over the choice of the held-out images, that the bound on the error does not hold."""


class Threshold(NamedTuple):
    """How sure a network must be of an answer.

    Attributes:
        confidence: the least probability of the predicted class with which an image is answered.
        answered, wrong: of the held-out images, how many are answered, and how many of these wrongly.
        images: all held-out images.
        bound: the largest share of wrong answers that is likely, with a probability of 1 - `RISK`, for images as the held-out ones.
    """

    confidence: float
    answered: int
    wrong: int
    images: int
    bound: float


def threshold(right: Sequence[float], wrong: Sequence[float], max_error: float) -> Threshold | None:
    """The threshold below which the network says that it is unsure, so that at most `max_error` of its answers are wrong.

    It is searched by halving, as in the paper's algorithm 1, and every step is a test of an exact binomial bound, corrected for
    the number of steps.

    Args:
        right, wrong: the probabilities of the predicted classes of held-out images that are classified rightly, and wrongly;
            neither training nor the choice of the network may have used these images.
        max_error: in (0, 1).

    Returns:
        None where no threshold can be promised: there are too few held-out images, or the surest are wrong too often.
    """
    right, wrong = sorted(right), sorted(wrong)
    ordered = sorted([*right, *wrong])
    level = RISK / steps(len(ordered))
    best = None
    low, high = 0, len(ordered) - 1  # positions of the thresholds that are left
    while low <= high:
        middle = (low + high) // 2
        confidence = ordered[middle]
        mistakes = len(wrong) - bisect_left(wrong, confidence)
        answered = mistakes + len(right) - bisect_left(right, confidence)
        few = mistakes <= max_error * answered
        if few and (bound := most_lost(mistakes, answered, level)) <= max_error:
            best = Threshold(confidence, answered, mistakes, len(ordered), bound)
            high = middle - 1
        else:
            low = middle + 1
    return best


def steps(images: int) -> int:
    """How many thresholds are tested for so many held-out images."""
    return max(1, ceil(log2(images + 1)))


def fewest_images(max_error: float) -> int:
    """How many held-out images, all of them classified rightly, are enough for a threshold."""
    images = 1
    while (1 - max_error) ** images > RISK / steps(images):
        images += 1
    return images
