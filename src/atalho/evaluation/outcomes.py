"""The outcome of every image of a split: its class, the class that a network takes it for, and how probable both are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from atalho.data import pictures
from atalho.data.dataset import Dataset, Images
from atalho.runtime.world import World

SHOWN = 24
"""Of how many mistakes a record names the pictures: the most confident ones."""

BINS = 15
"""Into which probabilities fall for the calibration error."""

_DIGITS = 6  # of a probability in a record


class Outcomes(NamedTuple):
    """What a network makes of the images of a split, in the split's order.

    Attributes:
        truth: (N,) indices of the true classes.
        predicted: (N,) indices of the most probable classes.
        confidence: (N,) probabilities of the most probable classes.
        of_truth: (N,) probabilities of the true classes.
    """

    truth: Tensor
    predicted: Tensor
    confidence: Tensor
    of_truth: Tensor

    @property
    def right(self) -> Tensor:
        """(N,) bools: whether the most probable class is the true one."""
        return self.predicted == self.truth

    def mistakes(self) -> dict[int, Counter[int]]:
        """For each true class of which an image is classified wrongly, how many of its images are taken for each other class."""
        wrong = ~self.right
        pairs, counts = torch.stack([self.truth[wrong], self.predicted[wrong]]).unique(
            dim=1, return_counts=True
        )
        mistakes: dict[int, Counter[int]] = {}
        for (truth, predicted), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
            mistakes.setdefault(truth, Counter())[predicted] = count
        return mistakes

    @property
    def calibration_error(self) -> float:
        """The mean distance between the probability of the most probable class and how often it is the true one.

        It is taken over `BINS` bins of equal width, weighted by their images (Naeini 2015).
        """
        bins = (self.confidence * BINS).long().clamp(0, BINS - 1)
        sums = self.confidence.new_zeros(BINS)
        sums.index_add_(0, bins, self.right.to(sums.dtype) - self.confidence)
        return sums.abs().sum().item() / len(bins)

    def most_confident_mistakes(self, count: int = SHOWN) -> list[int]:
        """The rows of at most `count` images that are classified wrongly, the most confident first."""
        wrong = (~self.right).nonzero().flatten()
        order = self.confidence[wrong].argsort(descending=True, stable=True)
        rows: list[int] = wrong[order[:count]].tolist()
        return rows


def of_batch(logits: Tensor, truth: Tensor, predicted: Tensor) -> Tensor:
    """The outcomes of a batch as rows of float64, (4, N) in the order of `Outcomes`.

    Args:
        logits: (N, classes) logits or log-probabilities.
        truth, predicted: (N,) indices of the true and of the most probable classes.
    """
    classes = torch.stack([truth, predicted])
    confidence = logits.double().softmax(1).gather(1, classes.T).T
    return torch.cat([classes.double(), confidence.flip(0)])


def of_split(batches: Sequence[Tensor], images: int, world: World) -> Outcomes:
    """The outcomes of a whole split, on the processor.

    Args:
        batches: the results of `of_batch` in this process.
        images: of all processes together.
        world: the processes that share the images: each has every `size`-th image, from its rank on.
    """
    own = torch.cat([*batches], dim=1)
    every = own.new_zeros(4, images)
    every[:, world.rank :: world.size] = own
    truth, predicted, confidence, of_truth = world.sum(every).cpu()
    return Outcomes(truth.long(), predicted.long(), confidence, of_truth)


def document(outcomes: Outcomes, images: Images, classes: Mapping[str, str]) -> dict[str, Any]:
    """The outcomes as a JSON object, for the condition `outcomes` of a record.

    `pictures` has `[row, SHA-256, file]` of the most confident mistakes; the file is relative to the folder of photos, and
    empty for an image that comes from no file.

    Args:
        images: the split.
        classes: of the network, with the names that people read.
    """
    return {
        "classes": [*classes.values()],
        "truth": outcomes.truth.tolist(),
        "predicted": outcomes.predicted.tolist(),
        "confidence": _rounded(outcomes.confidence),
        "of_truth": _rounded(outcomes.of_truth),
        "pictures": [
            [row, pictures.checksum(images, row), pictures.file(images, row)]
            for row in outcomes.most_confident_mistakes()
        ],
    }


def of_dataset(outcomes: Outcomes, data: Dataset, split: str) -> dict[str, Any]:
    """The document of the outcomes on a split of a data set."""
    return document(outcomes, data.splits[split], {name: name for name in data.classes})


def _rounded(probabilities: Tensor) -> list[float]:
    return [round(each, _DIGITS) for each in probabilities.tolist()]
