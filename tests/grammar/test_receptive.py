"""Receptive fields against gradients: which input pixels move one output; and against a published table."""

import pytest
import torch
from torch import Tensor, nn

from atalho import networks
from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Add,
    AvgPool,
    Chain,
    Concat,
    Conv,
    Flatten,
    Identity,
    Layer,
    Linear,
    MaxPool,
    PadShortcut,
    ReLU,
    Tap,
)
from atalho.grammar.module import AddBranches, ConcatBranches, Head, Model, ZeroPadShortcut, module
from atalho.grammar.receptive import PIXEL, Field, fields, receptive_field
from atalho.grammar.shape import Shape
from atalho.networks import CATALOGUE

# The TF-Slim networks of github.com/google-research/receptive_field, RECEPTIVE_FIELD_TABLE.md: size; every stride is 32.
PUBLISHED = {
    "alexnet": 195,
    "vgg16": 212,
    "inception_v3": 1311,
    "inception_v4": 2071,
    "resnet50": 483,
    "resnet101": 1027,
    "resnet152": 1507,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_fields(name: str) -> None:
    """The last field that is not the whole input."""
    *_, last = filter(None, fields(networks.get(name)))
    assert last == Field((PUBLISHED[name],) * 2, (32, 32))


def _one_channel(part: nn.Module) -> nn.Module:
    """A built module's own windows on one channel, every tap of them at work: means for maxima, positive weights."""
    match part:
        case nn.Conv2d():
            conv = nn.Conv2d(
                1, 1, part.kernel_size, part.stride, part.padding, part.dilation, bias=False
            )  # fmt: skip
            nn.init.constant_(conv.weight, 1 / conv.weight.numel())
            return conv
        case nn.MaxPool2d():
            return nn.AvgPool2d(part.kernel_size, part.stride, part.padding, part.ceil_mode)
        case nn.AvgPool2d() | nn.AdaptiveAvgPool2d() | nn.Flatten():
            return part
        case ZeroPadShortcut():
            return ZeroPadShortcut(0, part.stride)
        case ConcatBranches() | AddBranches():
            return AddBranches({name: _one_channel(child) for name, child in part.items()})
        case nn.Sequential():
            return nn.Sequential(*(_one_channel(child) for child in part))
    assert not list(part.children())
    return nn.Identity()


def _seen(output: Tensor, images: Tensor) -> tuple[tuple[int, int], tuple[int, int]]:
    """(first, last) row and (first, last) column of the input that move one output."""
    (gradient,) = torch.autograd.grad(output, images, retain_graph=True)
    assert torch.isfinite(gradient).all()
    touched = gradient[0, 0] != 0
    rows, columns = touched.any(dim=1).nonzero(), touched.any(dim=0).nonzero()
    return (int(rows[0]), int(rows[-1])), (int(columns[0]), int(columns[-1]))


def _field(outputs: Tensor, images: Tensor) -> Field:
    """The field of the output in the middle and the distance to its neighbour's, found by gradients."""
    y, x = (side // 2 for side in outputs.shape[2:])
    (top, bottom), (left, right) = _seen(outputs[0, 0, y, x], images)
    (_, below), (_, beside) = _seen(outputs[0, 0, y + 1, x + 1], images)
    height, width = images.shape[2:]
    assert min(top, left) > 0, "the field is cut off at the edge"
    assert below < height - 1 and beside < width - 1, "the field is cut off at the edge"
    return Field((bottom - top + 1, right - left + 1), (below - bottom, beside - right))


@pytest.mark.parametrize(
    "name",
    [
        *("alexnet", "vgg16", "nin", "googlenet.bn", "googlenet.small", "enet"),
        *("resnet18", "resnet18.c", "resnet50", "resnet50.v1_5", "resnet20", "plain20"),
        *(
            pytest.param(name, marks=pytest.mark.full)
            for name in ("googlenet", "inception_v3", "inception_v4")
        ),
    ],
)
def test_gradients_reach_as_far(name: str) -> None:
    """For every row up to the first that sees the whole input, heads included."""
    paper = networks.get(name)
    *_, last = filter(None, fields(paper))
    # A multiple of every stride: ENet joins maps that were halved in two ways.
    side = (last.size[0] // last.stride[0] + 5) * last.stride[0]
    network = networks.get(name, input=(3, side, side))
    with torch.device("meta"):
        model = Model(network)
    images = outputs = torch.ones(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    checked = 0
    for child, field in zip(model.children(), fields(network), strict=True):
        if field is None:
            if isinstance(child, Head):
                continue
            break
        outputs = _one_channel(child).double()(outputs)
        assert _field(outputs, images) == field
        checked += 1
    assert checked > len(network.rows) // 2


@pytest.mark.parametrize(
    "layer",
    [
        Conv(1, 3, dilation=4),
        Conv(1, (1, 7), (1, 2)),
        Chain(a=Conv(1, (7, 1)), b=Conv(1, 3, 2), c=Conv(1, (1, 5))),
        Chain(skip=Conv(1, 1, 2), conv=Conv(1, 3), pool=AvgPool(3, 2, padding=1)),
        Chain(a=Conv(1, 2, 2, padding=0), b=MaxPool(3, 3)),
        Concat(wide=Conv(1, (1, 7)), high=Conv(1, (5, 1)), itself=Identity()),
        Chain(
            stem=Conv(1, 3, 2),
            sum=Add(residual=Chain(a=Conv(1, 3, 2), b=Conv(1, 3)), shortcut=PadShortcut(1, 2)),
            last=Conv(1, 3),
        ),
        Chain(pad=PadShortcut(1, 2), conv=Conv(1, 3)),
        Chain(conv=Conv(1, 5), grid=AdaptiveAvgPool(8)),
        Tap(pool=AvgPool(5, 3), conv=Conv(1)),
    ],
)  # fmt: skip
def test_every_window(layer: Layer) -> None:
    shape: Shape = (1, 64, 80)
    images = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    outputs = _one_channel(module(layer, shape)).double()(images)
    assert _field(outputs, images) == receptive_field(layer, shape, PIXEL)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 7, 9, 13])
def test_the_largest_window_of_an_uneven_grid(size: int) -> None:
    shape: Shape = (1, 13, 24)
    images = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    outputs = nn.AdaptiveAvgPool2d(size)(images)
    seen = [_seen(outputs[0, 0, i, i], images) for i in range(size)]
    field = receptive_field(AdaptiveAvgPool(size), shape, PIXEL)
    assert field is not None
    assert field.size == tuple(
        max(last - first + 1 for first, last in ends) for ends in zip(*seen, strict=True)
    )


def test_what_sees_the_whole_input() -> None:
    """Global pooling, flattening and all that follows: their gradient reaches every pixel of the network's own input."""
    found = fields(networks.get("resnet20"))
    assert found.index(None) == len(found) - 2
    images = torch.rand(1, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    outputs: Tensor = images[:, :1]
    with torch.device("meta"):
        model = Model(networks.get("resnet20"))
    for child in model.children():
        outputs = _one_channel(child).double()(outputs)
    assert _seen(outputs[0, 0], images) == ((0, 31), (0, 31))
    for layer in (
        AdaptiveAvgPool(),
        Flatten(),
        Chain(flatten=Flatten(), linear=Linear(2)),
        Chain(pool=AdaptiveAvgPool(), conv=Conv(4), relu=ReLU()),
        Concat(a=AdaptiveAvgPool(), b=Conv(4, 8, padding=0)),
    ):
        assert receptive_field(layer, (4, 8, 8), PIXEL) is None


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_network_ends_with_the_whole_input(name: str) -> None:
    assert fields(networks.get(name))[-1] is None
