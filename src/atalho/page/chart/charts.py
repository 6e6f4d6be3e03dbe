"""Points and curves → charts, as SVG, as PNG, and as what a browser needs to draw them anew."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from atalho.page.chart import labels
from atalho.page.chart.axes import Axis, Layout, round_steps

Spec = dict[str, Any]
"""A chart as Vega-Lite."""

Guide = tuple[tuple[float, float], ...]
"""A dashed line through these points, from left to right."""

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
INK, FAINT, GRID, PAPER = "#333333", "#767676", "#e4e4e4", "#ffffff"
"""The colours of everything but the data; page.css gives their dark counterparts."""

_TEXT = {"labelColor": INK, "titleColor": INK, "titleFontWeight": "normal", "titleFontSize": 12}
CONFIG = {
    "font": FONT,
    "background": PAPER,
    "aria": False,  # the page describes a chart as a whole
    "view": {"stroke": None},
    "axis": {
        **_TEXT,
        "domainColor": FAINT,
        "tickColor": FAINT,
        "gridColor": GRID,
        "labelFontSize": 11,
    },
    "legend": {**_TEXT, "labelFontSize": 12, "labelLimit": 220},
    "title": {"anchor": "start", "color": INK, "fontSize": 13, "fontWeight": "bold"},
    "text": {"color": INK, "fontSize": 12},
}

_PANEL_HEIGHT = 250
_BAR_STEP = 26  # from one bar to the next
_BAR_NAMES = 90  # of a chart's width, for the names beside bars
_GUTTER = 52  # between panels, for an axis' labels
_PIECES = 40  # of a slanted line, around which names find their places
_PNG_SCALE = 2  # pixels of a PNG for each of the SVG


@dataclass(frozen=True)
class Point:
    """A network in a scatter plot.

    Attributes:
        interval: the ends of its error bar, in y's unit; equal ones draw none.
        area: what the area of its bubble stands for; None draws every point alike.
        hollow: whether a number is cited.
        details: what a tooltip says, label and text.
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
class Bar:
    """A network in a bar chart.

    Attributes:
        low, high: the ends of its error bar; equal ones draw none.
        written: its length in figures.
        hollow: whether the number is cited.
        details: what a tooltip says, label and text.
    """

    network: str
    colour: str
    length: float
    low: float
    high: float
    written: str
    hollow: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A network's line in a panel; `part` says what of the network it shows.

    Attributes:
        places: its points' names, for tooltips; one a point, or none.
        moment: the place of the page's slider at which it is shown; None: at every one.
    """

    network: str
    colour: str
    points: tuple[tuple[float, float], ...]
    part: str
    dashed: bool = False
    places: tuple[str, ...] = ()
    moment: int | None = None


def scatter(
    points: Sequence[Point],
    x: Axis,
    y: Axis,
    layout: Layout,
    *,
    paths: Sequence[Guide] = (),
    area_title: str = "",
) -> Spec:
    """Named bubbles with error bars; `paths` are dashed lines behind them."""
    return styled(_scattered(points, x, y, layout, paths, area_title))


def scatters(
    groups: Mapping[str, Sequence[Point]],
    x: Axis,
    y: Axis,
    layout: Layout,
    paths: Mapping[str, Guide],
) -> Spec:
    """A scatter plot for each group of points, side by side on the same axes, each with its dashed line."""
    columns = min(len(groups), layout.columns)
    width = (layout.width - _GUTTER * (columns - 1)) // columns
    height = layout.height if len(groups) == 1 else _PANEL_HEIGHT
    size = replace(layout, width=width, height=height)
    charts = [
        _scattered(points, x, y, size, [paths[title]], "", panel=panel).properties(title=title)
        for panel, (title, points) in enumerate(groups.items())
    ]
    return styled(charts[0] if len(charts) == 1 else alt.concat(*charts, columns=columns))


def bars(bars: Sequence[Bar], x: Axis, layout: Layout) -> Spec:
    """Horizontal bars from zero, from top to bottom, with error bars and their lengths in figures."""
    rows = [
        {
            "network": bar.network,
            "zero": 0,
            "x": bar.length,
            "low": bar.low,
            "high": bar.high,
            "written": bar.written,
            "hollow": bar.hollow,
            **bar.details,
        }
        for bar in bars
    ]
    y = alt.Y(
        "network:N",
        sort=[bar.network for bar in bars],
        title=None,
        axis=alt.Axis(
            domain=False,
            ticks=False,
            labelPadding=6,
            labelLimit=2 * _BAR_NAMES,
            labelFontSize=12,
        ),
    )
    colour = _colours({bar.network: bar.colour for bar in bars}, None)
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    lengths = base.encode(x=x.x(), x2="zero:Q", color=colour, tooltip=_tooltips(bars))
    height = _BAR_STEP * 0.6
    return styled(
        alt.layer(
            lengths.transform_filter("!datum.hollow").mark_bar(height=height, opacity=0.9),
            lengths.transform_filter("datum.hollow").mark_bar(
                filled=False, height=height, strokeWidth=2
            ),
            base.transform_filter("datum.low < datum.high")
            .mark_rule(color=INK, strokeWidth=1.5)
            .encode(x=x.x("low"), x2="high:Q"),
            base.mark_text(align="left", dx=6).encode(x=x.x("high"), text="written:N"),
            width=layout.width - _BAR_NAMES,
            height=_BAR_STEP * len(bars),
        )
    )


def _scattered(
    points: Sequence[Point],
    x: Axis,
    y: Axis,
    layout: Layout,
    paths: Sequence[Guide],
    area_title: str,
    panel: int = 0,
) -> alt.LayerChart | alt.FacetChart:
    largest = max((p.area for p in points if p.area is not None), default=None)
    sizes = [
        layout.bubble * p.area / largest if largest and p.area is not None else layout.bubble / 12
        for p in points
    ]
    colour = _colours({p.network: p.colour for p in points}, None)
    rows = [
        {
            "network": p.network,
            "x": p.x,
            "y": p.y,
            "low": p.interval[0],
            "high": p.interval[1],
            "area": p.area,
            "hollow": p.hollow,
            "panel": panel,
            **p.details,
        }
        for p in points
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x.x(), color=colour)
    size = _size(largest, area_title, layout)
    bubbles = base.encode(y=y.y(), size=size, tooltip=_tooltips(points))
    dashed = [
        alt.Chart(_corners(path))
        .mark_line(clip=True, color=FAINT, strokeWidth=1.5, strokeDash=[4, 3])
        .encode(x=x.x(), y=y.y(), order="place:Q")
        for path in paths
        if path
    ]
    # A finger that draws a rectangle would not scroll the page.
    brush = [alt.selection_interval(name=f"brush{panel}")] if layout.columns > 1 else []
    return alt.layer(
        *dashed,
        base.mark_rule(strokeWidth=1.5, opacity=0.45).encode(y=y.y("low"), y2="high:Q"),
        bubbles.transform_filter("!datum.hollow")
        .mark_point(filled=True, opacity=0.9, stroke=PAPER, strokeWidth=1)
        .add_params(*brush)
        .properties(name=f"points{panel}"),
        bubbles.transform_filter("datum.hollow").mark_point(filled=False, opacity=1, strokeWidth=2),
        *_names(points, sizes, paths, x, y, layout),
        width=layout.width,
        height=layout.height,
    )


def _corners(path: Guide) -> alt.InlineData:
    return alt.InlineData(
        values=[{"x": x, "y": y, "place": place} for place, (x, y) in enumerate(path)]
    )


def _tooltips(marks: Sequence[Point | Bar]) -> list[alt.Tooltip]:
    labels = dict.fromkeys(label for mark in marks for label in mark.details)
    return [
        alt.Tooltip("network:N", title="Network"),
        *(alt.Tooltip(f"{label}:N") for label in labels),
    ]


def panels(
    groups: Mapping[str, Sequence[Line]], x: Axis, y: Axis, layout: Layout, *, marks: bool = False
) -> Spec:
    """A panel for each group of lines, side by side on the same axes, with a legend of its own.

    Where lines have a moment, those of the first one are shown, and of another where the parameter `moment` says so.
    """
    moments = [
        line.moment for group in groups.values() for line in group if line.moment is not None
    ]
    named = any(line.places for group in groups.values() for line in group)
    columns = min(len(groups), layout.columns)
    width = (layout.width - _GUTTER * (columns - 1)) // columns
    charts = []
    for index, (title, lines) in enumerate(groups.items()):
        # altair counts names for the whole process; ours make the same records the same page.
        pick = alt.selection_point(name=f"pick{index}", fields=["network"], bind="legend")
        chart = alt.Chart(_rows(lines), name=f"panel{index}", title=title).mark_line(
            clip=True, strokeWidth=2, point={"size": 30} if marks else False
        )
        encoded = chart.encode(
            x=x.x(),
            y=y.y(titled=index % columns == 0),
            color=_colours({line.network: line.colour for line in lines}, _line_legend(width)),
            detail="line:N",
            strokeDash=alt.StrokeDash(
                "dashed:N",
                scale=alt.Scale(domain=[False, True], range=[[1, 0], [3, 3]]),
                legend=None,
            ),
            opacity=alt.when(pick).then(alt.value(1)).otherwise(alt.value(0.15)),
            tooltip=[
                alt.Tooltip("network:N", title="Network"),
                alt.Tooltip("part:N", title="Line"),
                *([alt.Tooltip("place:N", title="Place")] if named else []),
                alt.Tooltip("x:Q", title=x.title, format=",.3~r"),
                alt.Tooltip("y:Q", title=y.title, format=",.3~r"),
            ],
        )
        if moments:
            encoded = encoded.transform_filter("datum.moment == null || datum.moment == moment")
        charts.append(encoded.add_params(pick).properties(width=width, height=_PANEL_HEIGHT))
    side_by_side = alt.concat(*charts, columns=columns, spacing=24).resolve_scale(
        color="independent", strokeDash="independent"
    )
    if moments:
        side_by_side = side_by_side.add_params(alt.param(name="moment", value=min(moments)))
    return styled(side_by_side)


def svg(spec: Spec) -> str:
    """A chart as an SVG file's text."""
    drawn = str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[]))
    own: dict[str, int] = {}

    def counted(id: re.Match[str]) -> str:
        return f"{id[1]}{own.setdefault(id[2], len(own))}"

    # Vega numbers clip paths for the whole process; ours make the same chart the same file.
    return re.sub(r'((?:id="|url\(#)clip)(\d+)', counted, drawn)


