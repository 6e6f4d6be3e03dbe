"""How often a network is right beside how probable it calls its predictions (DeGroot and Fienberg 1983; Guo et al. 2017)."""

from itertools import pairwise
from statistics import fmean

from atalho.page.chart.axes import NARROW, WIDE, Axis
from atalho.page.chart.families import Style
from atalho.page.chart.lines import Line, LineChart
from atalho.page.chart.style import FAINT
from atalho.page.figures.figure import Figure, Words
from atalho.page.outcomes import Outcomes
from atalho.page.words.phrases import counted
from atalho.page.words.sureness import PART, of_images

MOST_GROUPS = 10
FEWEST_IMAGES = 20
"""In a group: the share of fewer images would be mostly chance."""

AGREEMENT = "probability = share right"


def figure(outcomes: Outcomes, style: Style) -> Figure | None:
    """The figure of reliability; None for fewer images than make two groups."""
    groups = _groups(outcomes)
    if len(groups) < 2:
        return None
    points = tuple((100 * fmean(sure), 100 * fmean(right)) for sure, right in groups)
    low = min(min(point) for point in points)
    words = Words(
        title="How sure, and how often right",
        x_axis="Probability of the predicted class (%)",
        y_axis="Right (%)",
        caption=(
            f"{of_images(outcomes)}, in {counted(len(groups), 'group')} of equal size from the least to the most sure: below the "
            "dashed line the network is surer than it is right."
        ),
        notes=(_mean(outcomes),),
        alternative=f"Line of {len(groups)} points from the least to the most sure.",
    )
    lines = (
        Line(
            network=outcomes.network,
            colour=style.light,
            points=points,
            part="share right",
            places=tuple(counted(len(sure), "image") for sure, _ in groups),
        ),
        Line(
            AGREEMENT, FAINT, ((low, low), (100.0, 100.0)), AGREEMENT, dashed=True, places=("", "")
        ),
    )
    x, y = (Axis.to_all(title, low) for title in (words.x_axis, words.y_axis))
    chart = LineChart(lines, x, y, marked=(WIDE, NARROW))
    return Figure("reliability", words, chart, PART)


def _groups(outcomes: Outcomes) -> list[tuple[list[float], list[bool]]]:
    """Probabilities and whether they are right, in groups of equal size from the least to the most sure."""
    ordered = sorted(zip(outcomes.confidence, outcomes.right, strict=True))
    count = min(MOST_GROUPS, len(ordered) // FEWEST_IMAGES)
    ends = [round(len(ordered) * index / count) for index in range(count + 1)] if count else []
    return [
        ([sure for sure, _ in part], [right for _, right in part])
        for start, end in pairwise(ends)
        if (part := ordered[start:end])
    ]


def _mean(outcomes: Outcomes) -> str:
    sure, right = fmean(outcomes.confidence), fmean(outcomes.right)
    return f"On average {100 * sure:.1f}\u00a0% sure and {100 * right:.1f}\u00a0% right."
