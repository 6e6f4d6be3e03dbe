"""Questions: predict, then reveal; every reader gets other numbers, and the answers are computed."""

from random import Random

from atalho.slides.lecture import Material, Station, View
from atalho.slides.questions import KINDS, asked
from atalho.slides.words import Words

PRINTED = 0
"""The seed of the questions that stand on the page before a script draws others."""


def view(material: Material, words: Words) -> View:
    """Returns a question of each kind with its answer, and what the script makes others from."""
    return View(
        values={
            "questions": [
                (name, numbers, answer) for name, numbers, answer in asked(Random(PRINTED))
            ]
        },
        data={
            "words": words.tree("questions.live"),
            "kinds": {
                name: {"claim": kind.claim, "ranges": kind.ranges} for name, kind in KINDS.items()
            },
            "ask": {name: words.raw(f"questions.ask.{name}") for name in KINDS},
            "why": {name: words.raw(f"questions.why.{name}") for name in KINDS},
        },
    )


STATION = Station("questions", view)
