"""What records say of a network's training: the data, the recipe, the run that it is or is a moment of."""

from typing import Any

from atalho.data.dataset import DataIdentity, Dataset, network_for
from atalho.grammar.network import Network
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.recipes.recipe import Recipe
from atalho.runtime import machine
from atalho.runtime.precision import Precision
from atalho.training.arguments import Arguments


def of_data(data: DataIdentity) -> dict[str, Any]:
    """The data by name, and by the checksum of their content where they have one."""
    known = {} if data.checksum is None else {"data_checksum": f"sha256:{data.checksum}"}
    return {"data": data.name, **known}


def of_training(arguments: Arguments, data: Dataset) -> dict[str, Any]:
    """What all records of a run say of it, before it has begun."""
    recipe, start = arguments.recipe, arguments.start
    network = network_for(arguments.network, data)
    images = len(data.training(with_validation=recipe.with_validation).labels)
    stated: dict[str, Any] = {
        **of_data(data.identity),
        "seed": arguments.seed,
        "arguments": f"sha256:{arguments.saved(data).checksum}",
        "recipe": recipe.name,
        "steps": recipe.length(images),
        "trained_on": "train and val" if recipe.with_validation else "train",
    }
    if start is not None:
        stated["start"] = f"sha256:{start.weights}"
    if isinstance(network, Network) and network.taps:
        stated["auxiliary_weight"] = recipe.auxiliary_weight
    return stated


def of_system(arguments: Arguments) -> dict[str, Any]:
    """How and where a run's network is trained and tested; with the time."""
    return {
        "engine": "eager",
        "dtype": arguments.precision,
        "processes": arguments.world.size,
        **machine.conditions(arguments.device),
    }


def of_network(network: Subject, data: DataIdentity, recipe: Recipe, seed: int) -> dict[str, Any]:
    """The network of a diagnosis, what it is shown, and what its loss is made of; the arithmetic is float32's."""
    conditions: dict[str, Any] = {
        **of_data(data),
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
    """The run of a diagnosis: its recipe, its length on the data, and what the steps up to the moment were computed in."""
    split = data.training(with_validation=recipe.with_validation)
    return {
        "recipe": recipe.name,
        "steps": recipe.length(len(split.labels)),
        "trained_on": "train and val" if recipe.with_validation else "train",
        "training_dtype": precision,
    }
