"""The error at the end of training against depth (He et al. 2015, Fig. 6)."""

from collections.abc import Mapping, Sequence

from atalho.page.chart.axes import NARROW, WIDE, Axis
from atalho.page.chart.families import COMPARED, Style, of_family
from atalho.page.chart.lines import Line, LineChart
from atalho.page.curves import Curve, alike, final
from atalho.page.figures.figure import Figure, Words
from atalho.page.words.phrases import key_to_lines, listed, upper_first
from atalho.ranking import Comparison


def figure(
    comparison: Comparison, curves: Sequence[Curve], styles: Mapping[str, Style]
) -> Figure | None:
    """Returns the figure of plain and residual networks; None where neither family has two depths."""
    trained = alike(curves)
    training = final(trained, "train_top1")
    held_out = {
        row.network: row.readings["top1"].value
        for row in comparison.rows
        if "top1" in row.readings and row.network in {curve.network for curve in trained}
    }
    split = comparison.conditions.get("top1", {}).get("split")
    part = "validation" if split == "val" else "test"
    lines = (*_lines(part, held_out, styles), *_lines("training", training, styles))
    if not lines:
        return None
    key = upper_first(key_to_lines({line.part: line.dashed for line in lines}))
    families = listed(dict.fromkeys(line.network for line in lines))
    words = Words(
        title="Error against depth",
        x_axis="Layers with weights",
        y_axis="Error (%)",
        caption="Error at the end of training against depth (He et al. 2015, Fig. 6).",
        notes=(f"{key}.",),
        alternative=f"Line chart of {families} networks.",
    )
    depths = sorted({depth for line in lines for depth, _ in line.points})
    x = Axis.over(words.x_axis, depths, ticks=depths)
    y = Axis.over(words.y_axis, [0, *(error for line in lines for _, error in line.points)])
    return Figure("degradation", words, LineChart(lines, x, y, marked=(WIDE, NARROW)))


def _lines(part: str, accuracies: Mapping[str, float], styles: Mapping[str, Style]) -> list[Line]:
    """A line for each family with two depths, in the colour of its deepest network; those of the training are dashed."""
    lines = []
    for family in COMPARED:
        names = of_family(styles, family, list(accuracies))
        errors = {float(styles[name].depth): 100 * (1 - accuracies[name]) for name in names}
        if len(errors) > 1:
            line = Line(
                network=family,
                colour=styles[names[-1]].light,
                points=tuple(errors.items()),
                part=part,
                dashed=part == "training",
                places=tuple(names),
            )
            lines.append(line)
    return lines
