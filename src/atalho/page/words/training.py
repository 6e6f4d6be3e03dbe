"""What a reader must know of how the accuracies came about: seeds, schedules, recipes and weights."""

from collections.abc import Mapping

from atalho.page.words.phrases import listed, upper_first
from atalho.ranking import TRAINING, Comparison, Reading, said


def notes(comparison: Comparison) -> list[str]:
    """Returns sentences on the number of seeds, on shorter schedules and on different recipes."""
    trained = {
        row.network: row.readings["top1"]
        for row in comparison.rows
        if "top1" in row.readings and row.readings["top1"].condition("seed") is not None
    }
    return [*_seeds(trained), *_schedules(trained), *_recipes(trained)]


def table(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Returns for each network the recipe, epochs, steps, seeds and weights of what was tested."""
    rows = []
    for row in comparison.rows:
        if reading := row.readings.get("top1"):
            seeds = [said(record.conditions.get("seed")) for record in reading.records]
            weights = [said(record.conditions.get("weights")) for record in reading.records]
            of_run = [said(reading.condition(name)) for name in TRAINING]
            rows.append((row.network, [*of_run, ", ".join(seeds), ", ".join(weights)]))
    return rows


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
        recipes.setdefault(said(reading.condition("recipe")), []).append(name)
    if len(recipes) < 2:
        return []
    by = [f"{listed(names)} by {recipe}" for recipe, names in recipes.items()]
    return [f"The recipes differ: {'; '.join(by)}."]
