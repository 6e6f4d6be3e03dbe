"""He et al. 2015, arXiv:1512.03385: the residual networks and their plain counterparts, for ImageNet and for CIFAR-10.

Table 1 (ImageNet) is `BLOCKS` and `WIDTHS`; §4.2 (CIFAR-10) is `cifar`. A block is two 3×3 convolutions, or the
*bottleneck* 1×1, 3×3, 1×1 (Fig. 5); a residual block adds its input to what it computes. Where shapes differ, the
shortcut is one of §4.1's options: A pads with zeros, B projects where dimensions rise, C projects everywhere.
Stride 2 stands in the first convolution of a stage's first block: in a bottleneck in its first 1×1, as the paper has
it; `.v1_5` moves it to the 3×3, as torchvision and timm do.
`.small` variants are those that are trained on CIFAR under the names of Table 1.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Add,
    BatchNorm,
    Chain,
    Conv,
    Identity,
    Layer,
    MaxPool,
    PadShortcut,
    ReLU,
)
from atalho.grammar.network import Network, Printed, Row, Source, Units, classifier
from atalho.grammar.shape import Shape

SOURCE = Source(
    "He et al.", "Deep residual learning for image recognition", 2015, "1512.03385", "Table 1"
)
SOURCE_CIFAR = Source(SOURCE.authors, SOURCE.title, 2015, SOURCE.arxiv, "§4.2")

#        conv2_x  conv3_x  conv4_x  conv5_x
BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
WIDTHS = (64, 128, 256, 512)  # of the 3×3 convolutions; a bottleneck ends in four times as many
PRINTED_GFLOPS = {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}
PRINTED_MPARAMS = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7, 1202: 19.4}  # Table 6

Option = Literal["A", "B", "C"]
Path = Callable[[int, int], Chain]


def _conv_bn(index: int, filters: int, kernel: int, stride: int = 1) -> dict[str, Layer]:
    return {
        f"conv{index}": Conv(filters, kernel, stride, bias=False),
        f"bn{index}": BatchNorm(),
    }


def basic(width: int, stride: int) -> Chain:
    """Two 3×3 convolutions (Fig. 5 left), without the last ReLU."""
    return Chain(**_conv_bn(1, width, 3, stride), relu1=ReLU(), **_conv_bn(2, width, 3))


def bottleneck(width: int, stride: int, *, v1_5: bool = False) -> Chain:
    """1×1 down, 3×3, 1×1 up to four times the width (Fig. 5 right), without the last ReLU."""
    first, second = (1, stride) if v1_5 else (stride, 1)
    return Chain(
        **_conv_bn(1, width, 1, first),
        relu1=ReLU(),
        **_conv_bn(2, width, 3, second),
        relu2=ReLU(),
        **_conv_bn(3, 4 * width, 1),
    )


def shortcut(option: Option, channels: int, filters: int, stride: int) -> Layer:
    """The shortcut of §4.1 from `channels` to `filters`, options A, B and C."""
    if option == "C" or (option == "B" and (channels != filters or stride != 1)):
        return Chain(conv=Conv(filters, 1, stride, bias=False), bn=BatchNorm())
    if channels != filters or stride != 1:
        return PadShortcut(filters, stride)
    return Identity()


def block(
    residual: Chain, option: Option | None, channels: int, filters: int, stride: int
) -> Chain:
    """A residual block, or without a shortcut option the plain one; it ends in a ReLU."""
    if option is None:
        return Chain(**dict(residual.parts), relu=ReLU())
    branches = Add(residual=residual, shortcut=shortcut(option, channels, filters, stride))
    return Chain(sum=branches, relu=ReLU())


def _stages(
    blocks: tuple[int, ...],
    widths: tuple[int, ...],
    path: Path,
    *,
    expansion: int,
    option: Option | None,
    channels: int,
) -> list[Row]:
    """Rows conv2_1, conv2_2, …; every stage but the first begins by halving the map."""
    kind = "bottleneck" if expansion > 1 else "basic block"
    kind = kind if option else kind.replace("basic", "plain")
    rows = []
    for stage, (count, width) in enumerate(zip(blocks, widths, strict=True), start=2):
        filters = expansion * width
        stride = 2 if stage > 2 else 1
        first = block(path(width, stride), option, channels, filters, stride)
        other = block(path(width, 1), option, filters, filters, 1)
        for index, layer in enumerate([first] + [other] * (count - 1), start=1):
            rows.append(Row(f"conv{stage}_{index}", kind, layer, stage=f"conv{stage}_x"))
        channels = filters
    return rows


def imagenet(
    name: str,
    depth: int,
    option: Option | None,
    *,
    v1_5: bool = False,
    small: bool = False,
    changes: str = "",
    input: Shape = (3, 224, 224),
    num_classes: int = 1000,
) -> Network:
    """A network of Table 1; without an option, the plain one (Fig. 3 middle); with a stem for small images, if `small`."""
    deep = depth >= 50
    path = partial(bottleneck, v1_5=v1_5) if deep else basic
    stem = Conv(64, 3, bias=False) if small else Conv(64, 7, 2, bias=False)
    pool = Row("pool1", "max pool", MaxPool(3, 2, padding=1), stage="conv2_x")
    rows = (
        Row("conv1", "convolution", Chain(conv=stem, bn=BatchNorm(), relu=ReLU())),
        *(() if small else (pool,)),
        *_stages(
            BLOCKS[depth], WIDTHS, path, expansion=4 if deep else 1, option=option, channels=64
        ),
        Row("avgpool", "average pool", AdaptiveAvgPool()),
        Row("fc", "linear", classifier(num_classes)),
    )
    printed = Printed(macs=None if v1_5 or small else PRINTED_GFLOPS[depth], depth=depth)
    units = Units(macs=10**9, macs_name="G")
    return Network(name, SOURCE, rows, input, num_classes, changes, printed, units)


def cifar(
    name: str,
    depth: int,
    option: Option | None,
    *,
    changes: str = "",
    input: Shape = (3, 32, 32),
    num_classes: int = 10,
) -> Network:
    """§4.2: 6n + 2 layers; 3×3 convolutions on maps of 32, 16 and 8, with 16, 32 and 64 filters."""
    n = (depth - 2) // 6
    rows = (
        Row(
            "conv1", "convolution", Chain(conv=Conv(16, 3, bias=False), bn=BatchNorm(), relu=ReLU())
        ),
        *_stages((n, n, n), (16, 32, 64), basic, expansion=1, option=option, channels=16),
        Row("avgpool", "average pool", AdaptiveAvgPool()),
        Row("fc", "linear", classifier(num_classes)),
    )
    printed = Printed(params=PRINTED_MPARAMS[depth] if option == "A" else None, depth=depth)
    units = Units(params=10**6, params_name="M")
    return Network(name, SOURCE_CIFAR, rows, input, num_classes, changes, printed, units)


_OPTIONS: dict[Option, str] = {
    "A": "shortcuts of option A: zeros where dimensions rise",
    "B": "shortcuts of option B: projections where dimensions rise",
    "C": "shortcuts of option C: every shortcut is a projection",
}
_V1_5 = (
    "stride 2 in the 3×3 of a bottleneck instead of its first 1×1, as torchvision and timm have it"
)

_SMALL = "a 3×3 convolution of stride 1 in place of the 7×7 and the pooling, for images up to 64 px; shortcuts of option B"

CIFAR: dict[str, Callable[..., Network]] = {
    **{f"resnet{depth}": partial(cifar, f"resnet{depth}", depth, "A") for depth in PRINTED_MPARAMS},
    **{
        f"resnet{depth}.b": partial(cifar, f"resnet{depth}.b", depth, "B", changes=_OPTIONS["B"])
        for depth in (20, 32, 44, 56, 110)
    },
    **{
        f"plain{depth}": partial(cifar, f"plain{depth}", depth, None)
        for depth in (20, 32, 44, 56, 110)
    },
}
"""The networks of §4.2."""

NETWORKS: dict[str, Callable[..., Network]] = {
    **{
        f"resnet{depth}": partial(imagenet, f"resnet{depth}", depth, "B" if depth >= 50 else "A")
        for depth in BLOCKS
    },
    **{
        f"resnet{depth}.{option.lower()}": partial(
            imagenet, f"resnet{depth}.{option.lower()}", depth, option, changes=changes
        )
        for depth in BLOCKS
        for option, changes in _OPTIONS.items()
    },
    **{
        f"resnet{depth}.v1_5": partial(
            imagenet, f"resnet{depth}.v1_5", depth, "B", v1_5=True, changes=_V1_5
        )
        for depth in (50, 101, 152)
    },
    **{
        f"resnet{depth}.small": partial(
            imagenet,
            f"resnet{depth}.small",
            depth,
            "B",
            v1_5=depth >= 50,
            small=True,
            changes=_SMALL + (f"; {_V1_5}" if depth >= 50 else ""),
            input=(3, 32, 32),
            num_classes=10,
        )
        for depth in (18, 34, 50)
    },
    **{f"plain{depth}": partial(imagenet, f"plain{depth}", depth, None) for depth in (18, 34)},
    **CIFAR,
}
