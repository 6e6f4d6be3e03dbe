"""A run's network before its first step."""

from dataclasses import dataclass

from torch import nn

from atalho.data.batches import Preprocessing, fit
from atalho.data.dataset import Dataset, network_for
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.training.arguments import Arguments
from atalho.weights import fitting
from atalho.weights.trained import Trained


@dataclass(frozen=True)
class InitialModel:
    """A network with the weights that a run begins with.

    Args:
        module: returns (N, classes) logits, or `Outputs` in training mode.
        head: names of the parameters of a newly drawn classifier on given weights; they learn at the full rate, the others at the
            recipe's `body_rate`.
    """

    network: Subject
    module: nn.Module
    preprocessing: Preprocessing
    head: frozenset[str] = frozenset()


def initial_weights(arguments: Arguments, data: Dataset) -> Trained | None:
    """The weights that a run begins from, fitted to the data's images and classes; None where they are drawn from the seed.

    Raises:
        AtalhoError: as `fitting.for_data`.
    """
    if arguments.start is None:
        return None
    return fitting.for_data(arguments.start, data, new_head=arguments.new_head, seed=arguments.seed)


def initial_model(arguments: Arguments, data: Dataset, weights: Trained | None) -> InitialModel:
    """The network that a run begins with: with its initial weights, or drawn from the seed."""
    if weights:
        head = fitting.head(weights.network) if arguments.new_head else frozenset[str]()
        return InitialModel(weights.network, weights.model, weights.preprocessing, head)
    network = network_for(arguments.network, data)
    images = data.training(with_validation=arguments.recipe.with_validation).sample()
    module = subjects.build(network, seed=arguments.seed)
    return InitialModel(network, module, fit(images, arguments.recipe.normalisation))
