"""The gradient by depth, and its shares through the shortcut, the weights and the branches of each block."""

from collections.abc import Mapping
from itertools import cycle

from atalho.page.chart.axes import Axis
from atalho.page.chart.families import Style
from atalho.page.chart.lines import Line
from atalho.page.diagnosis import Diagnosis
from atalho.page.figures.diagnosed import (
    Axes,
    line_figure,
    lines_by_row,
    moments,
    per_cent,
    points,
)
from atalho.page.figures.figure import Figure, Words

BRANCHES = ("#cf7a14", "#3d93d4", "#2b9a69", "#9a74d6", "#d65f80", "#858f24")
"""The colours of an Inception module's branches, in their order; they stand out on white and on dark."""

_NORM = Words(
    title="The gradient by depth",
    x_axis="Row, from the input on",
    y_axis="Norm of the gradient (nats)",
    caption=(
        "Norm of the loss’s gradient at each row’s output, divided by the square root of the number of its elements, "
        "mean over images; from the first row to the last whose output is still a map."
    ),
)
_SHARE = Words(
    title="The shortcut’s share of the gradient",
    x_axis="Residual block, from the input on",
    y_axis="Share through the shortcut (%)",
    caption=(
        "Of the gradient that reaches a block’s input, the norm of what came through the shortcut over the sum of that "
        "and the norm of what came through the weights. A plain network has no shortcut to draw."
    ),
)
_COSINE = Words(
    title="Shortcut and weights together",
    x_axis="Residual block, from the input on",
    y_axis="Cosine",
    caption=(
        "Cosine of the angle between what the gradient brings through the shortcut and what it brings through the "
        "weights, mean over images: above 0 the two add up, below 0 they take from each other."
    ),
)
_BRANCHES = Words(
    title="Each branch’s share of the gradient",
    x_axis="Module, from the input on",
    y_axis="Share through the branch (%)",
    caption=(
        "Of the gradient that reaches a module’s input, the norm of what came through each branch over the sum of these "
        "norms, mean over images."
    ),
)


def norms(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of the gradient's norm by row."""

    def positive(network: str, moment: str) -> dict[str, float]:
        # A row that no gradient reaches has no place on a logarithmic axis.
        by_row = diagnosis.gradient_norms(network, moment)
        return {row: norm for row, norm in by_row.items() if norm > 0}

    lines = lines_by_row(diagnosis, styles, "gradient_norm", "gradient", positive)
    return line_figure("gradient-norm", _NORM, diagnosis, lines)


def shares(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of the shortcut's share by residual block."""

    def in_per_cent(network: str, moment: str) -> dict[str, float]:
        by_block = diagnosis.values("shortcut_share", network, moment, "row")
        return {block: 100 * share for block, share in by_block.items()}

    lines = lines_by_row(diagnosis, styles, "shortcut_share", "share of the shortcut", in_per_cent)
    return line_figure("shortcut-share", _SHARE, diagnosis, lines, per_cent(_SHARE.y_axis))


def cosines(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of the angle between the two parts of a residual block's gradient."""

    def by_block(network: str, moment: str) -> dict[str, float]:
        return diagnosis.values("shortcut_cosine", network, moment, "row")

    lines = lines_by_row(diagnosis, styles, "shortcut_cosine", "cosine", by_block)
    axes = Axes(y=Axis(_COSINE.y_axis, -1, 1, log=False))
    return line_figure("shortcut-cosine", _COSINE, diagnosis, lines, axes)


def branches(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of each branch's share by module, with a panel for each network."""
    lines = []
    for network, moment, position in moments(diagnosis, styles, "branch_share"):
        records = diagnosis.of_quantity("branch_share", network, moment)
        modules = tuple(dict.fromkeys(record.conditions["row"] for record in records))
        names = dict.fromkeys(record.conditions["branch"] for record in records)
        for branch, colour in zip(names, cycle(BRANCHES), strict=False):
            share = diagnosis.values("branch_share", network, moment, "row", branch=branch)
            line = Line(
                network=branch,
                colour=colour,
                points=points(
                    (index, 100 * share[module])
                    for index, module in enumerate(modules, start=1)
                    if module in share
                ),
                part=network,
                panel=network,
                places=tuple(share),
                moment=position,
            )
            lines.append(line)
    return line_figure("branch-share", _BRANCHES, diagnosis, lines, per_cent(_BRANCHES.y_axis))
