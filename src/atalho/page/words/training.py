"""How the networks were trained whose accuracies are shown: seeds, schedules, recipes and weights."""

from collections.abc import Mapping
from typing import NamedTuple

from atalho.conditions import Owner, label, owned
from atalho.page.words.phrases import listed, upper_first
from atalho.ranking import Comparison, Reading, condition_text


def notes(comparison: Comparison) -> list[str]:
    """Returns sentences on the number of seeds, on shorter schedules and on different recipes."""
    trained = {
        row.network: row.readings["top1"]
        for row in comparison.rows
        if "top1" in row.readings and row.readings["top1"].condition("seed") is not None
    }
    return [*_seeds(trained), *_schedules(trained), *_recipes(trained)]


class Table(NamedTuple):
    """How the tested networks came to their weights.

    Attributes:
        columns: the conditions of the trainings that any of them states; seeds and weights.
        rows: a network, and a text for each column.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def table(comparison: Comparison) -> Table:
    """Returns the conditions under which each tested network was trained."""
    readings = {
        row.network: row.readings["top1"] for row in comparison.rows if "top1" in row.readings
    }
    trainings = {
        network: owned(reading.records[-1].conditions, Owner.TRAINING)
        for network, reading in readings.items()
    }
    names = list(dict.fromkeys(name for training in trainings.values() for name in training))
    rows = []
    for network, reading in readings.items():
        cells = [condition_text(trainings[network].get(name)) for name in names]
        for name in ("seed", "weights"):
            cells.append(", ".join(condition_text(r.conditions.get(name)) for r in reading.records))
        rows.append((network, tuple(cells)))
    columns = (*(upper_first(label(name)) for name in names), "Seeds", "Weights")
    return Table(columns, tuple(rows))


def _seeds(trained: Mapping[str, Reading]) -> list[str]:
    single = [name for name, reading in trained.items() if len(reading.records) == 1]
    if not single:
        return []
    who = "every network" if len(single) == len(trained) else listed(single)
    return [f"{upper_first(who)}: one seed, so what another seed would change is not known."]


def _schedules(trained: Mapping[str, Reading]) -> list[str]:
    epochs = {
        name: float(stated)
        for name, reading in trained.items()
        if isinstance(stated := reading.condition("epochs"), int | float)
    }
    longest = max(epochs.values(), default=0)
    shorter = [f"{name} ({n:.3g})" for name, n in epochs.items() if n < 0.99 * longest]
    if not shorter:
        return []
    return [
        f"Trained on a shorter schedule than the others’ {longest:.3g} epochs: {listed(shorter)}."
    ]


def _recipes(trained: Mapping[str, Reading]) -> list[str]:
    recipes: dict[str, list[str]] = {}
    for name, reading in trained.items():
        recipes.setdefault(condition_text(reading.condition("recipe")), []).append(name)
    if len(recipes) < 2:
        return []
    by = [f"{listed(names)} by {recipe}" for recipe, names in recipes.items()]
    return [f"The recipes differ: {'; '.join(by)}."]
