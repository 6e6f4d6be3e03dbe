"""Arranges the names of a scatter plot's points so that they overlap as little as possible."""

from collections.abc import Sequence
from math import cos, hypot, pi, sin
from typing import NamedTuple

HEIGHT = 14.0
_CHARACTER = 6.4  # pixels of a character of the charts' 12-pixel type, on average
_GAP = 4.0
_ROUNDS = 3
_NAMED = 4  # the cost of a square pixel of a name or of a bubble that is covered; of a thin line it is 1/2
_MISTAKEN = 40.0  # the cost, in pixels covered, of a name that stands nearer to another point than to its own


class Box(NamedTuple):
    """A rectangle in pixels by its edges."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """Returns the area that both cover, in square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        if width <= 0:
            return 0.0
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * max(height, 0.0)


class Mark(NamedTuple):
    """A point to be named: its centre and radius in pixels, and the interval bar through it."""

    name: str
    x: float
    y: float
    radius: float
    bar: tuple[float, float]


class Position(NamedTuple):
    """The position of a name: its centre, its nearest point to the mark, and whether that is far enough for a line."""

    x: float
    y: float
    near_x: float
    near_y: float
    far: bool


def arrange(
    marks: Sequence[Mark], lines: Sequence[Box], width: float, height: float
) -> list[Position]:
    """Returns the position of each mark's name on a plot of `width` × `height` pixels.

    Names avoid other marks and the lines where there is room. Each name in turn takes the position that covers least of
    everything else; this is repeated a few times, since the other names have moved meanwhile.
    """
    bubbles = [Box(m.x - m.radius, m.y - m.radius, m.x + m.radius, m.y + m.radius) for m in marks]
    thin = [*(Box(m.x - 2, m.bar[0], m.x + 2, m.bar[1]) for m in marks), *lines]
    plot = Box(0, 0, width, height)

    def alone(box: Box, mark: Mark) -> float:
        """The cost of a place for a mark's name apart from the other names."""
        outside = (box.right - box.left) * HEIGHT - box.overlap(plot)
        covered = _NAMED * sum(map(box.overlap, bubbles)) + sum(map(box.overlap, thin)) / 2
        own = _distance(box, mark) - mark.radius
        nearer = sum(_distance(box, other) - other.radius < own + _GAP for other in marks)
        return covered + 8 * outside + own + _MISTAKEN * nearer

    candidates = [[(box, alone(box, mark)) for box in _candidates(mark)] for mark in marks]
    places: dict[int, Box] = {}
    for _ in range(_ROUNDS):
        for index in range(len(marks)):
            names = [box for other, box in places.items() if other != index]
            costs = [
                cost + _NAMED * sum(map(box.overlap, names)) for box, cost in candidates[index]
            ]
            places[index] = candidates[index][costs.index(min(costs))][0]
    return [_placed(places[index], mark) for index, mark in enumerate(marks)]


def _candidates(mark: Mark) -> list[Box]:
    half = len(mark.name) * _CHARACTER / 2
    boxes = []
    for distance in (0.0, 14.0, 28.0):
        reach = mark.radius + _GAP + distance
        for eighth in range(16):
            angle = eighth * pi / 8
            x = mark.x + cos(angle) * (reach + half)
            y = mark.y + sin(angle) * (reach + HEIGHT / 2)
            boxes.append(Box(x - half, y - HEIGHT / 2, x + half, y + HEIGHT / 2))
    return boxes


def _nearest(box: Box, mark: Mark) -> tuple[float, float]:
    """Returns the point of the box that is nearest to the mark's centre."""
    return min(max(mark.x, box.left), box.right), min(max(mark.y, box.top), box.bottom)


def _distance(box: Box, mark: Mark) -> float:
    x, y = _nearest(box, mark)
    return hypot(x - mark.x, y - mark.y)


def _placed(box: Box, mark: Mark) -> Position:
    far = _distance(box, mark) > mark.radius + 2 * _GAP
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return Position(x, y, *_nearest(box, mark), far)
