"""Networks side by side as one SVG, drawn from their tables alone, and written to a file."""

from collections.abc import Sequence
from itertools import groupby
from math import sqrt
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from atalho.errors import AtalhoError, Exit
from atalho.explain.draw.figure import excerpt, figure, whole
from atalho.explain.draw.marks import (
    Group,
    Note,
    Panel,
    Picture,
    Placed,
    Wire,
    number,
    text_width,
)
from atalho.explain.draw.picture import look
from atalho.explain.draw.style import KINDS, LINES, STYLE
from atalho.files import write_atomically
from atalho.grammar.layers import walk
from atalho.grammar.network import Network

MARGIN = 16.0
FIGURE_GAP = 36.0
LEGEND_GAP = 18.0
LEGEND_LINE = 16.0
SWATCH = 16.0
PIXELS = 100_000_000  # of the largest PNG


def draw(networks: Sequence[Network], *, row: str | None = None, expand: bool = False) -> str:
    """Returns one SVG of the networks side by side, each under its name and its cost.

    Networks for the same input are aligned by the size of their maps, as in He 2015, Fig. 3. Consecutive rows of equal
    layers and input shapes are drawn once, with their number. Every row is a group whose `data-row` holds the names of
    the rows that it stands for, separated by spaces, so that `[data-row~="conv2_2"]` selects one.

    Args:
        networks: at least one.
        row: the name of a row that is drawn alone for each network.
        expand: whether repeated rows are drawn each.

    Raises:
        AtalhoError: ROW-UNKNOWN (exit 2), with the nearest names.
    """
    if row is None:
        columns = [whole(network, expand=expand) for network in networks]
        groups = [list(group) for _, group in groupby(columns, lambda column: column.input)]
    else:
        groups = [[excerpt(network, row) for network in networks]]
    leaves = [
        leaf
        for network in networks
        for shown in network.rows
        if row in (None, shown.name)
        for _, leaf in walk(shown.layer)
    ]
    placed: list[Placed] = []
    x, foot = MARGIN, 0.0
    for drawn in map(figure, groups):
        placed.append((x, MARGIN, drawn))
        x += drawn.right + FIGURE_GAP
        foot = max(foot, MARGIN + drawn.height)
    right = x - FIGURE_GAP
    legend = _legend({look(leaf).kind for leaf in leaves}, right - MARGIN)
    placed.append((MARGIN, foot + LEGEND_GAP, legend))
    width, height = right + MARGIN, foot + LEGEND_GAP + legend.height + MARGIN
    page = Picture(0, width, height, ((0, 0, Panel("paper", width, height)), *placed))
    size = f'width="{number(width)}" height="{number(height)}"'
    names = quoteattr(", ".join(network.name for network in networks))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="atalho-drawing" role="img" '
            f'aria-label={names} {size} viewBox="0 0 {number(width)} {number(height)}">',
            f"<style>\n{STYLE}\n</style>",
            *page.svg(0, 0),
            "</svg>\n",
        ]
    )


def _legend(kinds: set[str], room: float) -> Picture:
    """What the colours mean, for the kinds of layers in the drawing, in lines no wider than `room` pixels."""
    parts: list[Placed] = []
    x = y = 0.0
    for name, kind in KINDS.items():
        if name not in kinds:
            continue
        needed = SWATCH + 6 + text_width(kind.words, 10) + 12
        if x and x + needed > room:
            x, y = 0.0, y + LEGEND_LINE
        if name in LINES:
            line = (0.0, 5.0, Wire(((0, 0), (SWATCH, 0))))
            parts.append((x, y, Group((line,), kind.words, f"shortcut {name}")))
        else:
            parts.append((x, y, Panel(f"swatch {name}", SWATCH, 10, corner=2)))
        parts.append((x + SWATCH + 6, y + 9, Note("key", kind.words)))
        x += needed
    return Picture(0, room, y + LEGEND_LINE, tuple(parts))


def write(svg: str, path: Path) -> None:
    """Writes a drawing as `.svg`, or as `.png` at twice its size, or smaller to keep to `PIXELS`.

    The file appears whole or not at all.

    Raises:
        AtalhoError: DRAW-FORMAT for another ending, DRAW-WRITE where the file cannot be written (both exit 2).
    """
    match path.suffix.lower():
        case ".svg":
            data = svg.encode()
        case ".png":
            data = _png(svg)
        case _:
            raise AtalhoError(
                "DRAW-FORMAT",
                path,
                "a drawing is written as .svg or .png",
                next_step="-o FILE.svg",
                exit=Exit.USAGE,
            )
    try:
        write_atomically(path, data)
    except OSError as error:
        raise AtalhoError(
            "DRAW-WRITE",
            path,
            f"cannot be written ({error.strerror})",
            next_step="-o FILE.svg in a folder that exists and that you may write to",
            exit=Exit.USAGE,
        ) from error


def _png(svg: str) -> bytes:
    from vl_convert import svg_to_png  # tens of megabytes, which SVG does not need

    root = ElementTree.fromstring(svg)
    area = float(root.attrib["width"]) * float(root.attrib["height"])
    # The converter ends the whole process where it cannot allocate memory for the picture.
    return svg_to_png(svg, scale=min(2, sqrt(PIXELS / area)))
