"""Numbers in bytes, and the most activations that inference holds at once: layer × input shape → a schedule of tensors.

The schedule is the table's order: a join's branches one after another, then the join. A tensor lives from the layer that
writes it to the last that reads it. Nothing is written in place, as `torch.nn` has it: a layer holds its inputs and its
output together, and a join all its branches. Weights, and what a layer needs only inside itself, are not counted.
"""

from collections.abc import Sequence
from enum import StrEnum
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
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool,
    PadShortcut,
    PReLU,
    ReLU,
)
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape, joined_shape, output_shape


class Dtype(StrEnum):
    """The number format of weights and activations."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BF16 = "bf16"
    INT8 = "int8"

    @property
    def bytes(self) -> int:
        """The bytes of one number."""
        return {Dtype.FLOAT32: 4, Dtype.INT8: 1}.get(self, 2)


class Tensor(NamedTuple):
    """A tensor in the order of writing.

    Attributes:
        elements: how many numbers it holds.
        reads: which of the tensors before it its layer reads.
    """

    elements: int
    reads: tuple[int, ...]


Written = tuple[int, Shape]
"""The index of a tensor, and the shape of its layer's output."""


class Peak(NamedTuple):
    """The largest live set of inference on one image.

    Attributes:
        elements: how many numbers are alive.
        row: the row that writes the last of them.
    """

    elements: int
    row: str


def peak(network: Network) -> Peak:
    """The most activations alive at once, the image among them while it is needed; auxiliary heads left out."""
    tensors = [Tensor(prod(network.input), ())]
    rows = ["input"]
    current = 0
    inference = network.without_auxiliary()
    for row, shape in zip(inference.rows, inference.shapes, strict=True):
        current, _ = schedule(row.layer, shape, current, tensors)
        rows += [row.name] * (len(tensors) - len(rows))
    alive = live(tensors)
    largest = max(range(len(tensors)), key=alive.__getitem__)
    return Peak(alive[largest], rows[largest])


def live(tensors: Sequence[Tensor]) -> list[int]:
    """Elements alive while each tensor is written, itself and those that are still to be read included."""
    last = {read: step for step, tensor in enumerate(tensors) for read in tensor.reads}
    totals = []
    alive = 0
    for step, tensor in enumerate(tensors):
        alive += tensor.elements
        totals.append(alive)
        alive -= sum(tensors[read].elements for read in set(tensor.reads) if last[read] == step)
    return totals


@singledispatch
def schedule(layer: Layer, shape: Shape, source: int, tensors: list[Tensor]) -> Written:
    """Adds what `layer` writes for the tensor `source` of `shape`, and returns the index and the shape of its output."""
    raise NotImplementedError(type(layer).__name__)


@schedule.register(Conv)
@schedule.register(Linear)
@schedule.register(MaxPool)
@schedule.register(AvgPool)
@schedule.register(AdaptiveAvgPool)
@schedule.register(BatchNorm)
@schedule.register(LocalResponseNorm)
@schedule.register(ReLU)
@schedule.register(PReLU)
@schedule.register(PadShortcut)
def _(layer: Layer, shape: Shape, source: int, tensors: list[Tensor]) -> Written:
    output = output_shape(layer, shape)
    tensors.append(Tensor(prod(output), (source,)))
    return len(tensors) - 1, output


@schedule.register(Dropout)
@schedule.register(Flatten)
@schedule.register(Identity)
def _(layer: Layer, shape: Shape, source: int, tensors: list[Tensor]) -> Written:
    return source, output_shape(layer, shape)


@schedule.register
def _(layer: Chain, shape: Shape, source: int, tensors: list[Tensor]) -> Written:
    for _, part in layer:
        source, shape = schedule(part, shape, source, tensors)
    return source, shape


@schedule.register(Concat)
@schedule.register(Add)
def _(layer: Concat | Add, shape: Shape, source: int, tensors: list[Tensor]) -> Written:
    branches = {name: schedule(part, shape, source, tensors) for name, part in layer}
    output = joined_shape(layer, {name: shape for name, (_, shape) in branches.items()})
    tensors.append(Tensor(prod(output), tuple(index for index, _ in branches.values())))
    return len(tensors) - 1, output
