"""Accuracy of a network on a split: top-1 and top-5 with an interval, per class, and the confusion matrix."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atalho.data.batches import Preprocessing, preprocess
from atalho.data.dataset import Batched
from atalho.errors import AtalhoError, Exit
from atalho.evaluation.outcomes import Outcomes, of_batch, of_split
from atalho.record import Record
from atalho.runtime.memory import memory_for
from atalho.runtime.precision import autocast
from atalho.runtime.transfer import on_device
from atalho.runtime.world import ALONE, World
from atalho.statistics import wilson
from atalho.weights.trained import Inference

PROTOCOL = "single view, no augmentation"

Classified = tuple[Tensor, Tensor]
"""(N, classes) logits or log-probabilities of a batch, and its (N,) true classes."""


class Accuracy(NamedTuple):
    """How well a network classifies a split.

    Attributes:
        images: how many were classified.
        top1, top5: fractions whose true class is the most probable one, or one of the five most probable; top5 is None below
            five classes.
        loss: mean cross-entropy in nats.
        classes: how many the network knows.
        outcomes: of every image, in the split's order.
    """

    images: int
    top1: float
    top5: float | None
    loss: float
    classes: int
    outcomes: Outcomes

    @property
    def calibration_error(self) -> float:
        """As of the outcomes."""
        return self.outcomes.calibration_error

    @property
    def of_class(self) -> Tensor:
        """(classes,) how many images each true class has."""
        return self.outcomes.truth.bincount(minlength=self.classes)

    @property
    def confusion(self) -> Tensor:
        """(classes, classes) counts; rows are true classes. Of ten thousand classes it takes 800 MB."""
        cells = self.outcomes.truth * self.classes + self.outcomes.predicted
        return cells.bincount(minlength=self.classes**2).reshape(self.classes, self.classes)

    @property
    def guessing(self) -> float:
        """The loss of guessing each class by its frequency among these images, in nats: without looking at them none is lower."""
        shares = self.of_class.double() / self.images
        return float(-torch.special.xlogy(shares, shares).sum())

    @property
    def per_class(self) -> list[float | None]:
        """Top-1 accuracy of each class; None for a class without images."""
        right = self.outcomes.truth[self.outcomes.right].bincount(minlength=self.classes)
        counts = zip(right.tolist(), self.of_class.tolist(), strict=True)
        return [r / n if n else None for r, n in counts]


def accuracy(
    model: nn.Module,
    split: Batched,
    preprocessing: Preprocessing,
    inference: Inference,
    temperature: float = 1.0,
) -> Accuracy:
    """Classifies every image of `split` once; leaves `model` in the mode it was in.

    Args:
        model: on the inference's device.
        temperature: as in `tally`.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), where there are no images; OUT-OF-MEMORY (exit 6).
    """
    batches = classified(model, split, preprocessing, inference)
    return tally(batches, temperature=temperature)


def classified(
    model: nn.Module, split: Batched, preprocessing: Preprocessing, inference: Inference
) -> Iterator[Classified]:
    """Every batch of `split` as it is classified; `model` is left in the mode that it was in.

    Raises:
        AtalhoError: OUT-OF-MEMORY (exit 6).
    """
    training = model.training
    model.eval()
    device = inference.device
    preprocessing = preprocessing.to(device)
    for images, labels in split.batches(inference.batch_size(split.framing.input)):
        with memory_for(len(labels)), autocast(device, inference.precision):
            logits = model(preprocess(on_device(images, device), preprocessing))
        yield logits.float(), on_device(labels, device)
    model.train(training)


@torch.inference_mode()
def tally(
    batches: Iterable[Classified], world: World = ALONE, temperature: float = 1.0
) -> Accuracy:
    """The accuracy of a network, from its logits.

    Args:
        batches: (N, classes) logits or log-probabilities of each batch, and its (N,) true classes.
        world: the processes that share the images: each process has every `size`-th image of the split, from its rank on.
        temperature: by which logits are divided for the probabilities of the outcomes; the loss is of the logits as they are.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), where there are no batches.
    """
    outcomes: list[Tensor] = []
    for logits, truth in batches:
        classes = logits.shape[1]
        if not outcomes:
            images, right, five = (truth.new_zeros(()) for _ in range(3))
            loss = logits.new_zeros((), dtype=torch.float64)
        first = logits.argmax(1)
        images += len(truth)
        right += (first == truth).sum()
        outcomes.append(of_batch(logits / temperature, truth, first))
        loss += F.cross_entropy(logits, truth, reduction="sum").double()
        best = logits.topk(min(5, classes)).indices
        five += (best == truth[:, None]).sum()
    if not outcomes:
        raise AtalhoError(
            "DATA-EMPTY",
            "accuracy",
            "there is no image to classify",
            next_step="--data with images that can be read",
            exit=Exit.DATA,
        )
    images, right, five, loss = (world.sum(each) for each in (images, right, five, loss))
    count = int(images.item())
    return Accuracy(
        count,
        right.item() / count,
        five.item() / count if classes >= 5 else None,
        loss.item() / count,
        classes,
        of_split(outcomes, count, world),
    )


def pack(right: Tensor) -> str:
    """(N,) bools as base64, eight to a byte, the first in the highest bit; `statistics.paired` reads them."""
    return b64encode(np.packbits(right.numpy()).tobytes()).decode()


def records(
    subject: str,
    accuracy: Accuracy,
    outcomes: Mapping[str, Any] | None = None,
    **conditions: Any,
) -> list[Record]:
    """An accuracy as records of top1, top5, loss and calibration error; logits that are not finite have no loss.

    The 95 % interval of a fraction is among its conditions; among top1's is also `right`, the bools as `pack` returns them, and
    among the loss's `guessing`.

    Args:
        outcomes: of the same images, as `outcomes.document` writes them, to be a condition of top1; None to leave them out.
    """
    common = {"protocol": PROTOCOL, **conditions, "images": accuracy.images}
    own_of_top1: dict[str, Any] = {"right": pack(accuracy.outcomes.right)}
    if outcomes is not None:
        own_of_top1 |= {"outcomes": outcomes}
    fractions: dict[str, tuple[float | None, dict[str, Any]]] = {
        "top1": (accuracy.top1, own_of_top1),
        "top5": (accuracy.top5, {}),
    }
    of_probabilities: dict[str, tuple[float, dict[str, Any]]] = {
        "loss": (accuracy.loss, {"guessing": accuracy.guessing}),
        "calibration_error": (accuracy.calibration_error, {}),
    }
    return [
        *(
            Record.of(
                subject,
                name,
                value,
                "measured",
                **common,
                interval=list(wilson(value, accuracy.images)),
                **own,
            )
            for name, (value, own) in fractions.items()
            if value is not None
        ),
        *(
            Record.of(subject, name, value, "measured", **common, **own)
            for name, (value, own) in of_probabilities.items()
            if isfinite(value)  # logits that are not finite have no loss
        ),
    ]
