"""Training details: what “Xavier + /2” does when it is read literally, and the learning rate over the training."""

from math import log10
from typing import Any

from atalho import recipes
from atalho.claims.residual import power_after
from atalho.networks import subjects
from atalho.recipes.recipe import StepDecay
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import Words

GAINS = {"he": 2.0, "xavier": 1.0, "halved": 0.5}
"""Variance of the weights times their fan-in, by initialisation."""

MOST_LAYERS = 152
START = 34
WIDTH, HEIGHT = 600, 260
"""Of the picture, in pixels."""

DECADES = 100
"""Powers of ten that the picture's height shows."""


def _schedule(material: Material) -> dict[str, Any]:
    """The steps and rates of He's recipe for CIFAR-10."""
    recipe = recipes.get("he2015_cifar", subjects.facts(material.tables.network("resnet20")))
    assert isinstance(recipe.schedule, StepDecay)
    assert recipe.steps is not None
    milestones = [round(part * recipe.steps) for part in recipe.schedule.milestones]
    return {
        "lr": recipe.lr,
        "factor": recipe.schedule.factor,
        "milestones": milestones,
        "steps": recipe.steps,
        "batch": recipe.batch_size,
        "momentum": recipe.momentum,
        "decay": recipe.weight_decay,
        "rates": [
            recipe.lr * recipe.schedule.scale(step, recipe.steps) for step in (0, *milestones)
        ],
    }


def view(material: Material, words: Words) -> View:
    """Returns the power of the signal by depth for three initialisations, and the schedule."""
    schedule = _schedule(material)
    return View(
        values={
            "powers": {name: power_after(START, gain) for name, gain in GAINS.items()},
            "lines": {
                name: -HEIGHT * log10(power_after(MOST_LAYERS, gain)) / DECADES
                for name, gain in GAINS.items()
            },
            "start": START,
            "most": MOST_LAYERS,
            "width": WIDTH,
            "height": HEIGHT,
            "decades": DECADES,
            "schedule": schedule,
            "epochs": schedule["steps"] * schedule["batch"] / 50_000,
        },
        data={
            "words": words.tree("training.live"),
            "gains": GAINS,
            "most": MOST_LAYERS,
            "width": WIDTH,
            "schedule": schedule,
        },
    )


STATION = Station("training", view, claims=("L49", "L50"))
