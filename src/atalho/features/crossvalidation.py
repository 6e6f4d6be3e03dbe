"""Cross-validation of linear classifiers on a network's features: each image is tested once, by a classifier that has not seen it."""

from dataclasses import dataclass, replace

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
    """What cross-validation of a network came to; images are in the order of the embedding.

    Attributes:
        logits: (N, classes) out-of-fold logits.
        tested_in: (N,) the fold that tested each image.
        fold_heads: for each fold, the classifier that tested its images, which is fitted on all others.
        head: the classifier that is fitted on all images.
    """

    logits: Floats
    tested_in: Places
    fold_heads: tuple[Head, ...]
    head: Head

    def fitted_on(self, fold: int) -> Places:
        """The places of the images that the classifier of a fold is fitted on, in the order of its `held_out`."""
        return np.flatnonzero(self.tested_in != fold)


def cross_validate(images: Embedding, classes: int, settings: Settings) -> CrossValidated:
    """Fits and tests a network in every fold, and fits it on all images."""
    logits = np.full((len(images.labels), classes), NEVER)
    tested_in = np.zeros(len(images.labels), np.int64)
    heads = []
    for fold, (train, test) in enumerate(images.folds(settings.folds)):
        head = _fitted(images.select(train), classes, settings)
        logits[test] = head.logits(images.features[test])
        tested_in[test] = fold
        heads.append(head)
    return CrossValidated(logits, tested_in, tuple(heads), _fitted(images, classes, settings))


def _fitted(images: Embedding, classes: int, settings: Settings) -> Head:
    """The classifier, shifted as the objective requires, by images that its inner folds held out."""
    head = fit(images, classes, balanced=settings.balanced)
    label = settings.objective.label
    if label is None:
        return head
    shift = np.zeros(classes)
    shift[label] = settings.objective.shift(head.held_out, images.labels)
    return replace(head, bias=head.bias + shift, held_out=head.held_out + shift)
