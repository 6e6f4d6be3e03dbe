"""Layer × input shape × receptive field → receptive field: how much of the network's input one output sees.

The recurrences of Araujo 2019 (doi:10.23915/distill.00021, "Computing receptive field size"): a window of k at stride s
makes r + (k − 1)·j of a field of r whose neighbours are j apart, and then j·s of j. Zeros of padding count as input, so
that the field of a deep row may be larger than the image. Of joined branches the largest field counts; in the papers'
networks it covers the others.
"""

from collections.abc import Iterable
from functools import singledispatch
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
    Pair,
    PReLU,
    ReLU,
    Tap,
    pair,
)
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape, output_shape


class Field(NamedTuple):
    """What one output sees of the network's input, in pixels, (height, width).

    Attributes:
        size: the sides of the smallest rectangle around it.
        stride: how far the fields of neighbouring outputs are apart.
    """

    size: Pair
    stride: Pair


PIXEL = Field((1, 1), (1, 1))
"""What a pixel of the input itself sees."""


def fields(network: Network) -> list[Field | None]:
    """The receptive field of every row's output; None where it is the whole input."""
    of_rows = []
    field: Field | None = PIXEL
    for row, shape in zip(network.rows, network.shapes, strict=True):
        output = receptive_field(row.layer, shape, field)
        of_rows.append(output)
        if not isinstance(row.layer, Tap):
            field = output
    return of_rows


@singledispatch
def receptive_field(layer: Layer, shape: Shape, field: Field | None) -> Field | None:
    """The field of one output of `layer`, a head's own for `Tap`, from the field of one element of its input of `shape`.

    None is the whole input: what global pooling, flattening and all that follows them see.
    """
    raise NotImplementedError(type(layer).__name__)


def _slide(field: Field | None, window: Pair, stride: Pair) -> Field | None:
    if field is None:
        return None
    (height, width), (down, right) = field
    return Field(
        (height + (window[0] - 1) * down, width + (window[1] - 1) * right),
        (down * stride[0], right * stride[1]),
    )


@receptive_field.register
def _(layer: Conv, shape: Shape, field: Field | None) -> Field | None:
    return _slide(field, layer.window, pair(layer.stride))


@receptive_field.register(MaxPool)
@receptive_field.register(AvgPool)
def _(layer: MaxPool | AvgPool, shape: Shape, field: Field | None) -> Field | None:
    return _slide(field, pair(layer.kernel), pair(layer.stride))


@receptive_field.register
def _(layer: AdaptiveAvgPool, shape: Shape, field: Field | None) -> Field | None:
    if layer.size == 1:
        return None
    # Windows of a grid that does not divide the map differ: the largest, and their mean distance rounded down.
    _, height, width = shape
    window = (_largest_window(height, layer.size), _largest_window(width, layer.size))
    return _slide(field, window, (height // layer.size, width // layer.size))


def _largest_window(size: int, windows: int) -> int:
    """Torch's rule: window i goes from ⌊i·size/windows⌋ to ⌈(i + 1)·size/windows⌉."""
    return max(-(-(i + 1) * size // windows) - i * size // windows for i in range(windows))


@receptive_field.register
def _(layer: PadShortcut, shape: Shape, field: Field | None) -> Field | None:
    return _slide(field, (1, 1), pair(layer.stride))


@receptive_field.register
def _(layer: Flatten, shape: Shape, field: Field | None) -> Field | None:
    return None


@receptive_field.register(BatchNorm)
@receptive_field.register(LocalResponseNorm)
@receptive_field.register(ReLU)
@receptive_field.register(PReLU)
@receptive_field.register(Dropout)
@receptive_field.register(Identity)
@receptive_field.register(Linear)
def _(layer: Layer, shape: Shape, field: Field | None) -> Field | None:
    return field


@receptive_field.register(Chain)
@receptive_field.register(Tap)
def _(layer: Join, shape: Shape, field: Field | None) -> Field | None:
    for _, part in layer:
        field = receptive_field(part, shape, field)
        shape = output_shape(part, shape)
    return field


@receptive_field.register(Concat)
@receptive_field.register(Add)
def _(layer: Join, shape: Shape, field: Field | None) -> Field | None:
    return _largest(receptive_field(part, shape, field) for _, part in layer)


def _largest(branches: Iterable[Field | None]) -> Field | None:
    finite = []
    for field in branches:
        if field is None:
            return None
        finite.append(field)
    heights, widths = zip(*(field.size for field in finite), strict=True)
    # Branches that can be joined have maps of one size, and therefore one stride.
    return Field((max(heights), max(widths)), finite[0].stride)
