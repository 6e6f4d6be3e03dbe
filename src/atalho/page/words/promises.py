"""How many images a network answers where few of its answers may be wrong, by thresholds of held-out images."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from atalho.choice.answering import fewest_images, threshold
from atalho.page.outcomes import Outcomes
from atalho.page.words.phrases import counted

MAX_ERRORS = (0.01, 0.02, 0.05, 0.1)
"""The shares of wrong answers that are shown."""


@dataclass(frozen=True)
class Promise:
    """A row of the table.

    Attributes:
        max_error: the share of wrong answers that is promised.
        threshold: the least probability with which an image is answered; empty where there is none.
        answered, wrong: how many of the images that are shown are answered, and how many of these wrongly; or why there is no
            threshold, and nothing.
        refused: the share of images that are none of the classes without an answer; empty where none were shown.
    """

    max_error: str
    threshold: str
    answered: str
    wrong: str
    refused: str


def promises(outcomes: Outcomes, held_out: Outcomes, refused: Mapping[float, str]) -> list[Promise]:
    """A row for each of `MAX_ERRORS`.

    Args:
        outcomes: on which the answers are counted.
        held_out: of the same network, from which the thresholds are.
        refused: by the share of wrong answers, that of images of none of the classes without an answer.
    """
    return [*_rows(outcomes, held_out, refused)]


def _rows(
    outcomes: Outcomes, held_out: Outcomes, refused: Mapping[float, str]
) -> Iterator[Promise]:
    by_outcome: dict[bool, list[float]] = {True: [], False: []}
    for confidence, right in zip(held_out.confidence, held_out.right, strict=True):
        by_outcome[right].append(confidence)
    for max_error in MAX_ERRORS:
        written = f"{100 * max_error:.0f}\u00a0%"
        least = threshold(by_outcome[True], by_outcome[False], max_error)
        if least is None:
            yield Promise(written, "", _why_none(held_out, max_error), "", "")
            continue
        answered = [
            right
            for confidence, right in zip(outcomes.confidence, outcomes.right, strict=True)
            if confidence >= least.confidence
        ]
        share = f"{100 * len(answered) / outcomes.images:.0f}\u00a0%"
        count = f"{len(answered):,} of {outcomes.images:,} ({share})"
        yield Promise(
            written,
            f"{100 * least.confidence:.1f}\u00a0%",
            count,
            str(answered.count(False)),
            refused.get(max_error, ""),
        )


def _why_none(held_out: Outcomes, max_error: float) -> str:
    fewest = fewest_images(max_error)
    if held_out.images < fewest:
        return f"none: it takes {fewest:,} held-out images, and there are {held_out.images:,}"
    return "none: it is wrong too often where it is surest"


def source(held_out: Outcomes) -> str:
    """What the thresholds are from: `270 validation images`."""
    split = {"val": "validation image"}.get(str(held_out.conditions.get("split")), "held-out image")
    return counted(held_out.images, split)
