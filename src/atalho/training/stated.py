"""The conditions in records that describe a network's training: the data, the recipe and the run."""

from typing import Any

from atalho.data.dataset import DataIdentity, Dataset, network_for
from atalho.engines.engine import USUAL
from atalho.grammar.network import Network
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.recipes.recipe import Recipe
from atalho.runtime import machine
from atalho.runtime.precision import Precision
from atalho.training.arguments import Arguments


def of_data(data: DataIdentity) -> dict[str, Any]:
    """The data's name, and the checksum of their content where they have one."""
    checksum = {} if data.checksum is None else {"data_checksum": f"sha256:{data.checksum}"}
    return {"data": data.name, **checksum}


def of_training(arguments: Arguments, data: Dataset) -> dict[str, Any]:
    """The conditions that all records of a run have; they are known before it begins."""
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
    """The conditions that say how and where a run's network is trained and tested, with the time."""
    usual = arguments.memory_format == USUAL
    return {
        "engine": "eager",
        "dtype": arguments.precision,
        **({} if usual else {"memory_format": arguments.memory_format}),
        "processes": arguments.world.size,
        **machine.conditions(arguments.device),
    }


def of_network(network: Subject, data: DataIdentity, recipe: Recipe, seed: int) -> dict[str, Any]:
    """The conditions of a diagnosis: the data, the network's input, classes and depth, the seed and the loss; in float32."""
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
    """The run that a diagnosis follows: its recipe, its length on the data, and the precision of its steps."""
    split = data.training(with_validation=recipe.with_validation)
    return {
        "recipe": recipe.name,
        "steps": recipe.length(len(split.labels)),
        "trained_on": "train and val" if recipe.with_validation else "train",
        "training_dtype": precision,
    }
