"""Accuracy of a network on a split: top-1 and top-5 with an interval, per class, and the confusion matrix."""

from collections.abc import Iterable, Iterator
from math import sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atalho.data.batches import Preprocessing, preprocess
from atalho.data.dataset import Batched
from atalho.errors import AtalhoError, Exit
from atalho.precision import Precision, autocast
from atalho.record import Record
from atalho.world import ALONE, World

Z95 = 1.959963984540054  # 97.5 % of a standard normal distribution lie below it
PROTOCOL = "single view, no augmentation"


class Accuracy(NamedTuple):
    """How a network answers a split.

    Attributes:
        images: how many were asked.
        top1, top5: fractions right with the first answer, or with one of five; top5 is None below five classes.
        loss: mean cross-entropy in nats.
        confusion: (classes, classes) counts; rows are true classes.
    """

    images: int
    top1: float
    top5: float | None
    loss: float
    confusion: Tensor

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
    *,
    batch: int,
    device: torch.device,
    precision: Precision,
    world: World = ALONE,
) -> Accuracy:
    """Asks `model` about every image of `split`, once; leaves it in the mode it was in.

    Args:
        world: the processes that ask together, each about a split of its own.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), where there are no images.
    """
    training = model.training
    model.eval()
    at = preprocessing.to(device)

    def answers() -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in split.batches(batch):
            with autocast(device, precision):
                logits = model(preprocess(images.to(device), at))
            yield logits.float(), labels.to(device)

    found = tally(answers(), world)
    model.train(training)
    return found


@torch.inference_mode()
def tally(
    answers: Iterable[tuple[Tensor, Tensor]],
    world: World = ALONE,
) -> Accuracy:
    """What answers come to: (N, classes) logits or log-probabilities, and (N,) true classes, as often as there are batches.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), where there are none.
    """
    confusion: Tensor | None = None
    for logits, truth in answers:
        classes = logits.shape[1]
        if confusion is None:
            confusion = truth.new_zeros(classes * classes)
            loss = logits.new_zeros((), dtype=torch.float64)
            five = truth.new_zeros(())
        confusion += (truth * classes + logits.argmax(1)).bincount(minlength=classes**2)
        loss += F.cross_entropy(logits, truth, reduction="sum").double()
        best = logits.topk(min(5, classes)).indices
        five += (best == truth[:, None]).sum()
    if confusion is None:
        raise AtalhoError(
            "DATA-EMPTY",
            "accuracy",
            "there is no image to ask about",
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
    )


def wilson(fraction: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a fraction seen in `count` independent cases (Wilson 1927)."""
    centre = fraction + Z95**2 / (2 * count)
    spread = Z95 * sqrt(fraction * (1 - fraction) / count + Z95**2 / (4 * count**2))
    scale = 1 + Z95**2 / count
    # At 0 and 1 the bound is the fraction itself; rounding must not put it a hair inside or outside.
    return min(fraction, max(0.0, (centre - spread) / scale)), max(
        fraction, min(1.0, (centre + spread) / scale)
    )


def records(subject: str, found: Accuracy, **conditions: Any) -> list[Record]:
    """The accuracy as records, with intervals among the conditions."""
    given = {**conditions, "images": found.images, "protocol": PROTOCOL}
    fractions = {"top1": found.top1, "top5": found.top5}
    return [
        *(
            Record.of(
                subject,
                name,
                value,
                "measured",
                **given,
                interval=list(wilson(value, found.images)),
            )
            for name, value in fractions.items()
            if value is not None
        ),
        Record.of(subject, "loss", found.loss, "measured", **given),
    ]
