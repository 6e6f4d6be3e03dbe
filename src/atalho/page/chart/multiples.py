"""Many lines as small multiples: a small panel for each network, with its own lines before the range of all."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import altair as alt

from atalho.page.chart.axes import Axis, Layout
from atalho.page.chart.style import GRID, character_width

MOST_IN_A_PANEL = 10
"""Lines with so many colours can be told apart in one panel, and their names stand beside them in a legend."""

HEIGHT = 64
"""Pixels of a small panel."""

_FONT = 9
_GAP = 10  # pixels between small panels
_LABELS = 34  # pixels of the vertical axis' labels, in every panel
_MOST_STEPS = 60  # places at which the range of all lines is drawn

Points = Sequence[tuple[float, float]]


def band(lines: Sequence[Points]) -> list[dict[str, float]]:
    """Returns the lowest and the highest of several lines at the places of their points, at most `_MOST_STEPS` of them."""
    places = sorted({x for line in lines for x, _ in line})
    every = -(-len(places) // _MOST_STEPS)
    rows = []
    for x in dict.fromkeys([*places[::every], *places[-1:]]):
        heights = [y for line in lines if (y := _height(line, x)) is not None]
        if heights:
            rows.append({"x": x, "low": min(heights), "high": max(heights)})
    return rows


def columns(names: Sequence[str], layout: Layout) -> int:
    """Returns how many small panels stand side by side, wide enough for their names."""
    widest = max(96.0, max(map(len, names)) * character_width(_FONT) - _LABELS)
    return max(1, int((layout.width + _GAP) // (widest + _LABELS + _GAP)))


def width(side_by_side: int, layout: Layout) -> int:
    """Returns the pixels of a small panel's inside."""
    return (layout.width - _GAP * (side_by_side - 1)) // side_by_side - _LABELS


def panel(name: str, lines: alt.Chart, range_of_all: alt.InlineData, x: Axis, y: Axis) -> Any:
    """Returns the small panel of a network: its lines, encoded on these axes, before the range of all."""
    behind = (
        alt.Chart(range_of_all)
        .mark_area(clip=True, color=GRID, opacity=0.9)
        .encode(x=x.small(alt.X, "x"), y=y.small(alt.Y, "low"), y2=alt.Y2("high:Q"))
    )
    title = alt.TitleParams(name, fontSize=_FONT, fontWeight="normal", anchor="start", offset=2)
    return alt.layer(behind, lines, title=title)


def _height(line: Points, x: float) -> float | None:
    """The height of a line at a place, between its points; None beyond its ends."""
    place = bisect_left(line, (x, float("-inf")))
    if place == len(line) or (place == 0 and line[0][0] > x):
        return None
    right = line[place]
    if right[0] == x:
        return right[1]
    left = line[place - 1]
    return left[1] + (right[1] - left[1]) * (x - left[0]) / (right[0] - left[0])
