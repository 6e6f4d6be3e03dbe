"""Szegedy et al. 2015, arXiv:1512.00567: Inception-v3, as its authors released it.

The paper's Table 1 outlines a network; what the authors released under its name (TF-Slim, and from there torchvision
and timm), and what published weights are for, is this table. It differs from Table 1 in the stem, in its first three
modules, which keep a 5×5 where Figure 5 has two 3×3, and in having four modules of Figure 6 where Table 1 counts five.
The paper prints 5 billion multiply-adds and "less than 25 million parameters" (abstract). Rows have the released names
in lower case; every convolution is followed by batch normalisation (eps 0.001, as released) and ReLU. The auxiliary head
(§4) stands on the last 17×17 map, and cannot take a smaller one; the paper gives neither its dimensions nor the dropout: they
are torchvision's.
"""

from collections.abc import Callable
from functools import partial

from atalho.grammar.layers import (
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Chain,
    Concat,
    Conv,
    Dropout,
    Layer,
    MaxPool,
    Pair,
    ReLU,
    Tap,
)
from atalho.grammar.network import Network, Printed, Row, Source, Units, classifier
from atalho.grammar.shape import Shape

SOURCE = Source(
    "Szegedy et al.",
    "Rethinking the Inception architecture for computer vision",
    2015,
    "1512.00567",
    "as released by its authors",
)


def conv(filters: int, kernel: int | Pair = 1, stride: int = 1, padding: int | None = None) -> Conv:
    """A convolution without biases: batch normalisation follows."""
    return Conv(filters, kernel, stride, padding, bias=False)


def path(*steps: Layer) -> Chain:
    """A chain of steps: each convolution with its normalisation and ReLU, a first `pool`, a last `split`.

    Steps but the pool are numbered from 1 where there are several: `conv2`, `bn2`, `relu2`; `split3`.
    """
    parts: dict[str, Layer] = {}
    if not isinstance(steps[0], Conv):
        parts["pool"], steps = steps[0], steps[1:]
    for index, step in enumerate(steps, start=1):
        number = str(index) if len(steps) > 1 else ""
        if isinstance(step, Conv):
            parts |= {
                f"conv{number}": step,
                f"bn{number}": BatchNorm(1e-3),
                f"relu{number}": ReLU(),
            }
        else:
            parts[f"split{number}"] = step
    return Chain(**parts)


def split(filters: int) -> Concat:
    """1×3 and 3×1 side by side (Fig. 7)."""
    return Concat(a=path(conv(filters, (1, 3))), b=path(conv(filters, (3, 1))))


def _pool() -> AvgPool:
    return AvgPool(3, 1, padding=1)


def inception_a(pool_filters: int) -> Concat:
    """For 35×35 maps; Figure 5 with its 5×5 kept."""
    return Concat(
        branch1x1=path(conv(64)),
        branch5x5=path(conv(48), conv(64, 5)),
        branch3x3dbl=path(conv(64), conv(96, 3), conv(96, 3)),
        branch_pool=path(_pool(), conv(pool_filters)),
    )


def reduction_a() -> Concat:
    """From 35×35 to 17×17 (Fig. 10)."""
    return Concat(
        branch3x3=path(conv(384, 3, 2, padding=0)),
        branch3x3dbl=path(conv(64), conv(96, 3), conv(96, 3, 2, padding=0)),
        branch_pool=MaxPool(3, 2),
    )


def inception_b(width: int) -> Concat:
    """For 17×17 maps, with 7×7 in factors of 1×7 and 7×1 (Fig. 6)."""
    row, column = conv(width, (1, 7)), conv(width, (7, 1))
    return Concat(
        branch1x1=path(conv(192)),
        branch7x7=path(conv(width), row, conv(192, (7, 1))),
        branch7x7dbl=path(conv(width), column, row, column, conv(192, (1, 7))),
        branch_pool=path(_pool(), conv(192)),
    )


def reduction_b() -> Concat:
    """From 17×17 to 8×8."""
    return Concat(
        branch3x3=path(conv(192), conv(320, 3, 2, padding=0)),
        branch7x7x3=path(
            conv(192), conv(192, (1, 7)), conv(192, (7, 1)), conv(192, 3, 2, padding=0)
        ),
        branch_pool=MaxPool(3, 2),
    )


def inception_c() -> Concat:
    """For 8×8 maps, widened at the end (Fig. 7)."""
    return Concat(
        branch1x1=path(conv(320)),
        branch3x3=path(conv(384), split(384)),
        branch3x3dbl=path(conv(448), conv(384, 3), split(384)),
        branch_pool=path(_pool(), conv(192)),
    )


def auxiliary(num_classes: int) -> Tap:
    """The auxiliary head: pool to 5×5, convolutions of 1×1 and 5×5."""
    return Tap(
        pool=AvgPool(5, 3),
        **dict(path(conv(128), conv(768, 5, padding=0))),
        avgpool=AdaptiveAvgPool(),
        **dict(classifier(num_classes)),
    )


def inception_v3(name: str, *, input: Shape = (3, 299, 299), num_classes: int = 1000) -> Network:
    """Inception-v3 with its auxiliary head."""
    rows = (
        Row("conv2d_1a_3x3", "convolution", path(conv(32, 3, 2, padding=0))),
        Row("conv2d_2a_3x3", "convolution", path(conv(32, 3, padding=0))),
        Row("conv2d_2b_3x3", "convolution", path(conv(64, 3))),
        Row("maxpool_3a_3x3", "max pool", MaxPool(3, 2)),
        Row("conv2d_3b_1x1", "convolution", path(conv(80))),
        Row("conv2d_4a_3x3", "convolution", path(conv(192, 3, padding=0))),
        Row("maxpool_5a_3x3", "max pool", MaxPool(3, 2)),
        Row("mixed_5b", "inception (Fig. 5)", inception_a(32)),
        Row("mixed_5c", "inception (Fig. 5)", inception_a(64)),
        Row("mixed_5d", "inception (Fig. 5)", inception_a(64)),
        Row("mixed_6a", "reduction", reduction_a()),
        Row("mixed_6b", "inception (Fig. 6)", inception_b(128)),
        Row("mixed_6c", "inception (Fig. 6)", inception_b(160)),
        Row("mixed_6d", "inception (Fig. 6)", inception_b(160)),
        Row("mixed_6e", "inception (Fig. 6)", inception_b(192)),
        Row("aux", "auxiliary head", auxiliary(num_classes)),
        Row("mixed_7a", "reduction", reduction_b()),
        Row("mixed_7b", "inception (Fig. 7)", inception_c()),
        Row("mixed_7c", "inception (Fig. 7)", inception_c()),
        Row("avgpool", "average pool", AdaptiveAvgPool()),
        Row("dropout", "dropout (50%)", Dropout(0.5)),
        Row("fc", "linear", classifier(num_classes)),
    )
    return Network(
        name,
        SOURCE,
        rows,
        input,
        num_classes,
        "the released network: Table 1's with another stem, 5×5 kept in the first three modules, four of Figure 6 for five",
        Printed(macs=5),
        Units(macs=10**9, macs_name="G"),
    )


NETWORKS: dict[str, Callable[..., Network]] = {
    "inception_v3": partial(inception_v3, "inception_v3")
}
