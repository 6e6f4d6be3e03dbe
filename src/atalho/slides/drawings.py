"""Networks as drawings inside a page, and their rows as a table that leads into the drawing."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from atalho.explain.draw import draw
from atalho.grammar.cost import lines
from atalho.grammar.network import Network
from atalho.grammar.receptive import fields
from atalho.slides.words import Words

_CAPTION = re.compile(r">([\d.]+) (\w?) ?parameters, ([\d.]+) (\w?) ?MACs<")


class Drawing(NamedTuple):
    """A drawing for a page.

    Attributes:
        svg: without hover texts: the table beside it says the same in the page's language.
        style: the style sheet inside it, which the page's policy must let in.
        width: in pixels.
    """

    svg: Markup
    style: str
    width: float


def drawing(networks: Sequence[Network], words: Words, *, row: str | None = None) -> Drawing:
    """Returns networks side by side, or one row of each, with the legend in the language of the words."""
    svg = re.sub(r"<title>.*?</title>", "", draw(networks, row=row), flags=re.DOTALL)
    for english, own in words.tree("drawing.legend").items():
        svg = svg.replace(f">{english}</text>", f">{own}</text>")
    svg = _CAPTION.sub(lambda match: f">{_caption(match, words)}<", svg)
    style = re.search(r"<style>(.*?)</style>", svg, flags=re.DOTALL)
    width = re.search(r'width="([\d.]+)"', svg)
    assert style
    assert width
    return Drawing(Markup(svg), style[1], float(width[1]))


def _caption(cost: re.Match[str], words: Words) -> str:
    params, params_unit, macs, macs_unit = cost.groups()
    return words(
        "drawing.caption",
        params=words.localised(params),
        params_unit=params_unit,
        macs=words.localised(macs),
        macs_unit=macs_unit,
    )


def rows(network: Network) -> list[dict[str, Any]]:
    """Returns the rows of a network: name, output, parameters, multiply-accumulates and receptive field, as JSON can hold them.

    `field` and `stride` are in pixels of the input, [height, width]; None where an output sees all of it.
    """
    return [
        {
            "name": line.row.name,
            "output": list(line.output),
            "params": line.cost.params,
            "macs": line.cost.macs,
            "field": list(field.size) if field else None,
            "stride": list(field.stride) if field else None,
            "auxiliary": line.auxiliary,
        }
        for line, field in zip(lines(network), fields(network), strict=True)
    ]
