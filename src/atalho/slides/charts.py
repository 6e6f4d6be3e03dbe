"""Charts of the report's kinds, drawn for the lecture's pages in the language of their words."""

import re

from markupsafe import Markup

from atalho.page.chart.axes import NARROW, WIDE
from atalho.page.chart.converting import ID
from atalho.page.chart.rendering import Chart, svg
from atalho.slides.words import Words

FAMILY = {
    "plain20": "#cf7a14",
    "plain56": "#5c2606",
    "resnet20": "#3d93d4",
    "resnet56": "#0c2654",
}
"""The colours of the networks of the stations on depth, those that the report gives them; slides.css has the dark ones."""

PALETTE = (
    "#2a7fc9",
    "#c2701a",
    "#2b9a69",
    "#9a74d6",
    "#d65f80",
    "#858f24",
    "#1f97a6",
    "#a5673f",
)
"""Colours that stand out on white and on dark."""


def drawn(chart: Chart, name: str, words: Words) -> dict[str, Markup]:
    """Returns the chart for wide and for narrow screens.

    Args:
        name: of the chart on its page, which makes the ids in it unique there.
    """
    return {
        layout: Markup(_embedded(svg(chart.draw(size), words.locale), f"{name}-{layout}"))
        for layout, size in (("wide", WIDE), ("narrow", NARROW))
    }


def _embedded(drawing: str, prefix: str) -> str:
    """A drawing whose ids begin with the prefix, and which is one picture to a screen reader, not many symbols without a name."""
    own = ID.sub(rf"\1{prefix}-\2", drawing)
    return re.sub(r' (?:role|aria-\w+)="[^"]*"', "", own)
