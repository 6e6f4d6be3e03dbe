"""Szegedy et al. 2014, arXiv:1409.4842: GoogLeNet, Table 1 and Figure 3.

Table 1 is `STEM`, `MODULES` and `CLASSIFIER`, with its printed `params` (thousands of 1,024 weights, biases left out) and `ops`
(millions of multiply-accumulates). Some of the printed numbers are not what the printed filters give; `atalho show
googlenet` marks them. Normalisation stands where Figure 3 has it, pooling reaches over the edge as in the authors'
Caffe-like convention (a 3×3/2 window over 112 pixels gives the printed 56). The paper does not give the constants of
local response normalisation (ours are Krizhevsky's) nor the initialisation (ours is He's).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from atalho.grammar.layers import (
    AdaptiveAvgPool,
    AvgPool,
    Chain,
    Concat,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool,
    ReLU,
    Tap,
    batch_normalised,
)
from atalho.grammar.network import Network, Printed, Row, Source, Units, classifier
from atalho.grammar.shape import Shape

SOURCE = Source("Szegedy et al.", "Going deeper with convolutions", 2014, "1409.4842", "Table 1")


class Filters(NamedTuple):
    """Filters of an Inception module, in the order of Table 1's columns."""

    conv1x1: int
    reduce3x3: int
    conv3x3: int
    reduce5x5: int
    conv5x5: int
    pool_proj: int


#          #1x1 #3x3r #3x3 #5x5r #5x5 pool | printed: params K, ops M
MODULES = {
    "3a": (Filters(64, 96, 128, 16, 32, 32), Printed(159, 128, 2)),
    "3b": (Filters(128, 128, 192, 32, 96, 64), Printed(380, 304, 2)),
    "4a": (Filters(192, 96, 208, 16, 48, 64), Printed(364, 73, 2)),
    "4b": (Filters(160, 112, 224, 24, 64, 64), Printed(437, 88, 2)),
    "4c": (Filters(128, 128, 256, 24, 64, 64), Printed(463, 100, 2)),
    "4d": (Filters(112, 144, 288, 32, 64, 64), Printed(580, 119, 2)),
    "4e": (Filters(256, 160, 320, 32, 128, 128), Printed(840, 170, 2)),
    "5a": (Filters(256, 160, 320, 32, 128, 128), Printed(1072, 54, 2)),
    "5b": (Filters(384, 192, 384, 48, 128, 128), Printed(1388, 71, 2)),
}
STEM = {"conv1": Printed(2.7, 34, 1), "conv2": Printed(112, 360, 2)}
CLASSIFIER = Printed(1000, 1, 1)

# Table 1's headers, each with where a row keeps the convolution that it counts.
COLUMNS = {
    "#1×1": ("branch1x1.conv",),
    "#3×3 reduce": ("branch3x3.reduce", "conv3x3_reduce"),
    "#3×3": ("branch3x3.conv", "conv3x3"),
    "#5×5 reduce": ("branch5x5.reduce",),
    "#5×5": ("branch5x5.conv",),
    "pool proj": ("branch_pool.proj",),
}


def inception(filters: Filters, widest: int = 5) -> Concat:
    """The module with its 1×1 reductions (Fig. 2b); every convolution is followed by ReLU, `widest` is the last kernel."""
    f = filters
    return Concat(
        branch1x1=Chain(conv=Conv(f.conv1x1), relu=ReLU()),
        branch3x3=Chain(
            reduce=Conv(f.reduce3x3), relu_reduce=ReLU(), conv=Conv(f.conv3x3, 3), relu=ReLU()
        ),
        branch5x5=Chain(
            reduce=Conv(f.reduce5x5), relu_reduce=ReLU(), conv=Conv(f.conv5x5, widest), relu=ReLU()
        ),
        branch_pool=Chain(pool=MaxPool(3, 1, padding=1), proj=Conv(f.pool_proj), relu=ReLU()),
    )


def naive_inception(filters: Filters) -> Concat:
    """The module without reductions (Fig. 2a): the pooled branch passes on all its channels."""
    return Concat(
        branch1x1=Chain(conv=Conv(filters.conv1x1), relu=ReLU()),
        branch3x3=Chain(conv=Conv(filters.conv3x3, 3), relu=ReLU()),
        branch5x5=Chain(conv=Conv(filters.conv5x5, 5), relu=ReLU()),
        branch_pool=Chain(pool=MaxPool(3, 1, padding=1)),
    )


def auxiliary(num_classes: int, pool: Layer) -> Tap:
    """An auxiliary classifier (§5): pool to 4×4, 1×1 convolution to 128, 1,024 units, 70 % dropout."""
    return Tap(
        pool=pool,
        conv=Conv(128),
        relu_conv=ReLU(),
        flatten=Flatten(),
        fc=Linear(1024),
        relu=ReLU(),
        dropout=Dropout(0.7),
        linear=Linear(num_classes),
    )


def _pool() -> MaxPool:
    return MaxPool(3, 2, ceil=True)


