"""Charts from one format into the next: specification → SVG → PNG; and a child process that does so while its parent draws others.

vl-convert lets no other thread of its process run beside it. The parent sends either `["script", …]` with the arguments of
`bundle.javascript`, and receives an empty list once that is kept; or `["svgs", …]` with the version of Vega-Lite, then each
specification, and null after the last, and receives a list of their SVGs. Then it sends the text of SVGs that it has drawn itself,
and null after the last, and receives a list with the bytes of each PNG, in base64.
"""

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Literal

import vl_convert

from atalho.page.chart import bundle

if TYPE_CHECKING:
    from atalho.runtime.child import Parent

Locale = Literal["en-US", "pt-BR"]

ID = re.compile(r'(id="|url\(#)((?:clip|gradient_)\d+)')
"""A place in an SVG where a name is given to a part of it, or used: two SVGs have the same names."""

_SCALE = 2  # pixels of a PNG for each of the SVG


def main(parent: "Parent") -> None:
    """Converts what the parent sends."""
    match parent.receive():
        case ["script", snippet, vega_lite]:
            bundle.javascript(snippet, vega_lite)
            parent.send([])
        case ["svgs", vega_lite]:
            parent.send([svg(spec, vega_lite) for spec in iter(parent.receive, None)])
    parent.send([b64encode(png(drawn)).decode() for drawn in iter(parent.receive, None)])


def svg(spec: dict[str, Any], vega_lite: str, language: Locale = "en-US") -> str:
    """Returns the text of an SVG file; the same specification gives the same text.

    Args:
        vega_lite: the version of Vega-Lite, such as 6.1.
        language: by whose habit numbers are written.
    """
    drawn = str(
        vl_convert.vegalite_to_svg(
            spec, vl_version=vega_lite, allowed_base_urls=[], format_locale=language
        )
    )
    for kind in ("clip", "gradient_"):  # Vega numbers these through the whole process
        numbers: dict[str, int] = {}

        def renumbered(id: re.Match[str], numbers: dict[str, int] = numbers) -> str:
            return f"{id[1]}{numbers.setdefault(id[2], len(numbers))}"

        drawn = re.sub(rf'((?:id="|url\(#){kind})(\d+)', renumbered, drawn)
    return drawn


def png(svg: str) -> bytes:
    """Returns the bytes of a PNG file, two pixels for each of the SVG."""
    return bytes(vl_convert.svg_to_png(svg, scale=_SCALE))
