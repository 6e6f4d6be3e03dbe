"""What a drawing is made of: boxes, wires, sums and notes, each of which writes itself as SVG at a given origin.

Lengths are CSS pixels, x to the right and y down. A `Picture` puts marks together and knows its extent. Classes carry
all colours, so that a page may restyle a drawing; there are no ids, so that it may hold several.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import NamedTuple, Protocol
from xml.sax.saxutils import escape, quoteattr

LEAD = 10.0  # the wire that leads into a box, with its arrow
BOX_WIDTH = 108.0  # a longer label widens its box
BOX_HEIGHT = 22.0
STRIP = 2.7
SUM = 6.5  # radius of a sum
CORNER = 6.0

Point = tuple[float, float]


class Kind(NamedTuple):
    """A kind of layer in the legend: its words, its colour and its outline's."""

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

LINES = ("identity", "pad")  # the kinds that are lines

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


class Mark(Protocol):
    """Anything that can be drawn."""

    def svg(self, x: float, y: float) -> Iterator[str]:
        """Its elements, with its own origin at (x, y)."""


Placed = tuple[float, float, Mark]
"""A mark and the place of its origin: x, y, mark."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Marks placed around a vertical axis: a wire comes in at (0, 0) and goes on from (0, height).

    Args:
        left, right: how far it reaches to either side of the axis.
        parts: marks, each with the place of its origin.
    """

    left: float
    right: float
    height: float
    parts: tuple[Placed, ...] = ()

    @property
    def width(self) -> float:
        return self.left + self.right

    def svg(self, x: float, y: float) -> Iterator[str]:
        yield from _all(self.parts, x, y)


def stack(pictures: Iterable[Picture]) -> Picture:
    """Pictures one below another on one axis."""
    left = right = SUM  # where there is nothing but the wire
    height = 0.0
    parts: list[Placed] = []
    for picture in pictures:
        parts.append((0.0, height, picture))
        left, right = max(left, picture.left), max(right, picture.right)
        height += picture.height
    return Picture(left, right, height, tuple(parts))


