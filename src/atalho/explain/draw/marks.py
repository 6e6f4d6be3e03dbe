"""What a drawing is made of: boxes, wires, sums and notes, each of which writes itself as SVG at the place it is put.

Lengths are CSS pixels, x to the right and y down. A `Picture` puts marks together and knows its size. All colours are
given by classes, so that a page may restyle a drawing; there are no ids, so that a page may hold several drawings.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import Protocol
from xml.sax.saxutils import escape, quoteattr

LEAD = 10.0  # the wire that leads into a box, with its arrow
BOX_WIDTH = 108.0  # a longer label widens its box
BOX_HEIGHT = 22.0
STRIP = 2.7
SUM = 6.5  # radius of a sum
CORNER = 6.0

Point = tuple[float, float]


class Mark(Protocol):
    """Anything that can be drawn."""

    def svg(self, x: float, y: float) -> Iterator[str]:
        """Yields its SVG elements, with its origin at (x, y)."""


Placed = tuple[float, float, Mark]
"""x, y of its origin, and the mark."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Marks around a vertical axis: a wire comes in at (0, 0) and leaves at (0, height).

    Attributes:
        left, right: how far it reaches to either side of the axis.
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
    """Returns the pictures one below another on one axis."""
    left = right = SUM  # of a picture that is nothing but the wire
    height = 0.0
    parts: list[Placed] = []
    for picture in pictures:
        parts.append((0.0, height, picture))
        left, right = max(left, picture.left), max(right, picture.right)
        height += picture.height
    return Picture(left, right, height, tuple(parts))


@dataclass(frozen=True, slots=True)
class Strips:
    """What directly follows a layer, normalisation and non-linearity, as thin strips around the axis."""

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
    """A labelled box with the middle of its upper edge at its origin, and `strips` inside its lower edge."""

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
    """⊕, with its upper end at its origin."""

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
        # The line ends inside the tip, which would be blunt if it went on to the point.
        yield self._line([*points[:-1], (bx - 3 * ux, by - 3 * uy)])
        yield f'<path class="tip" d="M{_point((bx, by))}{"".join(f"L{_point(w)}" for w in wings)}Z"/>'

    def _line(self, points: list[Point]) -> str:
        steps = [f"M{_point(points[0])}"]
        lengths = [hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
        for index in range(1, len(points) - 1):
            before, at, after = points[index - 1 : index + 2]
            # A line between two corners gives each of them half of its length.
            room = [
                length / (2 if 0 < line < len(lengths) - 1 else 1)
                for line, length in ((index - 1, lengths[index - 1]), (index, lengths[index]))
            ]
            reach = min(self.corner, *room)
            steps.append(f"L{_point(_towards(at, before, reach))}")
            steps.append(f"Q{_point(at)} {_point(_towards(at, after, reach))}")
        steps.append(f"L{_point(points[-1])}")
        return f'<path class="{self.kind}" d="{"".join(steps)}"/>'


@dataclass(frozen=True, slots=True)
class Note:
    """Text whose baseline begins, ends or is centred at its origin, as the style of its class says."""

    kind: str
    text: str
    title: str = ""

    def svg(self, x: float, y: float) -> Iterator[str]:
        yield _text(self.kind, x, y, self.text, self.title)


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle behind other marks, with its upper left corner at its origin."""

    kind: str
    width: float
    height: float
    corner: float = 0

    def svg(self, x: float, y: float) -> Iterator[str]:
        yield _rect(self.kind, x, y, self.width, self.height, self.corner)


@dataclass(frozen=True, slots=True)
class Group:
    """Marks that belong together.

    Attributes:
        rows: the names of the table's rows that they stand for, written into `data-row` separated by spaces.
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
    """Returns an estimate of a text's width in pixels, a little above Helvetica's."""
    widths = {**dict.fromkeys(" ,.:/iljtfrI", 0.34), **dict.fromkeys("mwMW%", 0.9)}
    return size * sum(widths.get(letter, 0.57) for letter in text)


def number(value: float) -> str:
    """Returns a length as text, to a tenth of a pixel."""
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