def png(svg: str) -> bytes:
    """An SVG chart as a PNG file's bytes."""
    return bytes(vl_convert.svg_to_png(svg, scale=_PNG_SCALE))


@cache
def javascript() -> str:
    """charts.js with Vega, Vega-Lite and Vega-Embed bundled in: one ES module that imports nothing."""
    snippet = Path(__file__).parents[1].joinpath("charts.js").read_text(encoding="utf-8")
    return str(vl_convert.javascript_bundle(snippet, vl_version=VEGA_LITE))


def styled(chart: alt.TopLevelMixin) -> Spec:
    """A chart in the page's type and colours."""
    return {**chart.to_dict(), "config": CONFIG}


def _size(largest: float | None, title: str, layout: Layout) -> Any:
    """A bubble's area in proportion to what it stands for, with a legend; without that all are alike."""
    if not largest:
        return alt.value(layout.bubble / 12)
    legend = alt.Legend(
        title=title,
        orient="bottom",
        values=_round_shares(largest),
        format=",~r",
        symbolFillColor=FAINT,
        symbolStrokeWidth=0,
    )
    scale = alt.Scale(type="linear", domain=[0, largest], range=[0, layout.bubble])
    return alt.Size("area:Q", scale=scale, legend=legend)


def _rows(lines: Sequence[Line]) -> alt.InlineData:
    return alt.InlineData(
        values=[
            {
                "network": line.network,
                "line": number,
                "part": line.part,
                "dashed": line.dashed,
                "x": x,
                "y": y,
                **({"place": line.places[index]} if line.places else {}),
                **({} if line.moment is None else {"moment": line.moment}),
            }
            for number, line in enumerate(lines)
            for index, (x, y) in enumerate(line.points)
        ]
    )


