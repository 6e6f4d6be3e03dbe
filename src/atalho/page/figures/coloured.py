"""A network's drawing and the gradient at its rows → the drawing with every row in the colour of its gradient."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from math import log10

RAMP = ("#fff6d8", "#fbd38a", "#f3a25e", "#e87b6f")
"""Small to large, on a logarithmic scale; all bear dark type."""

UNKNOWN = "#e3e6ea"
"""Of rows that no gradient was measured at, or that none reaches."""

_ROW = re.compile(r"[A-Za-z0-9_.-]+")
_MARK = '<style class="gradient">'
_HIDDEN = (
    ".atalho-drawing .strip,.atalho-drawing .swatch,.atalho-drawing .swatch+.key{display:none}"
)


def style(norms: Mapping[str, float], low: float, high: float) -> str:
    """The rule for each row, by its gradient between `low` and `high`, both above zero; ASCII alone."""
    return "".join([_HIDDEN, _rule("[data-row]", UNKNOWN), *_rules(norms, low, high)])


def image(svg: str, css: str) -> str:
    """The drawing with the rules, as the address of an image; `charts.js` exchanges them."""
    coloured = svg.replace("</style>", f"</style>{_MARK}{css}</style>", 1)
    return f"data:image/svg+xml;base64,{base64.b64encode(coloured.encode()).decode()}"


def colour(share: float) -> str:
    """The colour at a share of the ramp, 0 to 1."""
    place = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    index = min(int(place), len(RAMP) - 2)
    ends: Sequence[bytes] = [bytes.fromhex(end[1:]) for end in RAMP[index : index + 2]]
    mixed = (round(a + (place - index) * (b - a)) for a, b in zip(*ends, strict=True))
    return "#" + bytes(mixed).hex()


def _rules(norms: Mapping[str, float], low: float, high: float) -> Iterator[str]:
    span = log10(high / low) or 1.0
    for row, norm in norms.items():
        # A name that a table would not have is no selector.
        if norm > 0 and _ROW.fullmatch(row):
            yield _rule(f'[data-row~="{row}"]', colour(log10(norm / low) / span))


def _rule(selector: str, fill: str) -> str:
    return f".atalho-drawing {selector} .face{{fill:{fill}}}"
