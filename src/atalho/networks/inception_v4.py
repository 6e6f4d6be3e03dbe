"""Szegedy et al. 2016, arXiv:1602.07261: Inception-v4, Figures 3 to 9.

Figure 9 is the whole: a stem (Fig. 3), then Inception-A, -B and -C modules 4, 7 and 3 times (Figs. 4 to 6) with two
reductions between them (Fig. 7 with Table 1's k, l, m, n = 192, 224, 256, 384, and Fig. 8), average pooling and 20 % dropout (the figure's
"keep 0.8"). The paper prints neither parameters nor operations. It writes neither normalisation nor ReLU beside its convolutions:
as in Inception-v3 both follow each (eps 0.001, as released). The averages in the modules leave their padding out, as
released. Rows have the released names in lower case.
"""

from collections.abc import Callable
from functools import partial

from atalho.grammar.layers import AdaptiveAvgPool, AvgPool, Concat, Dropout, MaxPool
from atalho.grammar.network import Network, Row, Source, classifier
from atalho.grammar.shape import Shape
from atalho.networks.inception_v3 import conv, path, split

SOURCE = Source(
    "Szegedy et al.",
    "Inception-v4, Inception-ResNet and the impact of residual connections on learning",
    2016,
    "1602.07261",
    "Fig. 9",
)


def _pool() -> AvgPool:
    return AvgPool(3, 1, padding=1, count_padding=False)


def inception_a() -> Concat:
    """For 35×35 maps (Fig. 4)."""
    return Concat(
        branch1x1=path(conv(96)),
        branch3x3=path(conv(64), conv(96, 3)),
        branch3x3dbl=path(conv(64), conv(96, 3), conv(96, 3)),
        branch_pool=path(_pool(), conv(96)),
    )


def reduction_a() -> Concat:
    """From 35×35 to 17×17 (Fig. 7)."""
    return Concat(
        branch3x3=path(conv(384, 3, 2, padding=0)),
        branch3x3dbl=path(conv(192), conv(224, 3), conv(256, 3, 2, padding=0)),
        branch_pool=MaxPool(3, 2),
    )


def inception_b() -> Concat:
    """For 17×17 maps (Fig. 5)."""
    return Concat(
        branch1x1=path(conv(384)),
        branch7x7=path(conv(192), conv(224, (1, 7)), conv(256, (7, 1))),
        branch7x7dbl=path(
            conv(192), conv(192, (7, 1)), conv(224, (1, 7)), conv(224, (7, 1)), conv(256, (1, 7))
        ),
        branch_pool=path(_pool(), conv(128)),
    )


def reduction_b() -> Concat:
    """From 17×17 to 8×8 (Fig. 8)."""
    return Concat(
        branch3x3=path(conv(192), conv(192, 3, 2, padding=0)),
        branch7x7x3=path(
            conv(256), conv(256, (1, 7)), conv(320, (7, 1)), conv(320, 3, 2, padding=0)
        ),
        branch_pool=MaxPool(3, 2),
    )


def inception_c() -> Concat:
    """For 8×8 maps (Fig. 6)."""
    return Concat(
        branch1x1=path(conv(256)),
        branch3x3=path(conv(384), split(256)),
        branch3x3dbl=path(conv(384), conv(448, (3, 1)), conv(512, (1, 3)), split(256)),
        branch_pool=path(_pool(), conv(256)),
    )


def inception_v4(name: str, *, input: Shape = (3, 299, 299), num_classes: int = 1000) -> Network:
    """Inception-v4."""
    mixed_3a = Concat(pool=MaxPool(3, 2), conv=path(conv(96, 3, 2, padding=0)))
    mixed_4a = Concat(
        branch3x3=path(conv(64), conv(96, 3, padding=0)),
        branch7x7x3=path(conv(64), conv(64, (1, 7)), conv(64, (7, 1)), conv(96, 3, padding=0)),
    )
    mixed_5a = Concat(conv=path(conv(192, 3, 2, padding=0)), pool=MaxPool(3, 2))
    rows = (
        Row("conv2d_1a_3x3", "convolution", path(conv(32, 3, 2, padding=0)), stage="stem"),
        Row("conv2d_2a_3x3", "convolution", path(conv(32, 3, padding=0)), stage="stem"),
        Row("conv2d_2b_3x3", "convolution", path(conv(64, 3)), stage="stem"),
        Row("mixed_3a", "reduction", mixed_3a, stage="stem"),
        Row("mixed_4a", "inception", mixed_4a, stage="stem"),
        Row("mixed_5a", "reduction", mixed_5a, stage="stem"),
        *(Row(f"mixed_5{key}", "inception-A", inception_a()) for key in "bcde"),
        Row("mixed_6a", "reduction-A", reduction_a()),
        *(Row(f"mixed_6{key}", "inception-B", inception_b()) for key in "bcdefgh"),
        Row("mixed_7a", "reduction-B", reduction_b()),
        *(Row(f"mixed_7{key}", "inception-C", inception_c()) for key in "bcd"),
        Row("avgpool", "average pool", AdaptiveAvgPool()),
        Row("dropout", "dropout (20%)", Dropout(0.2)),
        Row("fc", "linear", classifier(num_classes)),
    )
    return Network(name, SOURCE, rows, input, num_classes)


NETWORKS: dict[str, Callable[..., Network]] = {
    "inception_v4": partial(inception_v4, "inception_v4")
}