def _line_legend(width: int) -> alt.Legend:
    return alt.Legend(
        title=None,
        orient="bottom",
        symbolType="stroke",
        symbolStrokeWidth=3,
        columns=max(1, width // 90),
        columnPadding=16,
    )


def _colours(colours: Mapping[str, str], legend: alt.Legend | None) -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color("network:N", scale=scale, legend=legend)


def _names(
    points: Sequence[Point],
    sizes: Sequence[float],
    paths: Sequence[Guide],
    x: Axis,
    y: Axis,
    layout: Layout,
) -> list[alt.Chart]:
    """The points' names, each with a thin line to a point that it could not stand beside."""

    def pixel(across: float, up: float) -> tuple[float, float]:
        return x.share(across) * layout.width, (1 - y.share(up)) * layout.height

    marks = [
        labels.Mark(
            p.network,
            *pixel(p.x, p.y),
            sqrt(size) / 2,
            (pixel(p.x, p.interval[1])[1], pixel(p.x, p.interval[0])[1]),
        )
        for p, size in zip(points, sizes, strict=True)
    ]
    lines = [
        labels.Box(min(a, b) - 2, min(c, d) - 2, max(a, b) + 2, max(c, d) + 2)
        for path in paths
        for (a, c), (b, d) in pairwise(pixel(*point) for point in _fine(path))
    ]
    rows = [
        {
            "network": p.network,
            "x": x.at(place.x / layout.width),
            "y": y.at(1 - place.y / layout.height),
            "near_x": x.at(place.near_x / layout.width),
            "near_y": y.at(1 - place.near_y / layout.height),
            "point_x": p.x,
            "point_y": p.y,
            "far": place.far,
        }
        for p, place in zip(
            points, labels.place(marks, lines, layout.width, layout.height), strict=True
        )
    ]
    base = alt.Chart(alt.InlineData(values=rows))
    leaders = base.transform_filter("datum.far").mark_rule(color=FAINT, strokeWidth=0.75)
    return [
        leaders.encode(x=x.x("near_x"), x2="point_x:Q", y=y.y("near_y"), y2="point_y:Q"),
        base.mark_text(baseline="middle").encode(x=x.x(), y=y.y(), text="network:N"),
    ]


def _fine(path: Guide) -> Iterator[tuple[float, float]]:
    """A path cut so short that the boxes around its pieces cover little else."""
    for (a, c), (b, d) in pairwise(path):
        slanted = a != b and c != d
        for step in range(_PIECES if slanted else 1):
            share = step / _PIECES
            yield a + share * (b - a), c + share * (d - c)
    yield from path[-1:]


def _round_shares(largest: float) -> list[float]:
    """The round value below the largest, and a quarter and a sixteenth of it or so."""
    steps = [s for s in round_steps(largest) if s <= largest]
    return steps[::-1][:5:2][::-1]
