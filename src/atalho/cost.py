"""Layer × input shape → parameters, multiply-accumulates, activations; for one image, at inference.

`macs` are multiply-accumulates of convolutions and linear layers: what the papers call FLOPs, ops or operations. Work of
other kinds (pooling, normalisation, additions) is `other_ops` and never mixed in. Training-only parts (`Tap`) cost
nothing at inference; `Line.auxiliary` marks them and `totals` leaves them out.
"""

from collections.abc import Iterable
from functools import singledispatch
from math import prod
from typing import NamedTuple

from atalho.layers import (
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
    ReLU,
    Tap,
    pair,
)
from atalho.network import Network, Row
from atalho.shape import Shape, output_shape


class Cost(NamedTuple):
    """What a layer costs for one image.

    Attributes:
        params: learned numbers, biases and BatchNorm's scale and shift included.
        biases: those of them that convolutions and linear layers add to their outputs.
        macs: multiply-accumulates of convolutions and linear layers.
        other_ops: arithmetic of every other kind.
        activations: elements written; what only passes on its input (flatten, identity, dropout, joining) writes none.
    """

    params: int = 0
    biases: int = 0
    macs: int = 0
    other_ops: int = 0
    activations: int = 0

    @property
    def flops(self) -> int:
        """2 × macs: a multiplication and an addition each."""
        return 2 * self.macs

    @property
    def weights(self) -> int:
        """Parameters without biases, as Szegedy 2014 counts them in Table 1."""
        return self.params - self.biases


def total(costs: Iterable[Cost]) -> Cost:
    """Costs added up, field by field."""
    columns = zip(*costs, strict=True)
    return Cost(*map(sum, columns))


@singledispatch
def cost(layer: Layer, shape: Shape) -> Cost:
    """The cost of `layer` on one input of `shape`."""
    raise NotImplementedError(type(layer).__name__)


@cost.register
def _(layer: Conv, shape: Shape) -> Cost:
    output = output_shape(layer, shape)
    weights = layer.filters * (shape[0] // layer.groups) * prod(pair(layer.kernel))
    biases = layer.filters * layer.bias
    positions = prod(output[1:])
    return Cost(weights + biases, biases, weights * positions, 0, prod(output))


@cost.register
def _(layer: Linear, shape: Shape) -> Cost:
    weights = shape[0] * layer.features
    biases = layer.features * layer.bias
    return Cost(weights + biases, biases, weights, 0, layer.features)


@cost.register(MaxPool)
@cost.register(AvgPool)
def _(layer: MaxPool | AvgPool, shape: Shape) -> Cost:
    written = prod(output_shape(layer, shape))
    return Cost(other_ops=written * layer.kernel**2, activations=written)


@cost.register
def _(layer: AdaptiveAvgPool, shape: Shape) -> Cost:
    return Cost(other_ops=prod(shape), activations=prod(output_shape(layer, shape)))


@cost.register
def _(layer: BatchNorm, shape: Shape) -> Cost:
    return Cost(params=2 * shape[0], other_ops=2 * prod(shape), activations=prod(shape))


@cost.register
def _(layer: LocalResponseNorm, shape: Shape) -> Cost:
    # A square and a sum over the neighbours, then scale, power and product.
    return Cost(other_ops=(2 * layer.size + 3) * prod(shape), activations=prod(shape))


@cost.register
def _(layer: ReLU, shape: Shape) -> Cost:
    return Cost(other_ops=prod(shape), activations=prod(shape))


@cost.register(Dropout)
@cost.register(Flatten)
@cost.register(Identity)
def _(layer: Layer, shape: Shape) -> Cost:
    return Cost()


@cost.register
def _(layer: PadShortcut, shape: Shape) -> Cost:
    return Cost(activations=prod(output_shape(layer, shape)))


@cost.register(Chain)
@cost.register(Tap)
def _(layer: Join, shape: Shape) -> Cost:
    costs = []
    for _, part in layer:
        costs.append(cost(part, shape))
        shape = output_shape(part, shape)
    return total(costs)


@cost.register
def _(layer: Concat, shape: Shape) -> Cost:
    return total(cost(part, shape) for _, part in layer)


@cost.register
def _(layer: Add, shape: Shape) -> Cost:
    written = prod(output_shape(layer, shape))
    additions = Cost(other_ops=written * (len(layer.parts) - 1), activations=written)
    return total([*(cost(part, shape) for _, part in layer), additions])


class Line(NamedTuple):
    """One row of a network's table, worked out for an input."""

    row: Row
    input: Shape
    output: Shape
    cost: Cost
    depth: int
    auxiliary: bool


def lines(network: Network) -> list[Line]:
    """The network's table worked out row by row."""
    worked = []
    for row, shape in zip(network.rows, network.shapes, strict=True):
        auxiliary = isinstance(row.layer, Tap)
        chain = Chain(**dict(row.layer.parts)) if isinstance(row.layer, Tap) else row.layer
        output = output_shape(chain, shape)
        worked.append(Line(row, shape, output, cost(row.layer, shape), depth(row.layer), auxiliary))
    return worked


def totals(network: Network) -> Cost:
    """What one image costs at inference, auxiliary heads left out."""
    return total(line.cost for line in lines(network) if not line.auxiliary)


def auxiliary(network: Network) -> Cost:
    """What the training-only heads add to it."""
    return total([Cost(), *(line.cost for line in lines(network) if line.auxiliary)])


@singledispatch
def depth(layer: Layer) -> int:
    """Layers with weights along the longest path, as the papers count: convolutions and linear layers."""
    return 0


@depth.register(Conv)
@depth.register(Linear)
def _(layer: Layer) -> int:
    return 1


@depth.register
def _(layer: Chain) -> int:
    return sum(depth(part) for _, part in layer)


@depth.register(Concat)
@depth.register(Add)
def _(layer: Join) -> int:
    return max(depth(part) for _, part in layer)


def network_depth(network: Network) -> int:
    """The network's depth: 50 for ResNet-50."""
    return sum(depth(row.layer) for row in network.rows)
