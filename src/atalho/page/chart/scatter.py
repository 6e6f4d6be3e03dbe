"""Networks as named points or bubbles with error bars, in panels side by side on the same axes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import sqrt
from typing import Any

import altair as alt

from atalho.page.chart import labels
from atalho.page.chart.axes import Axis, Layout, round_steps
from atalho.page.chart.style import (
    FAINT,
    PANEL_HEIGHT,
    PAPER,
    Spec,
    colour,
    columns,
    inline,
    panel_width,
    styled,
    tooltips,
)

Guide = tuple[tuple[float, float], ...]
"""A dashed line through these points, from left to right; an empty one is not drawn."""

_PIECES = 40  # of a slanted line, around which names find their places


@dataclass(frozen=True)
class Point:
    """A network's point.

    Attributes:
        colour: `#rrggbb`.
        x, y: in the axes' units.
        interval: the ends of its error bar, in y's unit; equal ones draw none.
        area: what the area of its bubble stands for; None draws every point alike.
        hollow: whether a number is cited.
        details: what a tooltip says: label and text.
    """

    network: str
    colour: str
    x: float
    y: float
    interval: tuple[float, float]
    area: float | None = None
    hollow: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Panel:
    """Points, and a dashed line behind them."""

    points: tuple[Point, ...]
    guide: Guide = ()
    title: str = ""

    @property
    def largest(self) -> float | None:
        """The largest area that a point states; None where none does."""
        return max((p.area for p in self.points if p.area is not None), default=None)

    def bubbles(self, layout: Layout) -> list[float]:
        """The area of each point's mark in square pixels."""
        largest, alike = self.largest, layout.bubble / 12
        return [
            layout.bubble * p.area / largest if largest and p.area is not None else alike
            for p in self.points
        ]


