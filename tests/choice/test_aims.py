"""A choice that is about something else than the plain accuracy."""

import pytest

from atalho.choice.aims import aim
from atalho.choice.choosing import choose
from atalho.page.words.answer import sentences
from atalho.ranking import comparison
from atalho.record import Record

CLASSES = {
    "plain": ({"cat": 0.9, "owl": 0.2}, 0.85),
    "even": ({"cat": 0.75, "owl": 0.7}, 0.74),
    "wary": ({"cat": 0.4, "owl": 0.98}, 0.5),
}
"""By network: the accuracy of each class, and of all images."""


def records(optimise: str) -> list[Record]:
    common = {"images": 400, "split": "out-of-fold", "optimise": optimise, "data": "photos"}
    made = []
    for name, (per_class, top1) in CLASSES.items():
        balanced = sum(per_class.values()) / 2
        made += [
            Record.of(
                name, "top1", top1, "measured", **common, interval=[top1 - 0.04, top1 + 0.04]
            ),
            Record.of(
                name, "balanced_accuracy", balanced, "measured", **common, per_class=per_class
            ),
        ]
    return made


@pytest.mark.parametrize(
    ("optimise", "chosen", "words"),
    [
        ("accuracy", "plain", "is the most accurate of 3 networks"),
        ("balanced", "even", "has the highest balanced accuracy of 3 networks"),
        ("recall:owl>=0.95", "wary", "has the highest accuracy at a recall of owl of 0.95 of 3"),
        ("recall:owl>=0.6", "even", "has the highest accuracy at a recall of owl of 0.6 of 3"),
        ("recall:emu>=0.6", "plain", "is the most accurate of 3 networks"),
        ("recall:owl>=much", "plain", "is the most accurate of 3 networks"),
    ],
)
def test_the_choice_follows_its_aim(optimise: str, chosen: str, words: str) -> None:
    compared = comparison(records(optimise))
    choice = choose(compared)
    assert choice
    assert choice.chosen.network == chosen
    assert words in str(sentences(compared, choice, {})[0])


def test_records_of_two_aims_have_none() -> None:
    mixed = [*records("balanced")[:2], *records("accuracy")[2:]]
    assert aim(comparison(mixed).rows[:1]) in ("", "balanced accuracy")
    assert aim(comparison(mixed).rows) == ""
