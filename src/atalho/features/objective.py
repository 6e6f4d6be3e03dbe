"""What a choice among systems is about: accuracy, balanced accuracy, or accuracy at a recall of one class."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from atalho.errors import wrong_option
from atalho.features.head import Floats

ACCURACY, BALANCED, RECALL = "accuracy", "balanced", "recall"

FORMS = "accuracy, balanced or recall:CLASS>=0.95"


@dataclass(frozen=True)
class Objective:
    """What is best.

    Args:
        label: the class whose recall must reach `least`; None without such a class.
        balanced: whether every class counts alike, however many images it has.
        text: as the user writes it.
    """

    text: str = ACCURACY
    balanced: bool = False
    label: int | None = None
    least: float = 0.0

    def shift(self, logits: Floats, labels: NDArray[np.int64]) -> float:
        """What is added to the class's logits so that its recall on these images is reached; nothing where it is, or without a class."""
        if self.label is None or not (own := labels == self.label).any():
            return 0.0
        others = np.delete(logits[own], self.label, axis=1).max(axis=1)
        short = np.sort(
            others - logits[own, self.label]
        )  # below zero where the class is the most probable
        needed = float(short[ceil(self.least * len(short)) - 1])
        return 0.0 if needed < 0 else needed + 1e-6


ACCURATE = Objective()
"""The plain accuracy."""


def balanced_accuracy(right: NDArray[np.bool_], labels: NDArray[np.int64]) -> float:
    """The mean over the classes of the share of their images that is classified right."""
    counts = np.bincount(labels)
    shares = np.bincount(labels, right)[counts > 0] / counts[counts > 0]
    return float(shares.mean())


def parse(text: str, classes: Sequence[str]) -> Objective:
    """The objective that `--optimise` names.

    Raises:
        AtalhoError: USAGE (exit 2), for another text, a class that is not there or a recall outside (0, 1].
    """
    if text in (ACCURACY, BALANCED):
        return Objective(text, balanced=text == BALANCED)
    kind, _, condition = text.partition(":")
    name, _, least = condition.rpartition(">=")
    if kind != RECALL or not name:
        raise wrong_option("optimise", f"{text!r} is none of {FORMS}")
    if name not in classes:
        raise wrong_option("optimise", f"{name!r} is none of the classes {', '.join(classes)}")
    try:
        recall = float(least)
    except ValueError:
        recall = 0.0
    if not 0 < recall <= 1:
        raise wrong_option("optimise", f"the recall {least!r} is not above 0 and at most 1")
    return Objective(text, label=[*classes].index(name), least=recall)
