"""Accuracy against the number of photos that a classifier on frozen features is fitted on."""

from collections.abc import Mapping, Sequence

from atalho.page.chart.axes import NARROW, WIDE, Axis
from atalho.page.chart.families import Style
from atalho.page.chart.lines import Line, LineChart
from atalho.page.figures.figure import Figure, Words
from atalho.page.words.numbers import NAMES
from atalho.page.words.photos import learning, promise
from atalho.record import Record

PART = "How many photos"


def learning_curve(records: Sequence[Record], styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of all networks that were fitted on several numbers of photos; None without one."""
    curves = {name: points for name, points in learning(records).items() if len(points) > 1}
    lines = tuple(
        Line(
            network=network,
            colour=style.light,
            points=tuple((count, 100 * accuracy) for count, accuracy in curves[network]),
            part="out of fold",
        )
        for network, style in styles.items()
        if network in curves
    )
    if not lines:
        return None
    counts = sorted({count for line in lines for count, _ in line.points})
    words = Words(
        title="Accuracy against the number of photos",
        x_axis="Photos that are fitted on",
        y_axis=f"{NAMES['top1']} (%)",
        caption="Out-of-fold top-1 accuracy of linear classifiers on frozen features, fitted on fewer and fewer photos.",
        notes=tuple(promise(network, curves[network]) for network in styles if network in curves),
        alternative=f"Line chart of {len(lines)} networks.",
    )
    heights = [height for line in lines for _, height in line.points]
    x = Axis.over(words.x_axis, counts, ticks=counts, log=True)
    y = Axis.over(words.y_axis, heights)
    return Figure("photos", words, LineChart(lines, x, y, marked=(WIDE, NARROW)), PART)
