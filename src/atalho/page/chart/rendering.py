"""A chart's specification → SVG and PNG, and the script with which a browser draws it anew."""

import re
from functools import cache
from typing import Any, Literal, NamedTuple

import altair as alt
import vl_convert

from atalho.errors import visible
from atalho.page.chart.style import Spec

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])

Locale = Literal["en-US", "pt-BR"]

_PNG_SCALE = 2  # pixels of a PNG for each of the SVG


class Rendering(NamedTuple):
    """A chart's specification, whose texts are `visible`, and the SVG that was drawn from it."""

    spec: Spec
    svg: str

    @classmethod
    def of(cls, spec: Spec) -> "Rendering":
        shown = _visible(spec)
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


def png(svg: str) -> bytes:
    """Returns the bytes of a PNG file, two pixels for each of the SVG."""
    return bytes(vl_convert.svg_to_png(svg, scale=_PNG_SCALE))


@cache
def javascript(snippet: str) -> str:
    """Returns one ES module that imports nothing: the snippet with the parts of Vega that it uses."""
    return str(vl_convert.javascript_bundle(snippet, vl_version=VEGA_LITE))
