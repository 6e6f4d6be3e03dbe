"""Layer × input shape → parameters, multiply-accumulates, activations; for one image, at inference.

`macs` are multiply-accumulates of convolutions and linear layers: what the papers call FLOPs, ops or operations. Work of
other kinds (pooling, normalisation, additions) is `other_ops` and never mixed in. Training-only parts (`Tap`) cost
nothing at inference; `Line.auxiliary` marks them and `totals` leaves them out.
"""

from collections.abc import Iterable
from functools import singledispatch
from math import prod
from typing import NamedTuple

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
from atalho.grammar.network import Network, Row
from atalho.grammar.shape import Shape, joined_shape, output_shape


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
    return Cost(*map(sum, zip(Cost(), *costs, strict=True)))


class Work(NamedTuple):
    """The output shape of a layer for an input, and its cost."""

    output: Shape
    cost: Cost


def cost(layer: Layer, shape: Shape) -> Cost:
    """The cost of `layer` on one input of `shape`."""
    return work(layer, shape).cost


@singledispatch
def work(layer: Layer, shape: Shape) -> Work:
    """Output shape and cost of `layer` on one input of `shape`, in one pass over its tree; a head's own output for `Tap`."""
    raise NotImplementedError(type(layer).__name__)


@work.register
def _(layer: Conv, shape: Shape) -> Work:
    output = output_shape(layer, shape)
    height, width = pair(layer.kernel)
    weights = layer.filters * (shape[0] // layer.groups) * height * width
    biases = layer.filters * layer.bias
    positions = output[1] * output[2]
    return Work(output, Cost(weights + biases, biases, weights * positions, 0, prod(output)))


@work.register
def _(layer: Linear, shape: Shape) -> Work:
    output = output_shape(layer, shape)
    weights = shape[0] * layer.features
    biases = layer.features * layer.bias
    return Work(output, Cost(weights + biases, biases, weights, 0, layer.features))


@work.register(MaxPool)
@work.register(AvgPool)
def _(layer: MaxPool | AvgPool, shape: Shape) -> Work:
    output = output_shape(layer, shape)
    written = prod(output)
    return Work(output, Cost(other_ops=written * layer.kernel**2, activations=written))


@work.register
def _(layer: AdaptiveAvgPool, shape: Shape) -> Work:
    output = output_shape(layer, shape)
    return Work(output, Cost(other_ops=prod(shape), activations=prod(output)))


@work.register
def _(layer: BatchNorm, shape: Shape) -> Work:
    size = prod(output_shape(layer, shape))
    return Work(shape, Cost(params=2 * shape[0], other_ops=2 * size, activations=size))


@work.register
def _(layer: LocalResponseNorm, shape: Shape) -> Work:
    # For each element: a square and a sum over the neighbours, then scale, power and product.
    size = prod(output_shape(layer, shape))
    return Work(shape, Cost(other_ops=(2 * layer.size + 3) * size, activations=size))


@work.register
def _(layer: ReLU, shape: Shape) -> Work:
    size = prod(shape)
    return Work(shape, Cost(other_ops=size, activations=size))


@work.register
def _(layer: PReLU, shape: Shape) -> Work:
    size = prod(output_shape(layer, shape))
    return Work(shape, Cost(params=shape[0], other_ops=2 * size, activations=size))


@work.register(Dropout)
@work.register(Flatten)
@work.register(Identity)
def _(layer: Layer, shape: Shape) -> Work:
    return Work(output_shape(layer, shape), Cost())


@work.register
def _(layer: PadShortcut, shape: Shape) -> Work:
    output = output_shape(layer, shape)
    return Work(output, Cost(activations=prod(output)))


@work.register(Chain)
@work.register(Tap)
def _(layer: Join, shape: Shape) -> Work:
    costs = []
    for _, part in layer:
        shape, part_cost = work(part, shape)
        costs.append(part_cost)
    return Work(shape, total(costs))


@work.register(Concat)
@work.register(Add)
def _(layer: Concat | Add, shape: Shape) -> Work:
    branches = {name: work(part, shape) for name, part in layer}
    output = joined_shape(layer, {name: branch.output for name, branch in branches.items()})
    costs = [branch.cost for branch in branches.values()]
    if isinstance(layer, Add):
        written = prod(output)
        costs.append(Cost(other_ops=written * (len(branches) - 1), activations=written))
    return Work(output, total(costs))


class Line(NamedTuple):
    """One row of a network's table with its shapes and cost."""

    row: Row
    input: Shape
    output: Shape
    cost: Cost
    depth: int
    auxiliary: bool


def lines(network: Network) -> list[Line]:
    """The shapes and cost of every row of a network's table."""
    known: dict[
        tuple[int, Shape], tuple[Work, int]
    ] = {}  # deep networks have many rows of one layer
    computed = []
    for row, shape in zip(network.rows, network.shapes, strict=True):
        key = id(row.layer), shape
        if key not in known:
            known[key] = work(row.layer, shape), depth(row.layer)
        (output, cost), layers = known[key]
        computed.append(Line(row, shape, output, cost, layers, isinstance(row.layer, Tap)))
    return computed


def totals(network: Network) -> Cost:
    """The cost of one image at inference, without auxiliary heads."""
    return total(line.cost for line in lines(network) if not line.auxiliary)


def auxiliary(network: Network) -> Cost:
    """The additional cost of the auxiliary heads for one image in training."""
    return total(line.cost for line in lines(network) if line.auxiliary)


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