@dataclass(frozen=True, slots=True)
class Strips:
    """What follows a layer at once (normalisation, non-linearity), as thin strips around the axis."""

    width: float
    kinds: tuple[str, ...]

    @property
    def height(self) -> float:
        return STRIP * len(self.kinds)

    def svg(self, x: float, y: float) -> Iterator[str]:
        for index, kind in enumerate(self.kinds):
            yield _rect(f"strip {kind}", x - self.width / 2, y + STRIP * index, self.width, STRIP)


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled box whose upper edge is centred on its origin, with `strips` inside its lower edge."""

    kind: str
    label: str
    title: str
    width: float
    height: float = BOX_HEIGHT
    strips: tuple[str, ...] = ()

    def svg(self, x: float, y: float) -> Iterator[str]:
        yield f'<g class="box {self.kind}">{_title(self.title)}'
        yield _rect("face", x - self.width / 2, y, self.width, self.height, corner=3)
        strips = Strips(self.width - 1, self.strips)
        room = self.height - strips.height
        yield from strips.svg(x, y + room - 0.5)
        yield _text("label", x, y + room / 2 + 4, self.label)
        yield "</g>"


@dataclass(frozen=True, slots=True)
class Sum:
    """⊕, its upper end on its origin."""

    title: str

    def svg(self, x: float, y: float) -> Iterator[str]:
        middle, arm = y + SUM, SUM - 2.5
        yield f'<g class="sum">{_title(self.title)}'
        yield f'<circle cx="{number(x)}" cy="{number(middle)}" r="{number(SUM)}"/>'
        yield (
            f'<path d="M{number(x - arm)} {number(middle)}h{number(2 * arm)}'
            f'M{number(x)} {number(middle - arm)}v{number(2 * arm)}"/>'
        )
        yield "</g>"


@dataclass(frozen=True, slots=True)
class Wire:
    """A line with rounded corners through `points`; with `arrow` it ends in a tip."""

    points: tuple[Point, ...]
    arrow: bool = False
    kind: str = "wire"
    corner: float = CORNER

    def svg(self, x: float, y: float) -> Iterator[str]:
        points = [(x + dx, y + dy) for dx, dy in self.points]
        if not self.arrow:
            yield self._line(points)
            return
        (ax, ay), (bx, by) = points[-2:]
        length = hypot(bx - ax, by - ay)
        ux, uy = (bx - ax) / length, (by - ay) / length
        base = bx - 5 * ux, by - 5 * uy
        wings = ((base[0] - side * uy, base[1] + side * ux) for side in (2.8, -2.8))
        # The line ends inside its tip, which would otherwise be blunt.
        yield self._line([*points[:-1], (bx - 3 * ux, by - 3 * uy)])
        yield f'<path class="tip" d="M{_point((bx, by))}{"".join(f"L{_point(w)}" for w in wings)}Z"/>'

    def _line(self, points: list[Point]) -> str:
        steps = [f"M{_point(points[0])}"]
        lengths = [hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
        for index in range(1, len(points) - 1):
            before, at, after = points[index - 1 : index + 2]
            # A line between two corners is shared by them.
            room = [
                length / (2 if 0 < place < len(lengths) - 1 else 1)
                for place, length in ((index - 1, lengths[index - 1]), (index, lengths[index]))
            ]
            reach = min(self.corner, *room)
            steps.append(f"L{_point(_towards(at, before, reach))}")
            steps.append(f"Q{_point(at)} {_point(_towards(at, after, reach))}")
        steps.append(f"L{_point(points[-1])}")
        return f'<path class="{self.kind}" d="{"".join(steps)}"/>'


@dataclass(frozen=True, slots=True)
class Note:
    """Text whose baseline begins, ends or is centred at its origin, as its class says."""

    kind: str
    text: str
    title: str = ""

    def svg(self, x: float, y: float) -> Iterator[str]:
        yield _text(self.kind, x, y, self.text, self.title)


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle behind other marks, its upper left corner on its origin."""

    kind: str
    width: float
    height: float
    corner: float = 0

    def svg(self, x: float, y: float) -> Iterator[str]:
        yield _rect(self.kind, x, y, self.width, self.height, self.corner)


@dataclass(frozen=True, slots=True)
class Group:
    """Marks that belong together.

    Args:
        rows: the names of the rows of the table that they stand for: `data-row`, separated by spaces.
    """

    parts: tuple[Placed, ...]
    title: str
    kind: str
    rows: tuple[str, ...] = ()

    def svg(self, x: float, y: float) -> Iterator[str]:
        rows = f" data-row={quoteattr(' '.join(self.rows))}" if self.rows else ""
        yield f'<g class="{self.kind}"{rows}>{_title(self.title)}'
        yield from _all(self.parts, x, y)
        yield "</g>"


def _all(parts: Iterable[Placed], x: float, y: float) -> Iterator[str]:
    for dx, dy, mark in parts:
        yield from mark.svg(x + dx, y + dy)


def text_width(text: str, size: float) -> float:
    """An estimate of a text's width, a little above Helvetica's."""
    widths = {**dict.fromkeys(" ,.:/iljtfrI", 0.34), **dict.fromkeys("mwMW%", 0.9)}
    return size * sum(widths.get(letter, 0.57) for letter in text)


def number(value: float) -> str:
    """A length, to a tenth of a pixel."""
    return f"{round(value, 1):.10g}"


def _point(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _towards(start: Point, end: Point, distance: float) -> Point:
    length = hypot(end[0] - start[0], end[1] - start[1])
    share = distance / length if length else 0.0
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _rect(kind: str, x: float, y: float, width: float, height: float, corner: float = 0) -> str:
    rounded = f' rx="{number(corner)}"' if corner else ""
    return (
        f'<rect class="{kind}" x="{number(x)}" y="{number(y)}" '
        f'width="{number(width)}" height="{number(height)}"{rounded}/>'
    )


def _text(kind: str, x: float, y: float, text: str, title: str = "") -> str:
    hover = _title(title) if title else ""
    return f'<text class="{kind}" x="{number(x)}" y="{number(y)}">{hover}{escape(text)}</text>'


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>"
