"""Networks' drawings with every row in the colour of the gradient that reaches it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log10

from atalho.page.chart.families import Style
from atalho.page.chart.style import mixed
from atalho.page.diagnosis import Diagnosis
from atalho.page.drawings import address
from atalho.page.figures.diagnosed import diagnosed
from atalho.page.words.depth import gradient
from atalho.page.words.numbers import ratio

RAMP = ("#fff6d8", "#fbd38a", "#f3a25e", "#e87b6f")
"""The colours from a small gradient to a large one, on a logarithmic scale; dark type can be read on all of them."""

UNKNOWN = "#e3e6ea"
"""The colour of rows at which no gradient was measured, or which none reaches."""

_ROW = re.compile(r"[A-Za-z0-9_.-]+")
_MARK = '<style class="gradient">'
_HIDDEN = (
    ".atalho-drawing .strip,.atalho-drawing .swatch,.atalho-drawing .swatch+.key{display:none}"
)


@dataclass(frozen=True)
class Drawing:
    """A network's drawing.

    Attributes:
        source: the address of the image, coloured for the first moment.
        styles: the rules of CSS that colour it, one text for each moment.
        words: its gradient at the first and last row.
    """

    network: str
    source: str
    styles: list[str]
    words: str


@dataclass(frozen=True)
class Drawings:
    """All drawings, and the norms of the gradient at the two ends of their common scale, in words."""

    drawings: list[Drawing]
    low: str
    high: str


def drawings(
    diagnosis: Diagnosis, styles: Mapping[str, Style], by_row: Mapping[str, str]
) -> Drawings:
    """Returns a drawing for each network whose gradient was measured.

    Args:
        by_row: network → SVG in which every row is drawn.
    """
    norms = {
        network: [diagnosis.gradient_norms(network, moment) for moment in diagnosis.moments]
        for network in diagnosed(diagnosis, styles)
        if network in by_row
    }
    sizes = [n for moments in norms.values() for each in moments for n in each.values() if n > 0]
    low, high = min(sizes, default=1.0), max(sizes, default=1.0)
    drawn = []
    for network, moments in norms.items():
        if any(moments):
            rules = [style(each, low, high) for each in moments]
            source = image(by_row[network], rules[0])
            drawn.append(Drawing(network, source, rules, gradient(diagnosis, network)))
    return Drawings(drawn, ratio(low), ratio(high))


def style(norms: Mapping[str, float], low: float, high: float) -> str:
    """Returns the rules of CSS that colour a drawing's rows, in ASCII.

    Args:
        norms: the gradient's norm by row.
        low, high: the norms at the two ends of the scale, both above zero.
    """
    return "".join([_HIDDEN, _rule("[data-row]", UNKNOWN), *_rules(norms, low, high)])


def image(svg: str, css: str) -> str:
    """Returns the address of the drawing with the rules; `charts.js` exchanges them for those of another moment."""
    return address(svg.replace("</style>", f"</style>{_MARK}{css}</style>", 1))


def colour(share: float) -> str:
    """Returns the colour at a share of the scale, 0 to 1, as `#rrggbb`."""
    position = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    index = min(int(position), len(RAMP) - 2)
    return mixed(RAMP[index], RAMP[index + 1], position - index)


def _rules(norms: Mapping[str, float], low: float, high: float) -> Iterator[str]:
    span = log10(high / low) or 1.0
    for row, norm in norms.items():
        # A name that no table has might not be a valid selector.
        if norm > 0 and _ROW.fullmatch(row):
            yield _rule(f'[data-row~="{row}"]', colour(log10(norm / low) / span))


def _rule(selector: str, fill: str) -> str:
    return f".atalho-drawing {selector} .face{{fill:{fill}}}"
