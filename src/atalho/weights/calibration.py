"""How sure a network is of its predictions on images that it has not learned from; it is kept in its `config.json`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

DIGITS = 6
"""Decimal places of a confidence."""


@dataclass(frozen=True)
class Calibration:
    """What held-out images say of a network's probabilities.

    Attributes:
        temperature: by which logits are divided before the softmax (Guo et al. 2017), so that probabilities are as often right
            as they say; above 1 where the network is too sure.
        split: the images that were held out.
        right, wrong: the probabilities of the predicted classes of the images that are classified rightly, and wrongly; at this
            temperature, ascending, with `DIGITS` decimal places.
    """

    temperature: float
    split: str
    right: tuple[float, ...]
    wrong: tuple[float, ...]

    @classmethod
    def of(
        cls, temperature: float, split: str, confidences: Iterable[float], right: Iterable[bool]
    ) -> "Calibration":
        """The calibration from the confidence of every image, and whether it is classified rightly."""
        by_outcome: dict[bool, list[float]] = {True: [], False: []}
        for confidence, is_right in zip(confidences, right, strict=True):
            by_outcome[is_right].append(round(confidence, DIGITS))
        return cls(temperature, split, *(tuple(sorted(by_outcome[each])) for each in (True, False)))

    def document(self) -> dict[str, Any]:
        """The calibration as a JSON object."""
        return {
            "temperature": self.temperature,
            "split": self.split,
            "right": [*self.right],
            "wrong": [*self.wrong],
        }

    @classmethod
    def parsed(cls, document: Mapping[str, Any]) -> "Calibration":
        """The calibration of a JSON object; raises KeyError, TypeError or ValueError where it is none."""
        temperature = float(document["temperature"])
        if not isfinite(temperature) or temperature <= 0:
            raise ValueError(f"temperature {temperature} is not above zero")
        right, wrong = (sorted(map(float, document[name])) for name in ("right", "wrong"))
        if not all(0 <= each <= 1 for each in (*right, *wrong)):
            raise ValueError("a probability of the calibration is not in 0 to 1")
        return cls(temperature, str(document["split"]), tuple(right), tuple(wrong))
