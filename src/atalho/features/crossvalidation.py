"""Nested cross-validation of linear classifiers on several networks' features: each image is tested once, by a system that has not seen it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from atalho.features.embedding import Embedding, Places
from atalho.features.head import NEVER, Floats, Head, fit
from atalho.features.objective import ACCURATE, Objective

FOLDS = 5


@dataclass(frozen=True)
class Settings:
    """How systems are fitted and chosen.

    Args:
        objective: by which the best network is chosen, and a class's logit is shifted.
        balanced: whether every class counts alike in the fit.
    """

    objective: Objective = ACCURATE
    balanced: bool = False
    folds: int = FOLDS


PLAIN = Settings()
"""By accuracy, every image with the same weight."""


@dataclass(frozen=True)
class CrossValidated:
    """What cross-validation came to; images are in the order of the embeddings.

    Attributes:
        logits: by network, (N, classes) out-of-fold logits.
        nested: (N, classes) out-of-fold logits of the network that each fold chose, with the other folds' images alone.
        chosen: the network that each fold chose.
        heads: by network, the classifier that is fitted on all images.
        tested_in: (N,) the fold that tested each image.
        fold_heads: for each fold, the classifier of every network that tested its images.
    """

    logits: Mapping[str, Floats]
    nested: Floats
    chosen: tuple[str, ...]
    heads: Mapping[str, Head]
    tested_in: Places
    fold_heads: tuple[Mapping[str, Head], ...]


def cross_validate(
    networks: Mapping[str, Embedding],
    classes: int,
    settings: Settings,
) -> CrossValidated:
    """Fits and tests every network in every fold, and fits every network on all images.

    Args:
        networks: the same images in the same order, as each network's features.
    """
    first, *_ = networks.values()
    folds = first.folds(settings.folds)
    fitted = partial(_fitted, classes=classes, settings=settings)
    logits = {name: np.full((len(first.labels), classes), NEVER) for name in networks}
    nested = np.full((len(first.labels), classes), NEVER)
    tested_in = np.zeros(len(first.labels), np.int64)
    chosen, fold_heads = [], []
    for number, (train, test) in enumerate(folds):
        tested_in[test] = number
        heads = {name: fitted(images.select(train)) for name, images in networks.items()}
        for name, head in heads.items():
            logits[name][test] = head.logits(networks[name].features[test])
        labels = first.labels[train]
        best = max(heads, key=lambda name: settings.objective.merit(heads[name].held_out, labels))
        nested[test] = logits[best][test]
        chosen.append(best)
        fold_heads.append(heads)
    whole = {name: fitted(images) for name, images in networks.items()}
    return CrossValidated(logits, nested, tuple(chosen), whole, tested_in, tuple(fold_heads))


def _fitted(images: Embedding, classes: int, settings: Settings) -> Head:
    """The classifier, shifted as the objective requires, by images that its inner folds held out."""
    head = fit(images, classes, balanced=settings.balanced)
    label = settings.objective.label
    if label is None:
        return head
    shift = np.zeros(classes)
    shift[label] = settings.objective.shift(head.held_out, images.labels)
    return replace(head, bias=head.bias + shift, held_out=head.held_out + shift)
