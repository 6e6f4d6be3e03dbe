"""Paszke et al. 2016, arXiv:1606.02147: ENet's encoder as a classifier.

Table 1 down to bottleneck 3.8: an initial block, a stage of regular bottlenecks, and two of regular, dilated and
asymmetric ones. Global average pooling and one linear layer, which the paper does not have, take the decoder's place.
A bottleneck (Fig. 2b) reduces with 1×1, convolves, widens with 1×1, drops whole channels and adds its input; batch
normalisation and PReLU stand between convolutions. To downsample, the first 1×1 becomes 2×2 with stride 2, and the
shortcut is max pooling with zeros for the channels that it lacks. Projections have no biases. The paper prints neither
the reduction nor the normalisation's eps: 4 and 0.001 are the authors' code's, and so are the biases of the middle
convolutions, all but the first of an asymmetric pair.
"""

from collections.abc import Callable, Iterable
from functools import partial

from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Add,
    BatchNorm,
    Chain,
    Concat,
    Conv,
    Dropout,
    Identity,
    Layer,
    MaxPool,
    PadShortcut,
    PReLU,
)
from atalho.grammar.network import Network, Row, Source, classifier
from atalho.grammar.shape import Shape

SOURCE = Source(
    "Paszke et al.",
    "ENet: a deep neural network architecture for real-time semantic segmentation",
    2016,
    "1606.02147",
    "Table 1, the encoder",
)
REDUCTION = 4
EPS = 1e-3

# Table 1's types of bottlenecks 2.1 to 2.8, and again of 3.1 to 3.8.
TYPES = (
    "regular",
    "dilated 2",
    "asymmetric 5",
    "dilated 4",
    "regular",
    "dilated 8",
    "asymmetric 5",
    "dilated 16",
)


def initial() -> Chain:
    """The initial block: 13 maps of a 3×3 convolution with stride 2, concatenated with the pooled input (Fig. 2a)."""
    return Chain(
        concat=Concat(conv=Conv(13, 3, 2), pool=MaxPool(2, 2)), bn=BatchNorm(EPS), prelu=PReLU()
    )


def middle(kind: str, width: int) -> dict[str, Layer]:
    """The layers between the two 1×1 convolutions of a bottleneck of type `kind` in Table 1."""
    match kind.split():
        case ["dilated", dilation]:
            return {"conv": Conv(width, 3, dilation=int(dilation))}
        case ["asymmetric", kernel]:
            row, column = (1, int(kernel)), (int(kernel), 1)
            return {"conv_row": Conv(width, row, bias=False), "conv_column": Conv(width, column)}
        case _:
            return {"conv": Conv(width, 3)}


def bottleneck(kind: str, filters: int, dropout: float) -> Chain:
    """A bottleneck of Table 1's type `kind`, ending in `filters` maps (Fig. 2b)."""
    width = filters // REDUCTION
    down = kind == "downsampling"
    residual = Chain(
        reduce=Conv(width, 2, 2, padding=0, bias=False) if down else Conv(width, bias=False),
        bn1=BatchNorm(EPS),
        prelu1=PReLU(),
        **middle(kind, width),
        bn2=BatchNorm(EPS),
        prelu2=PReLU(),
        expand=Conv(filters, bias=False),
        bn3=BatchNorm(EPS),
        dropout=Dropout(dropout, spatial=True),
    )
    pooled = Chain(pool=MaxPool(2, 2), pad=PadShortcut(filters, 1))
    return Chain(sum=Add(residual=residual, shortcut=pooled if down else Identity()), prelu=PReLU())


def _stage(
    number: int, kinds: Iterable[str], filters: int, dropout: float, first: int
) -> list[Row]:
    return [
        Row(
            f"bottleneck{number}_{index}",
            f"bottleneck, {kind}",
            bottleneck(kind, filters, dropout),
            stage=f"stage {number}",
        )
        for index, kind in enumerate(kinds, start=first)
    ]


def enet(name: str, *, input: Shape = (3, 224, 224), num_classes: int = 1000) -> Network:
    """The encoder, pooled globally and classified."""
    rows = (
        Row("initial", "initial block", initial()),
        *_stage(1, ("downsampling", *["regular"] * 4), 64, 0.01, first=0),
        *_stage(2, ("downsampling", *TYPES), 128, 0.1, first=0),
        *_stage(3, TYPES, 128, 0.1, first=1),
        Row("avgpool", "average pool", AdaptiveAvgPool()),
        Row("fc", "linear", classifier(num_classes)),
    )
    changes = (
        "the encoder alone, with global average pooling and a linear layer in place of the decoder"
    )
    return Network(name, SOURCE, rows, input, num_classes, changes)


NETWORKS: dict[str, Callable[..., Network]] = {"enet": partial(enet, "enet")}
