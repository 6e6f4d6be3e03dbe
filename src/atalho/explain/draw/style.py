"""The kinds of layers in a drawing's legend, and the style sheet that gives them their colours, light and dark."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of layer in the legend: its name in words, the colour of its boxes and that of their outlines."""

    words: str
    fill: str
    edge: str


KINDS = {
    "pointwise": Kind("1×1 convolution", "#f6e09c", "#a8841a"),
    "conv": Kind("convolution", "#b5cff2", "#3c6cab"),
    "pool": Kind("pooling", "#f4bbb2", "#b35248"),
    "linear": Kind("fully connected", "#d9c6ee", "#7a54a6"),
    "norm": Kind("response normalisation", "#c3e2bc", "#54894b"),
    "batchnorm": Kind("BatchNorm", "#6cb35e", "#4b8540"),
    "relu": Kind("ReLU", "#f0933f", "#b9661b"),
    "prelu": Kind("PReLU", "#e0605a", "#a83a35"),
    "dropout": Kind("dropout", "#a3aebb", "#6f7a86"),
    "identity": Kind("identity shortcut", "", ""),
    "pad": Kind("zero-padded shortcut", "#eef1f4", "#77828e"),
}

LINES = ("identity", "pad")  # the kinds that are drawn as lines

INK = "#1b1f24"  # of labels: every box colour is light enough for it, on a light page and on a dark one

STYLE = "\n".join(
    [
        """\
.atalho-drawing { font-family: Helvetica, Arial, "Liberation Sans", sans-serif; font-size: 11px; }
.atalho-drawing text { fill: #3b434d; }
.atalho-drawing .paper { fill: #ffffff; }
.atalho-drawing .name { font-size: 14px; font-weight: bold; fill: #1b1f24; text-anchor: middle; }
.atalho-drawing .caption, .atalho-drawing .shape { font-size: 10px; text-anchor: middle; }
.atalho-drawing .row { font-size: 9.5px; text-anchor: end; fill: #6b7580; }
.atalho-drawing .map { font-size: 10.5px; font-weight: bold; text-anchor: start; fill: #6b7580; }
.atalho-drawing .count { font-size: 14px; font-weight: bold; text-anchor: start; }
.atalho-drawing .key { font-size: 10px; text-anchor: start; }
.atalho-drawing .wire { fill: none; stroke: #5c6670; stroke-width: 1.2; }
.atalho-drawing .tip { fill: #5c6670; stroke: none; }
.atalho-drawing .shortcut .wire { stroke: #1f8a70; stroke-width: 1.8; }
.atalho-drawing .shortcut .tip { fill: #1f8a70; }
.atalho-drawing .shortcut.pad .wire { stroke-dasharray: 4 3; }
.atalho-drawing .rule { fill: none; stroke: #c4cbd3; stroke-width: 1; stroke-dasharray: 2 4; }
.atalho-drawing .fold { fill: #f1f4f7; stroke: #c4cbd3; stroke-width: 1; }
.atalho-drawing .sum circle { fill: #ffffff; stroke: #1f8a70; stroke-width: 1.6; }
.atalho-drawing .sum path { stroke: #1f8a70; stroke-width: 1.6; }
.atalho-drawing .join .face { fill: #dde2e8; stroke: #77828e; }
.atalho-drawing .pad .face { stroke-dasharray: 4 3; }""",
        f".atalho-drawing .label {{ fill: {INK}; text-anchor: middle; }}",
        *(
            f".atalho-drawing .{name} .face {{ fill: {kind.fill}; stroke: {kind.edge}; }} "
            f".atalho-drawing .strip.{name} {{ fill: {kind.fill}; }} "
            f".atalho-drawing .swatch.{name} {{ fill: {kind.fill}; stroke: {kind.edge}; }}"
            for name, kind in KINDS.items()
            if kind.fill
        ),
        """\
@media (prefers-color-scheme: dark) {
.atalho-drawing .paper { fill: #14171a; }
.atalho-drawing text { fill: #c9d1d9; }
.atalho-drawing .name { fill: #f0f3f6; }
.atalho-drawing .row, .atalho-drawing .map { fill: #98a3ae; }
.atalho-drawing .wire { stroke: #8b96a1; }
.atalho-drawing .tip { fill: #8b96a1; }
.atalho-drawing .shortcut .wire { stroke: #43c7a5; }
.atalho-drawing .shortcut .tip { fill: #43c7a5; }
.atalho-drawing .rule { stroke: #3c444d; }
.atalho-drawing .fold { fill: #1d2227; stroke: #3c444d; }
.atalho-drawing .sum circle { fill: #14171a; stroke: #43c7a5; }
.atalho-drawing .sum path { stroke: #43c7a5; }
}""",
    ]
)
