"""Training curves → figures of accuracy and loss by epoch, plain networks beside residual ones."""

from collections.abc import Mapping, Sequence

from atalho.page.chart import charts
from atalho.page.chart.axes import Axis
from atalho.page.chart.charts import Line
from atalho.page.chart.families import Style
from atalho.page.curves import Curve, thinned
from atalho.page.figures.figure import Figure
from atalho.page.words import text

PART = "How they were trained"


def figures(curves: Sequence[Curve], styles: Mapping[str, Style]) -> list[Figure]:
    """Accuracy and loss, each where the curves have it."""
    found = (_over_epochs(curves, styles, measure) for measure in ("top1", "loss"))
    return [figure for figure in found if figure]


def _over_epochs(
    curves: Sequence[Curve], styles: Mapping[str, Style], measure: str
) -> Figure | None:
    """Training and validation curves: plain beside residual, and the other families in a third panel."""
    accuracy = measure == "top1"
    groups = _lines(curves, styles, measure, 100 if accuracy else 1)
    lines = [line for lines in groups.values() for line in lines]
    if not lines:
        return None
    values = [value for line in lines for _, value in line.points]
    x = Axis("Epoch", 0, max(line.points[-1][0] for line in lines), log=False)
    y = _later_half(lines) if accuracy else Axis.over("Loss (nats)", values)
    what = "accuracy" if accuracy else "loss"
    drawn = [
        f"{how}: {part}"
        for how, part in (("whole lines", "validation"), ("dashed lines", "training"))
        if any(line.part == part for line in lines)
    ]
    caption = [
        f"{what.capitalize()} by epoch; the deeper a network, the stronger its shade.",
        f"{'; '.join(drawn).capitalize()}.",
    ]
    if min(values) < y.low:
        caption.append(f"The axis begins at {y.low:.0f}\u00a0%; earlier points lie below it.")
    families = text.listed(groups)
    return Figure(
        "training-curves" if accuracy else "training-loss",
        f"{'Training' if accuracy else 'Loss'} of {families} networks",
        " ".join(caption),
        f"Line charts of {what} by epoch, one panel each for {families}.",
        lambda layout: charts.panels(
            {family[0].upper() + family[1:]: lines for family, lines in groups.items()},
            x,
            y,
            layout,
        ),
        PART,
    )


def _lines(
    curves: Sequence[Curve], styles: Mapping[str, Style], measure: str, factor: float
) -> dict[str, list[Line]]:
    """The curves of a measure by panel, in the order of the styles."""
    parts = {f"val_{measure}": ("validation", False), f"train_{measure}": ("training", True)}
    order = list(styles)
    others = {styles[c.network].family for c in curves} - {"plain", "residual"}
    third = others.pop() if len(others) == 1 else "other"
    groups: dict[str, list[Line]] = {}
    for curve in sorted(curves, key=lambda curve: order.index(curve.network)):
        style = styles[curve.network]
        panel = style.family if style.family in ("plain", "residual") else third
        for quantity, (part, dashed) in parts.items():
            if quantity in curve.points:
                points = thinned(curve.points[quantity])
                scaled = tuple((epoch, factor * value) for epoch, value in points)
                line = Line(curve.network, style.light, scaled, part, dashed)
                groups.setdefault(panel, []).append(line)
    return groups


def _later_half(lines: Sequence[Line]) -> Axis:
    """An axis of per cent that holds the later half of every line: what comes first would press the rest together."""
    lows = [min(v for _, v in line.points[len(line.points) // 2 :]) for line in lines]
    low = 5 * ((min(lows) - 2) // 5)
    return Axis("Accuracy (%)", low if low > 50 else 0, 100, log=False)
