"""A chart → its specification and SVG."""

import re
from typing import Any, Literal, NamedTuple, Protocol

import altair as alt
import vl_convert
from altair.utils.schemapi import debug_mode

from atalho.errors import visible
from atalho.page.chart.axes import Layout
from atalho.page.chart.style import Spec

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])

Locale = Literal["en-US", "pt-BR"]


class Chart(Protocol):
    """A kind of chart with its data."""

    def draw(self, layout: Layout) -> Spec:
        """Returns the chart's specification at the size of the layout."""


class Rendering(NamedTuple):
    """A chart's specification, whose texts are `visible`, and the SVG that was drawn from it."""

    spec: Spec
    svg: str

    @classmethod
    def of(cls, chart: Chart, layout: Layout) -> "Rendering":
        with debug_mode(
            False
        ):  # every kind of chart is held against Vega-Lite's schema by a test, not each time
            shown = _visible(chart.draw(layout))
        return cls(shown, svg(shown))


def _visible(value: Any) -> Any:
    """A specification in which texts are visible: the library that draws ends the process at a control character."""
    match value:
        case str():
            return visible(value)
        case dict():
            return {key: _visible(each) for key, each in value.items()}
        case list() | tuple():
            return [*map(_visible, value)]
    return value


def svg(spec: Spec, language: Locale = "en-US") -> str:
    """Returns the text of an SVG file; the same specification gives the same text.

    Args:
        language: by whose habit numbers are written.
    """
    drawn = str(
        vl_convert.vegalite_to_svg(
            spec, vl_version=VEGA_LITE, allowed_base_urls=[], format_locale=language
        )
    )
    numbers: dict[str, int] = {}

    def renumbered(id: re.Match[str]) -> str:
        return f"{id[1]}{numbers.setdefault(id[2], len(numbers))}"

    # Vega numbers its clip paths through the whole process.
    return re.sub(r'((?:id="|url\(#)clip)(\d+)', renumbered, drawn)
