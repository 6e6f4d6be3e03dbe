"""Accuracy against the number of photos that a classifier is fitted on, from the same features."""

import numpy as np

from atalho.data.dataset import divided
from atalho.features.embedding import Embedding, Places
from atalho.features.head import fit

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the images of a fold that are fitted on."""


def curve(
    images: Embedding, classes: int, strength: float, *, balanced: bool, folds: int
) -> list[tuple[int, float]]:
    """The number of images that were fitted on, rounded over the folds, and the out-of-fold accuracy, from few to all.

    Args:
        strength: of the regularisation, as it was chosen with all images.
    """
    points = []
    for share in SHARES:
        right, fitted_on = 0, []
        for train, test in images.folds(folds):
            part = train if share == 1 else train[_part(images.select(train), share)]
            head = fit(images.select(part), classes, balanced=balanced, strengths=(strength,))
            logits = head.logits(images.features[test])
            right += int((logits.argmax(axis=1) == images.labels[test]).sum())
            fitted_on.append(len(part))
        points.append((round(float(np.mean(fitted_on))), right / len(images.labels)))
    return points


def _part(images: Embedding, share: float) -> Places:
    """The places of a share of the images, of every class alike, whole groups."""
    keys, labels, groups = images.images, images.labels.tolist(), images.groups.tolist()
    part: Places = divided(keys, labels, groups, {"part": share, "rest": 1 - share})["part"].numpy()
    return part
