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
        confusion: (classes, classes) counts; rows are true classes.
        outcomes: of every image, in the split's order; None where they are not known.
    """

    images: int
    top1: float
    top5: float | None
    loss: float
    confusion: Tensor
    outcomes: Outcomes | None = None

    @property
    def calibration_error(self) -> float | None:
        """As of the outcomes; None where they are not known."""
        return self.outcomes.calibration_error if self.outcomes else None

    @property
    def guessing(self) -> float:
        """The loss of guessing each class by its frequency among these images, in nats: without looking at them none is lower."""
        shares = self.confusion.sum(1).double() / self.images
        return float(-torch.special.xlogy(shares, shares).sum())

    @property
    def per_class(self) -> list[float | None]:
        """Top-1 accuracy of each class; None for a class without images."""
        counts = self.confusion.sum(1).tolist()
        right = self.confusion.diagonal().tolist()
        return [r / n if n else None for r, n in zip(right, counts, strict=True)]


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
    confusion: Tensor | None = None
    outcomes: list[Tensor] = []
    for logits, truth in batches:
        classes = logits.shape[1]
        if confusion is None:
            confusion = truth.new_zeros(classes * classes)
            loss = logits.new_zeros((), dtype=torch.float64)
            five = truth.new_zeros(())
        first = logits.argmax(1)
        confusion += (truth * classes + first).bincount(minlength=classes**2)
        outcomes.append(of_batch(logits / temperature, truth))
        loss += F.cross_entropy(logits, truth, reduction="sum").double()
        best = logits.topk(min(5, classes)).indices
        five += (best == truth[:, None]).sum()
    if confusion is None:
        raise AtalhoError(
            "DATA-EMPTY",
            "accuracy",
            "there is no image to classify",
            next_step="--data with images that can be read",
            exit=Exit.DATA,
        )
    confusion, loss, five = (world.sum(each) for each in (confusion, loss, five))
    count = int(confusion.sum().item())
    square = confusion.reshape(classes, classes).cpu()
    return Accuracy(
        count,
        square.diagonal().sum().item() / count,
        five.item() / count if classes >= 5 else None,
        loss.item() / count,
        square,
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
    of_images = {} if accuracy.outcomes is None else {"right": pack(accuracy.outcomes.right)}
    own_of_top1 = {**of_images, **({} if outcomes is None else {"outcomes": outcomes})}
    fractions: dict[str, tuple[float | None, dict[str, Any]]] = {
        "top1": (accuracy.top1, own_of_top1),
        "top5": (accuracy.top5, {}),
    }
    of_probabilities: dict[str, tuple[float, dict[str, Any]]] = {
        "loss": (accuracy.loss, {"guessing": accuracy.guessing})
    }
    if accuracy.calibration_error is not None:
        of_probabilities["calibration_error"] = (accuracy.calibration_error, {})
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
