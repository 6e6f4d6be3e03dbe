"""Shapes against torch's own, over many sizes; and errors that name what does not fit."""

from itertools import product

import pytest
import torch
from torch import nn

from atalho.errors import AtalhoError, Exit
from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Add,
    AvgPool,
    BatchNorm,
    Chain,
    Concat,
    Conv,
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
)
from atalho.grammar.network import Network, Row, Source, classifier
from atalho.grammar.shape import Shape, ShapeError, output_shape

SIZES = range(1, 20)


def ours(layer: Layer, shape: Shape) -> Shape | None:
    try:
        return output_shape(layer, shape)
    except ShapeError:
        return None


def theirs(module: nn.Module, shape: Shape) -> Shape | None:
    try:
        return tuple(module(torch.empty(1, *shape, device="meta")).shape[1:])
    except RuntimeError:
        return None


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_pooling_windows(kernel: int, ceil: bool) -> None:
    """Every size, stride and padding that torch allows: as many windows as torch has, refused where torch refuses."""
    for size, stride, padding in product(SIZES, (1, 2, 3, 4), range(kernel // 2 + 1)):
        shape = (2, size, size + 1)
        for layer, module in (
            (MaxPool, nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil)),
            (AvgPool, nn.AvgPool2d(kernel, stride, padding, ceil)),
        ):
            assert ours(layer(kernel, stride, padding, ceil), shape) == theirs(module, shape)


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, (1, 7), (5, 2)])
def test_convolution_windows(kernel: int | tuple[int, int], dilation: int) -> None:
    for size, stride, padding in product(SIZES, (1, 2, (3, 1)), (0, 1, (2, 4))):
        shape = (2, size, size + 3)
        layer = Conv(4, kernel, stride, padding, dilation=dilation)
        with torch.device("meta"):
            module = nn.Conv2d(2, 4, kernel, stride, padding, dilation)
        assert ours(layer, shape) == theirs(module, shape)


@pytest.mark.parametrize("dilation", [1, 2, 16])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 11, (1, 7), (5, 1)])
def test_padding_left_out_keeps_the_size(kernel: int | tuple[int, int], dilation: int) -> None:
    assert output_shape(Conv(4, kernel, dilation=dilation), (3, 9, 12)) == (4, 9, 12)


def test_an_odd_map_halved() -> None:
    """A 3×3 convolution of stride 2 and the option A shortcut agree on every size."""
    for size in SIZES:
        shape = (4, size, size)
        assert output_shape(Conv(8, 3, 2), shape) == output_shape(PadShortcut(8, 2), shape)


@pytest.mark.parametrize(
    ("layer", "shape", "output"),
    [
        (AdaptiveAvgPool(), (5, 7, 9), (5, 1, 1)),
        (AdaptiveAvgPool(6), (5, 13, 3), (5, 6, 6)),
        (Flatten(), (5, 7, 9), (315,)),
        (Linear(10), (315,), (10,)),
        (BatchNorm(), (5, 7, 9), (5, 7, 9)),
        (PReLU(), (5, 7, 9), (5, 7, 9)),
        (LocalResponseNorm(), (5, 7, 9), (5, 7, 9)),
        (ReLU(), (10,), (10,)),
        (Identity(), (5, 7, 9), (5, 7, 9)),
        (PadShortcut(8, 2), (5, 7, 8), (8, 4, 4)),
        (Concat(a=Conv(3), b=Identity(), c=Conv(4, 3)), (5, 7, 9), (12, 7, 9)),
        (Add(a=Conv(5), b=Identity()), (5, 7, 9), (5, 7, 9)),
        (Tap(flatten=Flatten(), linear=Linear(3)), (5, 7, 9), (5, 7, 9)),
        (Chain(), (5, 7, 9), (5, 7, 9)),
    ],
)
def test_shapes(layer: Layer, shape: Shape, output: Shape) -> None:
    assert output_shape(layer, shape) == output


@pytest.mark.parametrize(
    ("layer", "shape", "problem"),
    [
        (Conv(4, 3), (10,), "Conv takes CxHxW, not 10"),
        (Linear(4), (5, 7, 9), "Linear takes a flat input, not 5x7x9"),
        (BatchNorm(), (10,), "BatchNorm takes CxHxW, not 10"),
        (MaxPool(3, 2), (5, 2, 9), "a 3x3 window does not fit into its input 5x2x9"),
        (
            Conv(4, 3, padding=0, dilation=4),
            (5, 8, 9),
            "a 9x9 window does not fit into its input 5x8x9",
        ),
        (Conv(4, 3, groups=2), (5, 7, 9), "5 channels in, 4 out, do not split into 2 groups"),
        (Conv(3, 3, groups=2), (4, 7, 9), "4 channels in, 3 out, do not split into 2 groups"),
        (PadShortcut(3, 2), (5, 7, 9), "cannot pad 5 channels to 3"),
        (
            Concat(wide=Conv(3), narrow=Conv(3, 3, 2)),
            (5, 7, 9),
            "branches to be joined differ in height or width: wide 3x7x9, narrow 3x4x5",
        ),
        (
            Add(residual=Conv(3), shortcut=Identity()),
            (5, 7, 9),
            "branches to be summed differ in shape: residual 3x7x9, shortcut 5x7x9",
        ),
        (
            Chain(branches=Concat(one=Chain(conv=Conv(4), pool=MaxPool(9, 1)))),
            (5, 7, 9),
            "branches.one.pool: a 9x9 window does not fit into its input 4x7x9",
        ),
        (
            Tap(pool=AvgPool(8, 1), flatten=Flatten()),
            (5, 7, 9),
            "pool: a 8x8 window does not fit into its input 5x7x9",
        ),
    ],
)
def test_what_does_not_fit_is_named(layer: Layer, shape: Shape, problem: str) -> None:
    with pytest.raises(ShapeError) as error:
        output_shape(layer, shape)
    assert str(error.value) == problem


def test_every_layer_that_is_no_layer_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="Layer"):
        output_shape(Layer(), (1,))


# Networks check themselves.

SOURCE = Source("Nobody", "Nothing", 2000, "", "Table 0")


def network(*rows: Row, input: Shape = (3, 8, 8), num_classes: int = 10) -> Network:
    return Network("net", SOURCE, rows, input, num_classes)


def test_a_network_names_the_row_and_both_shapes() -> None:
    with pytest.raises(AtalhoError) as error:
        network(
            Row("conv1", "convolution", Conv(4, 3, 2)),
            Row("block", "block", Chain(path=Chain(pool=MaxPool(5, 1)))),
            Row("fc", "linear", classifier(10)),
        )
    assert error.value.code == "INPUT-SHAPE"
    assert error.value.exit == Exit.USAGE
    message = str(error.value)
    assert "net: row block.path.pool cannot take 4x4x4" in message
    assert "a 5x5 window does not fit" in message
    assert "the network's input was 3x8x8" in message
    assert "Traceback" not in message


def test_a_network_ends_in_its_classes() -> None:
    with pytest.raises(AtalhoError, match="gives 10, not 7 logits") as error:
        network(Row("fc", "linear", classifier(10)), num_classes=7)
    assert error.value.code == "TABLE"


@pytest.mark.parametrize("input", [(3, 8), (3, 8, 0), (0, 8, 8), (1, 3, 8, 8)])
def test_inputs_that_are_no_images(input: Shape) -> None:
    with pytest.raises(AtalhoError, match="is no image"):
        network(Row("fc", "linear", classifier(10)), input=input)
