"""Layer × input shape → output shape, for one image: (C, H, W), or (features,) once flat."""

from collections.abc import Mapping, Sequence
from functools import singledispatch

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
    Tap,
    pair,
)

Shape = tuple[int, ...]


class ShapeError(ValueError):
    """A layer cannot take its input; `path` names it from the row down."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem, path)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem

    def inside(self, name: str) -> "ShapeError":
        return ShapeError(self.problem, f"{name}.{self.path}" if self.path else name)


def text(shape: Sequence[int]) -> str:
    """`64x56x56`, as the command line reads it."""
    return "x".join(map(str, shape))


@singledispatch
def output_shape(layer: Layer, shape: Shape) -> Shape:
    """The output shape of `layer` for an input of `shape`; ShapeError where it cannot take that input."""
    raise NotImplementedError(type(layer).__name__)


def part_shape(name: str, layer: Layer, shape: Shape) -> Shape:
    """`output_shape`, with the part's name put in front of a failure's path."""
    try:
        return output_shape(layer, shape)
    except ShapeError as error:
        raise error.inside(name) from None


def _image(layer: Layer, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ShapeError(f"{type(layer).__name__} takes CxHxW, not {text(shape)}")
    return shape[0], shape[1], shape[2]


def _windows(size: int, kernel: int, stride: int, padding: int, ceil: bool = False) -> int:
    """How many windows fit along one side (torch's rule: with `ceil`, the last may end outside, but begins inside)."""
    room = size + 2 * padding - kernel
    if not ceil:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count if (count - 1) * stride < size + padding else count - 1


def _windowed(
    layer: Layer,
    shape: Shape,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int],
    padding: int | tuple[int, int],
    ceil: bool = False,
) -> tuple[int, int]:
    _, *sides = _image(layer, shape)
    height, width = (
        _windows(*numbers, ceil)
        for numbers in zip(sides, pair(kernel), pair(stride), pair(padding), strict=True)
    )
    if min(height, width) < 1:
        window = text(pair(kernel))
        raise ShapeError(f"a {window} window does not fit into its input {text(shape)}")
    return height, width


@output_shape.register
def _(layer: Conv, shape: Shape) -> Shape:
    channels = _image(layer, shape)[0]
    if channels % layer.groups or layer.filters % layer.groups:
        raise ShapeError(
            f"{channels} channels in, {layer.filters} out, do not split into {layer.groups} groups"
        )
    return layer.filters, *_windowed(layer, shape, layer.window, layer.stride, layer.pad)


@output_shape.register(MaxPool)
@output_shape.register(AvgPool)
def _(layer: MaxPool | AvgPool, shape: Shape) -> Shape:
    sides = _windowed(layer, shape, layer.kernel, layer.stride, layer.padding, layer.ceil)
    return shape[0], *sides


@output_shape.register
def _(layer: AdaptiveAvgPool, shape: Shape) -> Shape:
    return _image(layer, shape)[0], layer.size, layer.size


@output_shape.register
def _(layer: Linear, shape: Shape) -> Shape:
    if len(shape) != 1:
        raise ShapeError(f"Linear takes a flat input, not {text(shape)}")
    return (layer.features,)


@output_shape.register
def _(layer: Flatten, shape: Shape) -> Shape:
    channels, height, width = _image(layer, shape)
    return (channels * height * width,)


@output_shape.register(BatchNorm)
@output_shape.register(LocalResponseNorm)
@output_shape.register(PReLU)
def _(layer: Layer, shape: Shape) -> Shape:
    return _image(layer, shape)


@output_shape.register(ReLU)
@output_shape.register(Dropout)
@output_shape.register(Identity)
def _(layer: Layer, shape: Shape) -> Shape:
    return shape


@output_shape.register
def _(layer: PadShortcut, shape: Shape) -> Shape:
    channels, height, width = _image(layer, shape)
    if layer.channels < channels:
        raise ShapeError(f"cannot pad {channels} channels to {layer.channels}")
    # Every stride-th pixel, the first included.
    return layer.channels, -(-height // layer.stride), -(-width // layer.stride)


@output_shape.register
def _(layer: Chain, shape: Shape) -> Shape:
    return end_shape(layer, shape)


@output_shape.register
def _(layer: Tap, shape: Shape) -> Shape:
    end_shape(layer, shape)  # the head must be able to take it
    return shape


@output_shape.register(Concat)
@output_shape.register(Add)
def _(layer: Concat | Add, shape: Shape) -> Shape:
    return joined_shape(layer, {name: part_shape(name, part, shape) for name, part in layer})


def end_shape(layer: Chain | Tap, shape: Shape) -> Shape:
    """The output shape of a chain, or of a head, for an input of `shape`."""
    for name, part in layer:
        shape = part_shape(name, part, shape)
    return shape


def joined_shape(layer: Concat | Add, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of joined branches from their own shapes; ShapeError where these do not fit together."""
    if isinstance(layer, Add):
        if len(set(shapes.values())) > 1:
            raise ShapeError(f"branches to be summed differ in shape: {_listed(shapes)}")
        return next(iter(shapes.values()))
    images = [_image(layer, shape) for shape in shapes.values()]
    if len({(height, width) for _, height, width in images}) > 1:
        raise ShapeError(f"branches to be joined differ in height or width: {_listed(shapes)}")
    return sum(channels for channels, _, _ in images), *images[0][1:]


def _listed(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} {text(shape)}" for name, shape in shapes.items())
