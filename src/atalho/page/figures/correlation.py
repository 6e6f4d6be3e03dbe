"""The correlation of the input's gradient by distance, which shows how far the gradients shatter (Balduzzi et al. 2017)."""

from collections.abc import Mapping

from atalho.page.chart.axes import Axis, apart
from atalho.page.chart.families import Style
from atalho.page.chart.lines import Line
from atalho.page.diagnosis import Diagnosis
from atalho.page.figures.diagnosed import Axes, line_figure, moments, panel, points
from atalho.page.figures.figure import Figure, Words

_WORDS = Words(
    title="What is left of the gradient close by",
    x_axis="Distance (root mean square)",
    y_axis="Correlation",
    caption=(
        "Correlation of a logit’s gradient at an image with that at a point at some distance in a random direction "
        "(Balduzzi et al. 2017): 1 where the gradient hardly changes, 0 where it changes as noise does. The distance is "
        "the root mean square over the values of the input after preprocessing."
    ),
)


def figure(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of the correlation by distance; None where no distance is above zero."""
    lines = []
    for network, moment, position in moments(diagnosis, styles, "gradient_correlation"):
        by_distance = diagnosis.values("gradient_correlation", network, moment, "distance")
        line = Line(
            network=network,
            colour=styles[network].light,
            points=points(sorted(by_distance.items())),
            part="correlation",
            panel=panel(styles[network]),
            moment=position,
        )
        lines.append(line)
    distances = sorted({x for line in lines for x, _ in line.points if x > 0})
    if not distances:
        return None
    axes = Axes(
        Axis.over(_WORDS.x_axis, distances, ticks=apart(distances)),
        Axis.over(_WORDS.y_axis, [0, *(y for line in lines for _, y in line.points)]),
    )
    return line_figure("gradient-correlation", _WORDS, diagnosis, lines, axes)
