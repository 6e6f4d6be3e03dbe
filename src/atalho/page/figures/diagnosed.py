"""What the figures of a diagnosis share: lines over training, in a panel for each family of networks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from atalho.page.chart.axes import WIDE, Axis, whole_numbers
from atalho.page.chart.families import COMPARED, Style
from atalho.page.chart.lines import Line, LineChart
from atalho.page.diagnosis import Diagnosis, when
from atalho.page.figures.figure import Figure, Words
from atalho.page.words.phrases import listed, upper_first


@dataclass(frozen=True)
class Axes:
    """The axes of a figure; one that is None is laid over the lines, the horizontal one in whole numbers."""

    x: Axis | None = None
    y: Axis | None = None


def per_cent(title: str) -> Axes:
    """Returns axes whose vertical one goes from 0 to 100 %."""
    return Axes(y=Axis(title, 0, 100, log=False))


def line_figure(
    name: str, words: Words, diagnosis: Diagnosis, lines: Sequence[Line], axes: Axes = Axes()
) -> Figure | None:
    """Returns the figure of lines that have a point; None where no line has one.

    Args:
        words: their alternative text is written here, and notes are added: on moments without a measurement, and on the
            number of seeds.
    """
    drawn = tuple(line for line in lines if line.points)
    if not drawn:
        return None
    x = axes.x or whole_numbers(words.x_axis, [x for line in drawn for x, _ in line.points])
    y = axes.y or Axis.over(words.y_axis, [y for line in drawn for _, y in line.points])
    chart = LineChart(drawn, x, y, marked=(WIDE,))
    networks = listed(dict.fromkeys(line.network for line in drawn))
    panels = listed(panel.lower() for panel in chart.panels)
    moments = {line.moment for line in drawn} - {None}
    written = replace(
        words,
        notes=(*words.notes, *_notes(diagnosis, moments)),
        alternative=f"Line charts of {networks}, panels: {panels}.",
    )
    return Figure(name, written, chart, follows=bool(moments))


def moments(
    diagnosis: Diagnosis, styles: Mapping[str, Style], quantity: str
) -> Iterator[tuple[str, str, int]]:
    """Yields network, moment and the moment's position on the slider, wherever the quantity was measured."""
    for network in diagnosed(diagnosis, styles):
        for position, moment in enumerate(diagnosis.moments):
            if diagnosis.of_quantity(quantity, network, moment):
                yield network, moment, position


def latest(
    diagnosis: Diagnosis, styles: Mapping[str, Style], quantity: str
) -> Iterator[tuple[str, str]]:
    """Yields each network that has the quantity, with the last moment at which it was measured."""
    for network in diagnosed(diagnosis, styles):
        if (moment := diagnosis.latest(quantity, network)) is not None:
            yield network, moment


def diagnosed(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> list[str]:
    """Returns the networks of the diagnosis in the order of the styles."""
    return [network for network in styles if network in diagnosis.networks]


def lines_by_row(
    diagnosis: Diagnosis,
    styles: Mapping[str, Style],
    quantity: str,
    part: str,
    values: Callable[[str, str], Mapping[str, float]],
) -> list[Line]:
    """Returns a line for each network and moment that has the quantity.

    Args:
        part: what the lines show, for tooltips.
        values: network and moment → value by row, from the input on.
    """
    lines = []
    for network, moment, position in moments(diagnosis, styles, quantity):
        by_row = values(network, moment)
        line = Line(
            network=network,
            colour=styles[network].light,
            points=points(enumerate(by_row.values(), start=1)),
            part=part,
            panel=panel(styles[network]),
            places=tuple(by_row),
            moment=position,
        )
        lines.append(line)
    return lines


def points(pairs: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Returns (x, y) as a line's points, y rounded to four significant digits."""
    return tuple((float(x), float(f"{y:.4g}")) for x, y in pairs)


def panel(style: Style) -> str:
    """Returns the title of a family's panel: `Plain`, `Residual` or, for all others, `Other`."""
    return upper_first(style.family if style.family in COMPARED else "other")


def measured(ends: Mapping[str, str]) -> str:
    """Returns when something was measured, network by network where that differs.

    Args:
        ends: network → moment in words.
    """
    different = dict.fromkeys(ends.values())
    if len(different) < 2:
        return "".join(different)
    return "; ".join(
        f"{listed(network for network, at in ends.items() if at == moment)} {moment}"
        for moment in different
    )


def _notes(diagnosis: Diagnosis, shown: set[int | None]) -> Iterator[str]:
    missing = [
        when(moment)
        for position, moment in enumerate(diagnosis.moments)
        if shown and position not in shown
    ]
    if missing:
        yield f"Not measured {listed(missing)}."
    if len(diagnosis.seeds) > 1:
        yield f"Median of {len(diagnosis.seeds)} seeds."