@dataclass(frozen=True)
class ScatterChart:
    """A scatter plot for each panel.

    Attributes:
        area_title: what the areas of bubbles stand for, above their legend.
    """

    panels: tuple[Panel, ...]
    x: Axis
    y: Axis
    area_title: str = ""

    def draw(self, layout: Layout) -> Spec:
        """Returns the chart's specification at the size of the layout."""
        count = len(self.panels)
        height = layout.height if count == 1 else PANEL_HEIGHT
        size = replace(layout, width=panel_width(count, layout), height=height)
        charts = [self._plot(index, panel, size) for index, panel in enumerate(self.panels)]
        return styled(
            charts[0] if count == 1 else alt.concat(*charts, columns=columns(count, layout))
        )

    def _plot(self, index: int, panel: Panel, layout: Layout) -> alt.LayerChart | alt.FacetChart:
        rows = [
            {
                "network": p.network,
                "x": p.x,
                "y": p.y,
                "low": p.interval[0],
                "high": p.interval[1],
                "area": p.area,
                "hollow": p.hollow,
                "panel": index,
                **p.details,
            }
            for p in panel.points
        ]
        base = alt.Chart(inline(rows)).encode(
            x=self.x.x(), color=colour({p.network: p.colour for p in panel.points})
        )
        bubbles = base.encode(
            y=self.y.y(),
            size=self._size(panel.largest, layout),
            tooltip=tooltips(p.details for p in panel.points),
        )
        # A finger that draws a rectangle would not scroll the page.
        brush = [alt.selection_interval(name=f"brush{index}")] if layout.columns > 1 else []
        plot = alt.layer(
            *self._guide(panel.guide),
            base.mark_rule(strokeWidth=1.5, opacity=0.45).encode(
                y=self.y.y("low"), y2=alt.Y2("high:Q")
            ),
            bubbles.transform_filter("!datum.hollow")
            .mark_point(filled=True, opacity=0.9, stroke=PAPER, strokeWidth=1)
            .add_params(*brush)
            .properties(name=f"points{index}"),
            bubbles.transform_filter("datum.hollow").mark_point(
                filled=False, opacity=1, strokeWidth=2
            ),
            *self._names(panel, layout),
            width=layout.width,
            height=layout.height,
        )
        return plot.properties(title=panel.title) if panel.title else plot

    def _size(self, largest: float | None, layout: Layout) -> Any:
        """A bubble's area in proportion to what it stands for, with a legend; without that all are alike."""
        if not largest:
            return alt.SizeValue(layout.bubble / 12)
        legend = {
            "title": self.area_title,
            "orient": "bottom",
            "values": _round_shares(largest),
            "format": ",~r",
            "symbolFillColor": FAINT,
            "symbolStrokeWidth": 0,
        }
        scale = {"type": "linear", "domain": [0, largest], "range": [0, layout.bubble]}
        return alt.Size("area:Q", scale=scale, legend=legend)

    def _guide(self, guide: Guide) -> Iterator[alt.Chart]:
        if guide:
            corners = [{"x": x, "y": y, "place": index} for index, (x, y) in enumerate(guide)]
            yield (
                alt.Chart(inline(corners))
                .mark_line(clip=True, color=FAINT, strokeWidth=1.5, strokeDash=[4, 3])
                .encode(x=self.x.x(), y=self.y.y(), order=alt.Order("place:Q"))
            )

    def _names(self, panel: Panel, layout: Layout) -> list[alt.Chart]:
        """The points' names, each with a thin line to its point where it could not stand beside it."""
        rows = [
            {
                "network": p.network,
                "x": self.x.at(name.x / layout.width),
                "y": self.y.at(1 - name.y / layout.height),
                "near_x": self.x.at(name.near_x / layout.width),
                "near_y": self.y.at(1 - name.near_y / layout.height),
                "point_x": p.x,
                "point_y": p.y,
                "far": name.far,
            }
            for p, name in zip(panel.points, self._positions(panel, layout), strict=True)
        ]
        base = alt.Chart(inline(rows))
        leaders = base.transform_filter("datum.far").mark_rule(color=FAINT, strokeWidth=0.75)
        return [
            leaders.encode(
                x=self.x.x("near_x"),
                x2=alt.X2("point_x:Q"),
                y=self.y.y("near_y"),
                y2=alt.Y2("point_y:Q"),
            ),
            base.mark_text(baseline="middle").encode(
                x=self.x.x(), y=self.y.y(), text=alt.Text("network:N")
            ),
        ]

    def _positions(self, panel: Panel, layout: Layout) -> list[labels.Position]:
        def pixel(across: float, up: float) -> tuple[float, float]:
            return self.x.share(across) * layout.width, (1 - self.y.share(up)) * layout.height

        marks = [
            labels.Mark(
                p.network,
                *pixel(p.x, p.y),
                sqrt(area) / 2,
                (pixel(p.x, p.interval[1])[1], pixel(p.x, p.interval[0])[1]),
            )
            for p, area in zip(panel.points, panel.bubbles(layout), strict=True)
        ]
        lines = [
            labels.Box(min(a, b) - 2, min(c, d) - 2, max(a, b) + 2, max(c, d) + 2)
            for (a, c), (b, d) in pairwise(pixel(*point) for point in _fine(panel.guide))
        ]
        return labels.arrange(marks, lines, layout.width, layout.height)


def _fine(guide: Guide) -> Iterator[tuple[float, float]]:
    """The points of the guide with slanted lines cut into pieces, so that the boxes around the pieces are small."""
    for (a, c), (b, d) in pairwise(guide):
        slanted = a != b and c != d
        for step in range(_PIECES if slanted else 1):
            share = step / _PIECES
            yield a + share * (b - a), c + share * (d - c)
    yield from guide[-1:]


def _round_shares(largest: float) -> list[float]:
    """The round value below the largest, and about a quarter and a sixteenth of it."""
    steps = [s for s in round_steps(largest) if s <= largest]
    return steps[::-1][:5:2][::-1]
