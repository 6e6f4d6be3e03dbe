"""The conditions that records of a diagnosis or a probe have of their network, and of the run that it is a moment of."""

from typing import Any

from atalho.data.dataset import Dataset
from atalho.grammar.network import Network
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.recipes.recipe import Recipe
from atalho.runtime.precision import Precision


def of_network(network: Subject, data: str, recipe: Recipe, seed: int) -> dict[str, Any]:
    """The network, what it is shown, and what its loss is made of; the arithmetic is float32's."""
    conditions: dict[str, Any] = {
        "data": data,
        "input": list(network.input),
        "num_classes": network.num_classes,
        "seed": seed,
        "dtype": "float32",
    }
    if (depth := subjects.facts(network).depth) is not None:
        conditions["depth"] = depth
    if isinstance(network, Network) and network.taps:
        conditions["auxiliary_weight"] = recipe.auxiliary_weight
    return conditions


def of_run(recipe: Recipe, data: Dataset, precision: Precision) -> dict[str, Any]:
    """The recipe, its length on the data, and what the steps up to the moment were computed in."""
    split = data.training(with_validation=recipe.with_validation)
    return {
        "recipe": recipe.name,
        "steps": recipe.length(len(split.labels)),
        "trained_on": "train and val" if recipe.with_validation else "train",
        "training_dtype": precision,
    }
