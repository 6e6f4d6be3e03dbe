"""What all charts of the page share: their type, their colours, the widths of panels and what marks say under the pointer.

Charts write their encodings out, `x2=alt.X2("high:Q")` for `x2="high:Q"`: for a short one altair searches its schema, some 4 ms each.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from atalho.page.chart.axes import Layout, Properties

Spec = dict[str, Any]
"""A chart as a Vega-Lite specification."""

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

PANEL_HEIGHT = 250
"""Pixels of a panel that stands beside or above others."""

_GUTTER = 52  # pixels between panels, for an axis' labels


def styled(chart: alt.TopLevelMixin) -> Spec:
    """Returns the specification of a chart in the page's type and colours."""
    return {**chart.to_dict(validate=False), "config": CONFIG}


def inline(rows: Iterable[Mapping[str, Any]]) -> alt.InlineData:
    """Returns the rows as a chart's data: in a tuple, since altair copies a list with every chart that it joins to others."""
    return alt.InlineData(values=tuple(rows))


def character_width(font_size: int) -> float:
    """Returns the pixels of a character of the charts' type, on average."""
    return 0.55 * font_size


def columns(panels: int, layout: Layout) -> int:
    """Returns how many of the panels stand side by side."""
    return min(panels, layout.columns)


def panel_width(panels: int, layout: Layout) -> int:
    """Returns the width in pixels of each of the panels."""
    side_by_side = columns(panels, layout)
    return (layout.width - _GUTTER * (side_by_side - 1)) // side_by_side


def colour(by_network: Mapping[str, str], legend: Properties | None = None) -> alt.Color:
    """Returns the encoding that gives each network its colour, `#rrggbb`."""
    scale = {"domain": list(by_network), "range": list(by_network.values())}
    return alt.Color("network:N", scale=scale, legend=legend)


def mixed(first: str, last: str, share: float) -> str:
    """Returns the colour at a share, 0 to 1, of the way from one colour to another; all are `#rrggbb`."""
    ends = (bytes.fromhex(colour[1:]) for colour in (first, last))
    return "#" + bytes(round(a + share * (b - a)) for a, b in zip(*ends, strict=True)).hex()


def tooltips(details: Iterable[Mapping[str, str]]) -> list[alt.Tooltip]:
    """Returns the tooltip's lines: the network's name, then every label of the marks' details, each once."""
    labels = dict.fromkeys(label for of_mark in details for label in of_mark)
    return [
        alt.Tooltip("network:N", title="Network"),
        *(alt.Tooltip(f"{label}:N") for label in labels),
    ]
