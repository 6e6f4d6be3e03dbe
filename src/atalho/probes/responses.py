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
        row: the row that the layer is in.
        std: over all elements of its output for the batch.
        kernel: (height, width) of the convolution; Fig. 7 shows the 3×3 layers only.
    """

    row: str
    std: float
    kernel: tuple[int, int]


@torch.no_grad()
def responses(model: nn.Module, batch: Batch) -> dict[str, Response]:
    """Every convolution's response by its path in the module, in the order in which they are called.

    A normalisation layer that is not torch's own may include an activation; the response of a convolution before such a layer is
    the convolution's own output.
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
    by_layer = {}
    for name, call in calls.items():
        if isinstance(layer := leaves[name], nn.Conv2d):
            output = normalised.get(id(call.passed), call.output)
            height, width = layer.kernel_size
            by_layer[name] = Response(of_row[layer], output.std().item(), (height, width))
    return by_layer


def records(subject: str, model: nn.Module, batch: Batch, **conditions: Any) -> list[Record]:
    """All responses as one record, in the network's order; empty for a network without convolutions."""
    by_layer = responses(model, batch)
    if not by_layer:
        return []
    stds = [each.std for each in by_layer.values()]
    return [
        Record.of(
            subject,
            "response_std",
            median(stds),
            "measured",
            stds,
            **conditions,
            batch=len(batch.labels),
            layers=[*by_layer],
            rows=[each.row for each in by_layer.values()],
            kernels=[list(each.kernel) for each in by_layer.values()],
            protocol=PROTOCOL,
        )
    ]
