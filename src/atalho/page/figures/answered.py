"""Accuracy against the share of images that a network answers, the surest first (El-Yaniv and Wiener 2010)."""

from itertools import accumulate

from atalho.page.chart.axes import Axis
from atalho.page.chart.families import Style
from atalho.page.chart.lines import Line, LineChart
from atalho.page.figures.figure import Figure, Words
from atalho.page.outcomes import Outcomes
from atalho.page.words.phrases import listed
from atalho.page.words.sureness import PART, of_images

FEWEST = 20
"""Images from which on the line is drawn: the accuracy on fewer would be mostly chance."""

_POINTS = 100  # of the line
_SHARES = (0.5, 0.8, 0.9)  # that a sentence names


def figure(outcomes: Outcomes, style: Style) -> Figure | None:
    """The figure of accuracy by the share answered; None for fewer than twice `FEWEST` images, or where all are right."""
    accuracy = _accuracies(outcomes)
    images = len(accuracy)
    if images < 2 * FEWEST or all(outcomes.right):
        return None
    counts = sorted({max(FEWEST, round(images * step / _POINTS)) for step in range(1, _POINTS + 1)})
    points = tuple((100 * count / images, 100 * accuracy[count - 1]) for count in counts)
    words = Words(
        title="Accuracy against the share answered",
        x_axis="Images answered, the surest first (%)",
        y_axis="Right (%)",
        caption=(
            f"{of_images(outcomes)}: how many of the answered ones are right, where only the images of which the network is "
            "surest are answered and the others are left to a person."
        ),
        notes=(_sentence(accuracy),),
        alternative="Line from few images answered to all of them.",
    )
    line = Line(outcomes.network, style.light, points, "share right")
    x = Axis.from_zero(words.x_axis, [100.0])
    y = Axis.to_all(words.y_axis, min(y for _, y in points))
    return Figure("accuracy-answered", words, LineChart((line,), x, y), PART)


def _accuracies(outcomes: Outcomes) -> list[float]:
    """The accuracy on the surest image, on the surest two, and so on; images that are equally sure count together."""
    ordered = sorted(
        zip(outcomes.confidence, outcomes.right, strict=True), key=lambda each: -each[0]
    )
    sums = [*accumulate(right for _, right in ordered)]
    accuracies = [right / count for count, right in enumerate(sums, start=1)]
    for index in range(len(ordered) - 2, -1, -1):
        if ordered[index][0] == ordered[index + 1][0]:
            accuracies[index] = accuracies[index + 1]
    return accuracies


def _sentence(accuracy: list[float]) -> str:
    images = len(accuracy)
    parts = [
        f"{100 * accuracy[round(share * images) - 1]:.1f}\u00a0% of the surest {100 * share:.0f}\u00a0%"
        for share in _SHARES
    ]
    return f"Right are {listed(parts)}, and {100 * accuracy[-1]:.1f}\u00a0% of all."
