"""Network → torch.nn.Module: plain torch modules under the table's own names."""

from collections import OrderedDict
from functools import singledispatch
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Add,
    AvgPool,
    BatchNorm,
    Chain,
    Concat,
    Conv,
    Dropout,
    Flatten,
    Identity,
    Join,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool,
    PadShortcut,
    PReLU,
    ReLU,
    Tap,
    pair,
)
from atalho.grammar.network import Gaussian, Glorot, HeNormal, Network
from atalho.grammar.shape import Shape, output_shape


class Outputs(NamedTuple):
    """What a network with auxiliary heads returns in training mode.

    Attributes:
        logits: (N, classes) of the main classifier.
        auxiliary: (N, classes) of each auxiliary head, from the input on.
    """

    logits: Tensor
    auxiliary: tuple[Tensor, ...]


class ConcatBranches(nn.ModuleDict):
    """Branches on one input, joined by channel."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.values()], dim=1)


class AddBranches(nn.ModuleDict):
    """Branches on one input, summed."""

    def forward(self, x: Tensor) -> Tensor:
        outputs: list[Tensor] = [branch(x) for branch in self.values()]
        total = outputs[0]
        for output in outputs[1:]:
            total = total + output
        return total


class ZeroPadShortcut(nn.Module):
    """He 2015's option A: (N, C, H, W) to (N, C + added, ⌈H/stride⌉, ⌈W/stride⌉)."""

    def __init__(self, added: int, stride: int) -> None:
        super().__init__()
        self.added = added
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        # Pooling windows of one pixel is x[:, :, ::stride, ::stride], whose gradient would not be laid out in memory as x is.
        taken = F.avg_pool2d(x, 1, self.stride) if self.stride > 1 else x
        return F.pad(taken, (0, 0, 0, 0, 0, self.added))

    def extra_repr(self) -> str:
        return f"added={self.added}, stride={self.stride}"


class Head(nn.Sequential):
    """An auxiliary head beside the main path."""


class Model(nn.Module):
    """The module of a network; its children have the names of the rows.

    `forward` takes (N, C, H, W) and returns (N, classes) logits; in training mode a network with auxiliary heads returns
    `Outputs`. No softmax is applied.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        for row, shape in zip(network.rows, network.shapes, strict=True):
            self.add_module(row.name, module(row.layer, shape))

    def forward(self, x: Tensor) -> Tensor | Outputs:
        auxiliary = []
        for child in self.children():
            if not isinstance(child, Head):
                x = child(x)
            elif self.training:
                auxiliary.append(child(x))
        return Outputs(x, tuple(auxiliary)) if auxiliary else x

    def forward_rows(self, x: Tensor) -> dict[str, Tensor]:
        """Every row's output by name, auxiliary heads included."""
        outputs = {}
        for name, child in self.named_children():
            outputs[name] = child(x)
            if not isinstance(child, Head):
                x = outputs[name]
        return outputs


@singledispatch
def module(layer: Layer, shape: Shape) -> nn.Module:
    """The torch module of `layer` for inputs of `shape`."""
    raise NotImplementedError(type(layer).__name__)


@module.register
def _(layer: Conv, shape: Shape) -> nn.Module:
    return nn.Conv2d(
        shape[0],
        layer.filters,
        pair(layer.kernel),
        pair(layer.stride),
        layer.pad,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias,
    )


@module.register
def _(layer: Linear, shape: Shape) -> nn.Module:
    return nn.Linear(shape[0], layer.features, layer.bias)


@module.register
def _(layer: MaxPool, shape: Shape) -> nn.Module:
    return nn.MaxPool2d(layer.kernel, layer.stride, layer.padding, ceil_mode=layer.ceil)


@module.register
def _(layer: AvgPool, shape: Shape) -> nn.Module:
    return nn.AvgPool2d(layer.kernel, layer.stride, layer.padding, layer.ceil, layer.count_padding)


@module.register
def _(layer: AdaptiveAvgPool, shape: Shape) -> nn.Module:
    return nn.AdaptiveAvgPool2d(layer.size)


@module.register
def _(layer: BatchNorm, shape: Shape) -> nn.Module:
    return nn.BatchNorm2d(shape[0], layer.eps)


@module.register
def _(layer: LocalResponseNorm, shape: Shape) -> nn.Module:
    # torch divides alpha by the size; the paper does not.
    return nn.LocalResponseNorm(layer.size, layer.alpha * layer.size, layer.beta, layer.k)


@module.register
def _(layer: ReLU, shape: Shape) -> nn.Module:
    return nn.ReLU()


@module.register
def _(layer: PReLU, shape: Shape) -> nn.Module:
    return nn.PReLU(shape[0])


@module.register
def _(layer: Dropout, shape: Shape) -> nn.Module:
    return nn.Dropout2d(layer.p) if layer.spatial else nn.Dropout(layer.p)


@module.register
def _(layer: Flatten, shape: Shape) -> nn.Module:
    return nn.Flatten()


@module.register
def _(layer: Identity, shape: Shape) -> nn.Module:
    return nn.Identity()


@module.register
def _(layer: PadShortcut, shape: Shape) -> nn.Module:
    return ZeroPadShortcut(layer.channels - shape[0], layer.stride)


def _parts(layer: Join, shape: Shape, *, chained: bool) -> "OrderedDict[str, nn.Module]":
    parts = OrderedDict()
    for name, part in layer:
        parts[name] = module(part, shape)
        if chained:
            shape = output_shape(part, shape)
    return parts


@module.register
def _(layer: Chain, shape: Shape) -> nn.Module:
    return nn.Sequential(_parts(layer, shape, chained=True))


@module.register
def _(layer: Tap, shape: Shape) -> nn.Module:
    return Head(_parts(layer, shape, chained=True))


@module.register
def _(layer: Concat, shape: Shape) -> nn.Module:
    return ConcatBranches(_parts(layer, shape, chained=False))


@module.register
def _(layer: Add, shape: Shape) -> nn.Module:
    return AddBranches(_parts(layer, shape, chained=False))


def build(network: Network, *, seed: int = 0, device: torch.device | str = "cpu") -> Model:
    """The network as a module, initialised as its paper says, from `seed` alone: torch's global generator is not touched."""
    with torch.device("meta"):  # nothing is allocated or drawn twice
        model = Model(network)
    model.to_empty(device="cpu")
    initialise(model, seed)
    return model.to(device)


def initialise(model: Model, seed: int) -> None:
    """Draws every parameter anew, in the order of the table, and resets BatchNorm's statistics."""
    generator = torch.Generator().manual_seed(seed)
    scheme = model.network.initialisation
    for row, child in model.named_children():
        for part in child.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.reset_parameters()
            elif isinstance(part, nn.PReLU):
                nn.init.constant_(part.weight, 0.25)  # He 2015, arXiv:1502.01852, §2.1
            elif isinstance(part, nn.Conv2d | nn.Linear):
                if isinstance(scheme, HeNormal):
                    nn.init.kaiming_normal_(part.weight, nonlinearity="relu", generator=generator)
                elif isinstance(scheme, Glorot):
                    nn.init.xavier_uniform_(part.weight, generator=generator)
                else:
                    nn.init.normal_(part.weight, std=scheme.std, generator=generator)
                if part.bias is not None:
                    ones = isinstance(scheme, Gaussian) and row in scheme.biases_one
                    nn.init.constant_(part.bias, float(ones))
