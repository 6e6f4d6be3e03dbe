"""Training curves → figures of accuracy and of loss by epoch, plain networks beside residual ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from atalho.page.chart.axes import Axis
from atalho.page.chart.families import COMPARED, Style
from atalho.page.chart.lines import Line, LineChart
from atalho.page.curves import Curve, thinned
from atalho.page.figures.figure import Figure, Words
from atalho.page.words.phrases import key_to_lines, listed, upper_first

PART = "How they were trained"


def figures(curves: Sequence[Curve], styles: Mapping[str, Style]) -> list[Figure]:
    """Returns the figures of accuracy and of loss, each where the curves have it."""
    drawn = (_accuracy(curves, styles), _loss(curves, styles))
    return [figure for figure in drawn if figure]


def _accuracy(curves: Sequence[Curve], styles: Mapping[str, Style]) -> Figure | None:
    lines = [replace(line, points=_per_cent(line)) for line in _lines(curves, styles, "top1")]
    if not lines:
        return None
    title = "Accuracy (%)"
    y = _later_half(title, lines)
    below = min(value for line in lines for _, value in line.points) < y.low
    words = Words(
        title=f"Training of {_families(lines)} networks",
        x_axis="Epoch",
        y_axis=title,
        caption="Accuracy by epoch; the deeper a network, the stronger its shade.",
        notes=(
            _key(lines),
            f"The axis begins at {y.low:.0f}\u00a0%; earlier points lie below it." if below else "",
        ),
        alternative=f"Line charts of accuracy by epoch, one panel each for {_families(lines)}.",
    )
    return _figure("training-curves", words, lines, y)


def _loss(curves: Sequence[Curve], styles: Mapping[str, Style]) -> Figure | None:
    lines = _lines(curves, styles, "loss")
    if not lines:
        return None
    words = Words(
        title=f"Loss of {_families(lines)} networks",
        x_axis="Epoch",
        y_axis="Loss (nats)",
        caption="Loss by epoch; the deeper a network, the stronger its shade.",
        notes=(_key(lines),),
        alternative=f"Line charts of loss by epoch, one panel each for {_families(lines)}.",
    )
    y = Axis.over(words.y_axis, [value for line in lines for _, value in line.points])
    return _figure("training-loss", words, lines, y)


def _figure(name: str, words: Words, lines: Sequence[Line], y: Axis) -> Figure:
    x = Axis(words.x_axis, 0, max(line.points[-1][0] for line in lines), log=False)
    titled = tuple(replace(line, panel=upper_first(line.panel)) for line in lines)
    return Figure(name, words, LineChart(titled, x, y), PART)


def _lines(curves: Sequence[Curve], styles: Mapping[str, Style], measure: str) -> list[Line]:
    """The curves of a measure in the order of the styles, each in its family's panel; other families share one."""
    parts = {f"val_{measure}": ("validation", False), f"train_{measure}": ("training", True)}
    order = list(styles)
    others = {styles[c.network].family for c in curves} - {*COMPARED}
    third = others.pop() if len(others) == 1 else "other"
    lines = []
    for curve in sorted(curves, key=lambda curve: order.index(curve.network)):
        style = styles[curve.network]
        for quantity, (part, dashed) in parts.items():
            if quantity in curve.points:
                line = Line(
                    network=curve.network,
                    colour=style.light,
                    points=thinned(curve.points[quantity]),
                    part=part,
                    panel=style.family if style.family in COMPARED else third,
                    dashed=dashed,
                )
                lines.append(line)
    return lines


def _families(lines: Sequence[Line]) -> str:
    return listed(dict.fromkeys(line.panel for line in lines))


def _key(lines: Sequence[Line]) -> str:
    parts = {line.part: line.dashed for line in lines}
    return f"{upper_first(key_to_lines(parts))}."


def _per_cent(line: Line) -> tuple[tuple[float, float], ...]:
    return tuple((epoch, 100 * value) for epoch, value in line.points)


def _later_half(title: str, lines: Sequence[Line]) -> Axis:
    """An axis of per cent that holds the later half of every line: the steep rise before it would flatten the rest."""
    lows = [min(v for _, v in line.points[len(line.points) // 2 :]) for line in lines]
    low = 5 * ((min(lows) - 2) // 5)
    return Axis(title, low if low > 50 else 0, 100, log=False)
