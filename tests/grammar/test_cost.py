"""Costs against definitions, loops and torch's counter; a network's totals against its module's own work."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from atalho import networks
from atalho.grammar.cost import Cost, auxiliary, cost, depth, lines, total, totals, work
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
)
from atalho.grammar.module import AddBranches, Model, module
from atalho.grammar.shape import Shape, ShapeError, end_shape, output_shape
from atalho.networks import CATALOGUE

CONVOLUTIONS = [
    Conv(filters, kernel, stride, padding, groups, bias, dilation)
    for filters, kernel, stride, padding, groups, bias, dilation in product(
        (4, 6), (1, 3, (1, 5)), (1, 2), (None, 0), (1, 2), (True, False), (1, 2)
    )
]


def test_convolutions() -> None:
    """As many weights and biases as torch keeps, as many operations as its counter counts."""
    shape = (4, 9, 12)
    for layer in CONVOLUTIONS:
        with torch.device("meta"):
            built, images = module(layer, shape), torch.empty(1, *shape)
        with FlopCounterMode(display=False) as counter:
            output = built(images)
        found = cost(layer, shape)
        assert found.params == sum(parameter.numel() for parameter in built.parameters())
        assert found.biases == (layer.filters if layer.bias else 0)
        assert found.weights == built.weight.numel()
        assert found.flops == 2 * found.macs == counter.get_total_flops()
        assert found.activations == output.numel()
        assert found.other_ops == 0


def test_a_multiply_accumulate_is_one_tap_of_one_output() -> None:
    """Counted one by one over a grouped, strided, dilated convolution."""
    layer, (channels, height, width) = Conv(6, (3, 2), (2, 1), 0, groups=2, dilation=2), (4, 7, 5)
    taps = 0
    rows = range(0, height - 2 * (3 - 1), 2)
    columns = range(width - 2 * (2 - 1))
    for _ in product(range(6), rows, columns, range(channels // 2), range(3), range(2)):
        taps += 1
    assert cost(layer, (channels, height, width)).macs == taps


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (Linear(10), (6,), Cost(params=70, biases=10, macs=60, activations=10)),
        (Linear(10, bias=False), (6,), Cost(params=60, macs=60, activations=10)),
        (MaxPool(3, 2), (2, 7, 7), Cost(other_ops=18 * 9, activations=18)),
        (AvgPool(2, 2), (2, 6, 8), Cost(other_ops=24 * 4, activations=24)),
        (AdaptiveAvgPool(), (2, 7, 7), Cost(other_ops=98, activations=2)),
        (BatchNorm(), (2, 3, 4), Cost(params=4, other_ops=48, activations=24)),
        (ReLU(), (2, 3, 4), Cost(other_ops=24, activations=24)),
        (PReLU(), (2, 3, 4), Cost(params=2, other_ops=48, activations=24)),
        (LocalResponseNorm(), (2, 3, 4), Cost(other_ops=13 * 24, activations=24)),
        (PadShortcut(5, 2), (2, 3, 4), Cost(activations=5 * 2 * 2)),
        (Dropout(0.5), (2, 3, 4), Cost()),
        (Flatten(), (2, 3, 4), Cost()),
        (Identity(), (2, 3, 4), Cost()),
        (Chain(), (2, 3, 4), Cost()),
        (Concat(a=ReLU(), b=Identity()), (2, 3, 4), Cost(other_ops=24, activations=24)),
        (
            Add(a=ReLU(), b=Identity(), c=Identity()),
            (2, 3, 4),
            Cost(other_ops=24 + 2 * 24, activations=24 + 24),
        ),
    ],
)
def test_costs(layer: Layer, shape: Shape, expected: Cost) -> None:
    assert cost(layer, shape) == expected


def test_chain_and_head_pass_shapes_on() -> None:
    parts = {"pool": MaxPool(2, 2), "flatten": Flatten(), "linear": Linear(3, bias=False)}
    expected = Cost(params=24, macs=24, other_ops=32, activations=8 + 3)
    assert work(Chain(**parts), (2, 4, 4)) == ((3,), expected)
    assert work(Tap(**parts), (2, 4, 4)) == ((3,), expected)


def test_what_does_not_fit_has_no_cost() -> None:
    for layer in (
        Add(a=Conv(3), b=Identity()),
        Concat(a=Conv(3, 3, 2), b=Identity()),
        Conv(4, 9, padding=0),
    ):
        with pytest.raises(ShapeError):
            cost(layer, (2, 4, 4))


@pytest.mark.parametrize("name", CATALOGUE)
def test_one_pass_gives_the_shapes_of_two(name: str) -> None:
    """`work` and `output_shape` agree on every row and every part of it."""
    network = networks.get(name)
    for line in lines(network):
        layer = line.row.layer
        assert line.output == (end_shape if isinstance(layer, Tap) else output_shape)(
            layer, line.input
        )
    main = [line for line in lines(network) if not line.auxiliary]
    assert totals(network) == total(line.cost for line in main)
    assert auxiliary(network) == total(line.cost for line in lines(network) if line.auxiliary)


@pytest.mark.parametrize(
    ("name", "input"),
    [
        ("resnet20", (3, 32, 32)),
        ("plain20", (3, 32, 32)),
        ("resnet18.b", (3, 64, 64)),
        ("googlenet.small", (3, 32, 32)),
        ("googlenet", (3, 96, 96)),
        ("nin.bn", (3, 96, 96)),
        ("enet", (3, 64, 64)),
        ("inception_v4", (3, 96, 96)),
    ],
)
def test_activations_are_the_elements_that_the_module_writes(name: str, input: Shape) -> None:
    """Counted at the outputs of its modules; those that only hand on their input write nothing."""
    network = networks.get(name, input=input)
    written = 0

    def count(part: nn.Module, _: object, output: Tensor) -> None:
        nonlocal written
        written += output.numel()

    with torch.device("meta"):
        model, images = Model(network).eval(), torch.empty(1, *input)
    for part in model.modules():
        handed_on = isinstance(part, nn.Dropout | nn.Dropout2d | nn.Flatten | nn.Identity)
        if isinstance(part, AddBranches) or not (handed_on or list(part.children())):
            part.register_forward_hook(count)
    model(images)
    assert totals(network).activations == written


def test_depth_is_the_longest_path() -> None:
    branches = Concat(short=Conv(1), long=Chain(a=Conv(1), relu=ReLU(), b=Conv(1), c=Conv(1)))
    tree = Chain(stem=Conv(1), branches=branches, sum=Add(a=Conv(1), b=Identity()), fc=Linear(1))
    assert depth(tree) == 1 + 3 + 1 + 1
    assert depth(Tap(conv=Conv(1))) == 0


def test_totals_add_every_field() -> None:
    one = Cost(1, 2, 3, 4, 5)
    assert total([one, one]) == Cost(2, 4, 6, 8, 10)
    assert total([]) == Cost()
