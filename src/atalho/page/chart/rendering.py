"""A chart → its specification and SVG."""

from functools import cached_property
from typing import Any, Protocol

import altair as alt
from altair.utils.schemapi import debug_mode

from atalho.errors import visible
from atalho.page.chart import converting
from atalho.page.chart.axes import Layout
from atalho.page.chart.converting import Locale
from atalho.page.chart.style import Spec

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


class Chart(Protocol):
    """A kind of chart with its data."""

    def draw(self, layout: Layout) -> Spec:
        """Returns the chart's specification at the size of the layout."""


class Rendering:
    """A chart at the size of a layout.

    Attributes:
        spec: its specification, whose texts are `visible`.
    """

    def __init__(self, chart: Chart, layout: Layout) -> None:
        # Every kind of chart is held against Vega-Lite's schema by a test, not each time.
        with debug_mode(False):
            self.spec: Spec = _visible(chart.draw(layout))

    @cached_property
    def svg(self) -> str:
        """The text of its SVG file: drawn when it is first needed, unless it was set to what another process has drawn."""
        return svg(self.spec)


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
    """Returns the text of an SVG file, as `converting.svg`."""
    return converting.svg(spec, VEGA_LITE, language)
