"""How strongly each layer responds: the standard deviation of its output after BatchNorm, before ReLU or addition (He 2015, Fig. 7)."""

from statistics import median
from typing import Any, NamedTuple

import torch
from torch import nn

from atalho.probes.passes import Batch, rows, undisturbed, watched
from atalho.record import Record
from atalho.runtime.syncbn import SynchronisedBatchNorm

NORMALISATIONS = (nn.BatchNorm2d, nn.SyncBatchNorm, SynchronisedBatchNorm)
PROTOCOL = (
    "training mode with batch statistics; over images, channels and pixels of each convolution's output, "
    "after the BatchNorm that follows it, if one does, before ReLU or addition"
)


class Response(NamedTuple):
    """One layer's response.

    Attributes:
        std: over all elements of its output for the batch.
        kernel: (height, width) of the convolution; Fig. 7 has the 3×3 alone.
    """

    row: str
    std: float
    kernel: tuple[int, int]


@torch.no_grad()
def responses(model: nn.Module, batch: Batch) -> dict[str, Response]:
    """Every convolution's response by its path in the module, in the order in which they are called.

    A normalisation that is not torch's own may hold its activation too; the response of a convolution before one is the convolution's own output.
    """
    leaves = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) or type(module) in NORMALISATIONS
    }
    with undisturbed(model, training=True), watched(leaves) as calls:
        model(batch.images)
    normalised = {
        id(call.input): call.output
        for name, call in calls.items()
        if type(leaves[name]) in NORMALISATIONS
    }
    of_row = {part: row for row, module in rows(model).items() for part in module.modules()}
    found = {}
    for name, call in calls.items():
        if isinstance(layer := leaves[name], nn.Conv2d):
            output = normalised.get(id(call.passed), call.output)
            height, width = layer.kernel_size
            found[name] = Response(of_row[layer], output.std().item(), (height, width))
    return found


def records(subject: str, model: nn.Module, batch: Batch, **conditions: Any) -> list[Record]:
    """All responses as one record, in the network's order; none where there is no convolution."""
    found = responses(model, batch)
    if not found:
        return []
    stds = [each.std for each in found.values()]
    return [
        Record.of(
            subject,
            "response_std",
            median(stds),
            "measured",
            stds,
            **conditions,
            batch=len(batch.labels),
            layers=[*found],
            rows=[each.row for each in found.values()],
            kernels=[list(each.kernel) for each in found.values()],
            protocol=PROTOCOL,
        )
    ]
