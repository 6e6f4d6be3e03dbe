"""Records of accuracies → what a network makes of every image, read with care: a record of another program may hold anything."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from atalho.record import Record


@dataclass(frozen=True)
class Picture:
    """An image that is classified wrongly.

    Attributes:
        row: its number among the outcomes.
        checksum: SHA-256 in hexadecimal digits, by which its thumbnail is named.
        file: the name of its file with that of its folder; empty where it comes from no file.
    """

    row: int
    checksum: str
    file: str


@dataclass(frozen=True)
class Outcomes:
    """What a network makes of the images of a split.

    Attributes:
        conditions: of the record.
        classes: their names.
        truth, predicted: for every image, the index of its true and of its most probable class.
        confidence, of_truth: for every image, the probabilities of these two.
        pictures: the most confident mistakes, in descending order.
    """

    network: str
    conditions: Mapping[str, Any]
    classes: tuple[str, ...]
    truth: tuple[int, ...]
    predicted: tuple[int, ...]
    confidence: tuple[float, ...]
    of_truth: tuple[float, ...]
    pictures: tuple[Picture, ...]

    @property
    def images(self) -> int:
        """How many images there are."""
        return len(self.truth)

    @property
    def right(self) -> list[bool]:
        """For every image, whether its most probable class is the true one."""
        return [a == b for a, b in zip(self.truth, self.predicted, strict=True)]

    @property
    def confusions(self) -> dict[tuple[int, int], int]:
        """How many images of each true class were taken for each class, where there are any."""
        counts: dict[tuple[int, int], int] = {}
        for pair in zip(self.truth, self.predicted, strict=True):
            counts[pair] = counts.get(pair, 0) + 1
        return counts


def held_out(network: str, records: Sequence[Record]) -> Outcomes | None:
    """The newest outcomes of a network on images from which thresholds may be taken: any but test images; None without such."""
    candidates = [
        outcomes
        for record in records
        if record.subject == network and record.conditions.get("split") != "test"
        if (outcomes := _read(record)) is not None
    ]
    return candidates[-1] if candidates else None


def of_network(network: str, records: Sequence[Record]) -> Outcomes | None:
    """The outcomes on the images that say most of a network: of test images or all images rather than of validation images,
    then of the most images, then the newest; None where no record has any.
    """
    candidates = [
        outcomes
        for record in records
        if record.subject == network and (outcomes := _read(record)) is not None
    ]

    def rank(outcomes: Outcomes) -> tuple[bool, int]:
        return outcomes.conditions.get("split") != "val", outcomes.images

    return max(reversed(candidates), key=rank, default=None)


def _read(record: Record) -> Outcomes | None:
    """The outcomes of a record; None where it has none, or none that can be shown."""
    document = record.conditions.get("outcomes")
    if record.quantity != "top1" or not isinstance(document, Mapping):
        return None
    try:
        classes = tuple(map(str, document["classes"]))
        truth, predicted = (_indices(document[name], len(classes)) for name in _INDICES)
        confidence, of_truth = (_probabilities(document[name]) for name in _PROBABILITIES)
        if not len(truth) == len(predicted) == len(confidence) == len(of_truth) > 0:
            return None
        pictures = tuple(_picture(each, len(truth)) for each in document["pictures"])
    except (KeyError, TypeError, ValueError):
        return None
    return Outcomes(
        record.subject,
        record.conditions,
        classes,
        truth,
        predicted,
        confidence,
        of_truth,
        pictures,
    )


_INDICES, _PROBABILITIES = ("truth", "predicted"), ("confidence", "of_truth")


def _indices(values: Any, end: int) -> tuple[int, ...]:
    indices = tuple(map(int, values))
    if any(not 0 <= each < end for each in indices):
        raise ValueError("a class that there is not")
    return indices


def _probabilities(values: Any) -> tuple[float, ...]:
    probabilities = tuple(map(float, values))
    if any(not isfinite(each) or not 0 <= each <= 1 for each in probabilities):
        raise ValueError("a probability outside of 0 to 1")
    return probabilities


def _picture(document: Any, images: int) -> Picture:
    row, checksum, file = document
    # It becomes the name of a file that is read: nothing but hexadecimal digits may be in it.
    if not re.fullmatch("[0-9a-f]{64}", checksum) or not 0 <= row < images:
        raise ValueError("no picture")
    return Picture(row, checksum, str(file))
