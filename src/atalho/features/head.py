"""A logistic regression on frozen features, regularised by cross-validation, as the weights of a linear layer."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from atalho.features.classifier import LinearHead
from atalho.features.embedding import Embedding

Floats = NDArray[np.float64]

STRENGTHS = (0.3, 3.0, 30.0, 300.0)
"""The loss's weight against the penalty's (scikit-learn's C), times the number of images; from strong regularisation to weak."""

INNER = 3
"""Folds by which the regularisation is chosen."""

ITERATIONS = 1000

NEVER = -1e3
"""The logit of a class that there was no image of to fit on."""


@dataclass(frozen=True)
class Head:
    """A fitted linear classifier.

    Args:
        weight: (classes, features).
        bias: (classes,).
        strength: of `STRENGTHS`, as inner cross-validation chose it.
        held_out: (N, classes) logits of the images that it was fitted on, each by a fit of the inner folds that has not seen it.
    """

    weight: Floats
    bias: Floats
    strength: float
    held_out: Floats

    def linear(self) -> LinearHead:
        """As the weights of a layer."""
        return LinearHead(torch.from_numpy(self.weight), torch.from_numpy(self.bias))

    def logits(self, features: NDArray[np.floating]) -> Floats:
        """(N, classes) of (N, features)."""
        logits: Floats = features.astype(np.float64) @ self.weight.T + self.bias
        return logits


@dataclass(frozen=True)
class Rotated:
    """Standardised features in as few dimensions as they span: a rotation, under which a penalty on squares does not change.

    Args:
        features: (N, dimensions).
        mean, deviation: (features,) of every feature.
        basis: (features, dimensions).
    """

    features: Floats
    mean: Floats
    deviation: Floats
    basis: Floats

    @classmethod
    def of(cls, features: NDArray[np.floating]) -> "Rotated":
        whole = features.astype(np.float64)
        mean, deviation = whole.mean(axis=0), whole.std(axis=0)
        deviation[deviation == 0] = 1  # a feature that is the same in all images says nothing
        standardised = (whole - mean) / deviation
        if len(whole) >= whole.shape[1]:
            return cls(standardised, mean, deviation, np.eye(whole.shape[1]))
        basis, triangle = np.linalg.qr(standardised.T)
        return cls(triangle.T, mean, deviation, basis)

    def folded(self, weight: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Weights and bias for these features as weights and bias for features as they are."""
        own = (weight @ self.basis.T) / self.deviation
        return own, bias - own @ self.mean


def fit(
    images: Embedding,
    classes: int,
    *,
    balanced: bool = False,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Head:
    """The classifier whose regularisation has the lowest loss on images held out by inner folds.

    Args:
        classes: how many there are; an image of each should be among the images.
        balanced: whether every class counts alike, however many images it has.
        strengths: to choose from, in growing order; a single one needs no inner folds, and nothing is held out.
    """
    with threadpool_limits(1):  # matrices this small are slower on several threads
        rotated = Rotated.of(images.features)
        features, labels = rotated.features, images.labels
        held_out = np.full((len(strengths), len(labels), classes), NEVER)
        for train, test in images.folds(INNER) if len(strengths) > 1 else ():
            path = _path(features[train], labels[train], classes, balanced, strengths)
            for place, linear in enumerate(path):
                held_out[place, test] = linear(features[test])
        weights = _weights(labels, classes, balanced)
        losses = [float(weights @ cross_entropy(each, labels)) for each in held_out]
        best = int(np.argmin(losses))
        *_, linear = _path(features, labels, classes, balanced, strengths[: best + 1])
        weight, bias = rotated.folded(linear.weight, linear.bias)
    return Head(weight, bias, strengths[best], held_out[best])


def cross_entropy(logits: Floats, labels: NDArray[np.int64]) -> Floats:
    """(N,) losses in nats of (N, classes) logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=1))
    losses: Floats = total - shifted[np.arange(len(labels)), labels]
    return losses


@dataclass(frozen=True)
class _Linear:
    """The fit of one regularisation, on rotated features."""

    weight: Floats
    bias: Floats

    def __call__(self, features: Floats) -> Floats:
        logits: Floats = features @ self.weight.T + self.bias
        return logits


def _path(
    features: Floats,
    labels: NDArray[np.int64],
    classes: int,
    balanced: bool,
    strengths: tuple[float, ...],
) -> list[_Linear]:
    """A fit for each of the strengths; each begins where the one before it ended."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    weighting = "balanced" if balanced else None
    model = LogisticRegression(max_iter=ITERATIONS, warm_start=True, class_weight=weighting)
    path = []
    for strength in strengths:
        with warnings.catch_warnings():
            # A fit that would still improve after so many steps is judged on held-out images like any other.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(C=strength / len(labels)).fit(features, labels)
        rows, bias = model.coef_.copy(), model.intercept_.copy()
        if len(model.classes_) == 2:  # scikit-learn has the difference of the two alone
            rows, bias = np.concatenate([-rows, rows]) / 2, np.concatenate([-bias, bias]) / 2
        weight, offset = np.zeros((classes, rows.shape[1])), np.full(classes, NEVER)
        weight[model.classes_], offset[model.classes_] = rows, bias
        path.append(_Linear(weight, offset))
    return path


def _weights(labels: NDArray[np.int64], classes: int, balanced: bool) -> Floats:
    """(N,) shares of every image in the loss."""
    if not balanced:
        return np.full(len(labels), 1 / len(labels))
    counts = np.bincount(labels, minlength=classes)
    weights: Floats = 1 / (np.count_nonzero(counts) * counts[labels])
    return weights