def _stem(conv1: Chain) -> list[Row]:
    conv2 = Chain(conv3x3_reduce=Conv(64), relu_reduce=ReLU(), conv3x3=Conv(192, 3), relu=ReLU())
    return [
        Row("conv1", "convolution", conv1, STEM["conv1"]),
        Row("pool1", "max pool", _pool()),
        Row("norm1", "response norm", LocalResponseNorm()),
        Row("conv2", "convolution", conv2, STEM["conv2"]),
        Row("norm2", "response norm", LocalResponseNorm()),
        Row("pool2", "max pool", _pool()),
    ]


def _dense_stem() -> list[Row]:
    return _stem(Chain(conv=Conv(64, 7, 2), relu=ReLU()))


def _separable_stem() -> list[Row]:
    # With a multiplier of 8 the cost equals Table 1's 2.7K and 34M (see `inception.conv1_weights` in the claims).
    depthwise = Conv(24, 7, 2, groups=3, bias=False)
    return _stem(Chain(depthwise=depthwise, conv=Conv(64), relu=ReLU()))


def _small_stem() -> list[Row]:
    """For images up to 64 pixels: 3×3 at stride 1 for the 7×7 at stride 2, and no pooling before module 3a."""
    rows = {row.name: row for row in _dense_stem()}
    conv1 = Row("conv1", "convolution", Chain(conv=Conv(64, 3), relu=ReLU()))
    return [conv1, rows["norm1"], Row("conv2", "convolution", rows["conv2"].layer), rows["norm2"]]


def googlenet(
    name: str,
    stem: Callable[[], list[Row]] = _dense_stem,
    module: Callable[[Filters], Concat] = inception,
    auxiliary_pool: Layer = AvgPool(5, 3),  # noqa: B008 (frozen)
    *,
    changes: str = "",
    input: Shape = (3, 224, 224),
    num_classes: int = 1000,
) -> Network:
    """GoogLeNet with its two auxiliary classifiers, after modules 4a and 4d."""
    rows = stem()
    for key, (filters, printed) in MODULES.items():
        if key in ("4a", "5a"):
            rows.append(Row(f"pool{int(key[0]) - 1}", "max pool", _pool()))
        rows.append(
            Row(
                f"inception_{key}",
                f"inception ({key})",
                module(filters),
                printed if module is inception else None,
            )
        )
        if key in ("4a", "4d"):
            index = 1 if key == "4a" else 2
            head = auxiliary(num_classes, auxiliary_pool)
            rows.append(Row(f"aux{index}", "auxiliary head", head))
    rows += [
        Row("avgpool", "average pool", AdaptiveAvgPool(), Printed(depth=0)),
        Row("dropout", "dropout (40%)", Dropout(0.4)),
        Row("linear", "linear", classifier(num_classes), CLASSIFIER),
    ]
    return Network(
        name,
        SOURCE,
        tuple(rows),
        input,
        num_classes,
        changes,
        Printed(depth=22),
        Units(params=1024, macs=10**6, biases=False, params_name="K", macs_name="M"),
        COLUMNS,
    )


def normalised(name: str, *, input: Shape = (3, 224, 224), num_classes: int = 1000) -> Network:
    """The network that torchvision calls googlenet: the rows of the paper with six changes."""
    paper = googlenet(
        name,
        module=partial(inception, widest=3),
        auxiliary_pool=AdaptiveAvgPool(4),
        input=input,
        num_classes=num_classes,
    )
    changed = {
        "pool4": Row("pool4", "max pool", MaxPool(2, 2, ceil=True)),
        "dropout": Row("dropout", "dropout (20%)", Dropout(0.2)),
    }
    rows = tuple(
        replace(changed.get(row.name, row), printed=None)
        for row in paper.rows
        if not isinstance(row.layer, LocalResponseNorm)
    )
    return replace(
        replace(paper, rows=rows).with_layers(partial(batch_normalised, eps=1e-3)),
        changes="torchvision's: batch normalisation after every convolution, 3×3 for 5×5, no response normalisation, "
        "2×2 in the last max pool, 20 % dropout, auxiliary heads on a 4×4 grid",
    )


NETWORKS: dict[str, Callable[..., Network]] = {
    "googlenet": partial(googlenet, "googlenet"),
    "googlenet.naive": partial(
        googlenet,
        "googlenet.naive",
        module=naive_inception,
        changes="modules without their 1×1 reductions and pool projection (Fig. 2a)",
    ),
    "googlenet.separable": partial(
        googlenet,
        "googlenet.separable",
        _separable_stem,
        changes="conv1 depthwise separable with multiplier 8: what Table 1's first row counts",
    ),
    "googlenet.bn": partial(normalised, "googlenet.bn"),
    "googlenet.small": partial(
        googlenet,
        "googlenet.small",
        _small_stem,
        auxiliary_pool=AdaptiveAvgPool(4),
        input=(3, 32, 32),
        num_classes=10,
        changes="for images up to 64 px: 3×3 stride-1 conv1, no pooling before 3a, auxiliary heads on a 4×4 grid",
    ),
}
