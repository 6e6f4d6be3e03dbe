"""What a training run looks at every so many steps: the gradient's norm at every row, and the layers' responses."""

from typing import Any

from torch import nn

from atalho.measure import flow, responses
from atalho.measure.passes import Batch
from atalho.record import Record

EVERY = 100  # steps


def records(
    subject: str,
    model: nn.Module,
    batch: Batch,
    auxiliary_weight: float = 0.0,
    /,
    **conditions: Any,
) -> list[Record]:
    """D1 and the responses of a batch, by one pass of each kind beside the training step.

    Weights, gradients, statistics, modes and generators are left as they were: the step after it has the same bits.
    """
    return [
        *flow.records(subject, model, batch, auxiliary_weight, **conditions),
        *responses.records(subject, model, batch, **conditions),
    ]
