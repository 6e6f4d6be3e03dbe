"""A run's network before its first step."""

import time
from dataclasses import dataclass, replace

from torch import Tensor, nn

from atalho.data.batches import Preprocessing, fit
from atalho.data.dataset import Dataset, Images, network_for
from atalho.features.classifier import classifier, with_head
from atalho.features.embedding import Embedding, by_content
from atalho.features.extraction import Extraction, features
from atalho.features.head import fit as fit_head
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.training.arguments import Arguments
from atalho.training.listeners import SILENT, Listeners
from atalho.weights import fitting
from atalho.weights.trained import Trained


@dataclass(frozen=True)
class InitialModel:
    """A network with the weights that a run begins with.

    Args:
        module: returns (N, classes) logits, or `Outputs` in training mode.
        head: names of the parameters of a newly drawn classifier on given weights, which learn at the recipe's full rate.
        body_rate: the share of that rate at which all other parameters learn.
        frozen: whether BatchNorm normalises by the statistics of the given weights, and keeps them.
        fitted_in: the seconds in which the classifier was fitted on features; None of one that is not.
        class_weights: (classes,) of the loss; None where every image has the same weight.
    """

    network: Subject
    module: nn.Module
    preprocessing: Preprocessing
    head: frozenset[str] = frozenset()
    body_rate: float = 1.0
    frozen: bool = False
    fitted_in: float | None = None
    class_weights: Tensor | None = None


def initial_weights(arguments: Arguments, data: Dataset) -> Trained | None:
    """The weights that a run begins from, fitted to the data's images and classes; None where they are drawn from the seed.

    Raises:
        AtalhoError: as `fitting.for_data`.
    """
    if arguments.start is None:
        return None
    return fitting.for_data(arguments.start, data, new_head=arguments.new_head, seed=arguments.seed)


def initial_model(
    arguments: Arguments, data: Dataset, weights: Trained | None, listeners: Listeners = SILENT
) -> InitialModel:
    """The network that a run begins with: with its initial weights, or drawn from the seed.

    Args:
        listeners: of a classifier that is drawn, though the recipe fits it, and of the images whose features it is fitted on.

    Raises:
        AtalhoError: as `features`.
    """
    recipe = arguments.recipe
    images = data.training(with_validation=recipe.with_validation)
    balancing = class_weights(images.labels, len(data.classes)) if recipe.balanced else None
    if weights is None:
        network = network_for(arguments.network, data)
        module = subjects.build(network, seed=arguments.seed)
        preprocessing = fit(images.sample(), recipe.normalisation)
        return InitialModel(network, module, preprocessing, class_weights=balancing)
    initial = with_weights(arguments, weights, balancing)
    if not (arguments.new_head and recipe.fitted_head):
        return initial
    if recipe.epochs and classifier(weights) is None:
        name = weights.network.name
        listeners.warn(f"{name} ends in no linear layer: its classifier is drawn anew")
        return initial
    begun = time.monotonic()
    fitted = _fitted(arguments, images, weights, listeners)
    return replace(initial, module=fitted.model, fitted_in=time.monotonic() - begun)


def with_weights(
    arguments: Arguments, weights: Trained, balancing: Tensor | None = None
) -> InitialModel:
    """The network with given weights; a new classifier that the recipe fits first learns no faster than the layers before it."""
    recipe, network = arguments.recipe, weights.network
    head = fitting.head(network) if arguments.new_head else frozenset[str]()
    if recipe.fitted_head and (fitted := classifier(weights)):
        head -= {f"{fitted}.weight", f"{fitted}.bias"}
    return InitialModel(
        network,
        weights.model,
        weights.preprocessing,
        head,
        body_rate=recipe.body_rate if arguments.new_head else 1.0,
        frozen=recipe.frozen_statistics,
        class_weights=balancing,
    )


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """(classes,) weights under which every class has the same share of the loss, and the mean over all images is one."""
    counts = labels.bincount(minlength=classes)
    return len(labels) / (classes * counts.clamp(min=1)).float()


def _fitted(
    arguments: Arguments, images: Images, weights: Trained, listeners: Listeners
) -> Trained:
    """The weights with a classifier that is fitted on the features of the training images."""

    def fitted() -> Trained:
        ordered = by_content(images)
        shown = features(
            weights, ordered, Extraction(arguments.device, listeners.warn, listeners.reading)
        )
        classes, balanced = len(weights.classes), arguments.recipe.balanced
        head = fit_head(Embedding.of(ordered, shown), classes, balanced=balanced)
        return with_head(weights, head.linear(), weights.classes)

    return arguments.world.first_here(fitted, f"features by {arguments.network}")
