"""One cost against another, and what a line through the networks says of it (Canziani et al. 2016, Figs. 6 to 8)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from atalho.page.chart.axes import Axis
from atalho.page.chart.families import Style
from atalho.page.chart.scatter import Guide, Panel, Point, ScatterChart
from atalho.page.figures.batches import by_batch
from atalho.page.figures.figure import Figure, Words
from atalho.page.words import fits
from atalho.page.words.numbers import NAMES, Unit, unit
from atalho.page.words.phrases import lower_first
from atalho.ranking import Comparison, condition_text
from atalho.record import Record

PART = "One cost against another"

COMPARED = 16
"""The batch size that Canziani et al. show beside one image; where it was not measured, the largest one is shown."""

_LEAST = 2

Values = Mapping[str, tuple[float, float]]
"""Network → both costs, in the units of the records."""


@dataclass(frozen=True)
class Costs:
    """Two costs and how they are compared.

    Attributes:
        x, y: their quantities.
        x_shown, y_shown: what their axes show, without the unit.
        guide: the dashed line through the points.
    """

    name: str
    title: str
    x: str
    y: str
    x_shown: str
    y_shown: str
    guide: Callable[[Sequence[tuple[float, float]]], Guide]


def figures(
    comparison: Comparison, records: Sequence[Record], styles: Mapping[str, Style]
) -> list[Figure]:
    """Returns those whose two costs were measured for two networks or more."""
    drawn = [
        _memory(comparison, styles),
        _time(comparison, records, styles),
        _power(comparison, styles),
    ]
    return [figure for figure in drawn if figure]


def _memory(comparison: Comparison, styles: Mapping[str, Style]) -> Figure | None:
    costs = Costs(
        name="memory-parameters",
        title="Memory against parameters",
        x="params",
        y="peak_memory",
        x_shown=NAMES["params"],
        y_shown=NAMES["peak_memory"],
        guide=_least_squares,
    )
    values = _both(comparison, costs)
    if len(values) < _LEAST:
        return None
    caption = (
        f"Peak memory{_at_batch(comparison, 'peak_memory')} against parameters; "
        "the dashed line is the least-squares fit."
    )
    return _figure(costs, {"": values}, styles, (caption, fits.memory(list(values.values()))))


def _time(
    comparison: Comparison, records: Sequence[Record], styles: Mapping[str, Style]
) -> Figure | None:
    """Operations against the time for an image, at the smallest batch and at `COMPARED` or the largest."""
    costs = Costs(
        name="operations-time",
        title="Operations against time",
        x="macs",
        y="latency",
        x_shown=NAMES["macs"],
        y_shown="Time per image",
        guide=_least_squares,
    )
    times = by_batch(comparison, records, "latency")
    by_size = {
        size: {
            row.network: (macs, times[row.network][size] / size)
            for row in comparison.rows
            if size in times.get(row.network, ()) and (macs := row.value("macs")) is not None
        }
        for size in sorted({size for of_network in times.values() for size in of_network})
    }
    sizes = [size for size, values in by_size.items() if len(values) >= _LEAST]
    if not sizes:
        return None
    ends = dict.fromkeys((sizes[0], COMPARED if COMPARED in sizes else sizes[-1]))
    panels = {f"Batch of {size}": by_size[size] for size in ends}
    verdicts = {title: fits.time(list(values.values())) for title, values in panels.items()}
    sentences = (
        "Multiply-accumulates for one image against the median latency of a batch divided by its size; "
        "dashed lines are least-squares fits.",
        *(f"{title}: {lower_first(verdict)}" for title, verdict in verdicts.items() if verdict),
    )
    return _figure(costs, panels, styles, sentences)


def _power(comparison: Comparison, styles: Mapping[str, Style]) -> Figure | None:
    costs = Costs(
        name="operations-power",
        title="Operations against power",
        x="macs",
        y="power",
        x_shown=NAMES["macs"],
        y_shown="Power above idle",
        guide=_mean,
    )
    values = _both(comparison, costs)
    if len(values) < _LEAST:
        return None
    caption = (
        f"Multiply-accumulates for one image against power above idle{_at_batch(comparison, 'power')}; "
        "the dashed line is the mean."
    )
    return _figure(costs, {"": values}, styles, (caption, fits.power(list(values.values()))))


def _both(comparison: Comparison, costs: Costs) -> Values:
    return {
        row.network: (x, y)
        for row in comparison.rows
        if (x := row.value(costs.x)) is not None and (y := row.value(costs.y)) is not None
    }


def _figure(
    costs: Costs,
    panels: Mapping[str, Values],
    styles: Mapping[str, Style],
    sentences: tuple[str, ...],
) -> Figure:
    """Scatter plots on the same axes, each with a guide through its points; the first sentence says what is drawn."""
    pairs = [pair for values in panels.values() for pair in values.values()]
    x_unit = unit(costs.x, [x for x, _ in pairs])
    y_unit = unit(costs.y, [y for _, y in pairs])
    plots = []
    for title, values in panels.items():
        points = tuple(
            _point(network, styles[network], pair, (x_unit, y_unit))
            for network, pair in values.items()
        )
        plots.append(Panel(points, costs.guide([(p.x, p.y) for p in points]), title))
    count = len({network for values in panels.values() for network in values})
    caption, *notes = sentences
    words = Words(
        title=costs.title,
        x_axis=x_unit.heading(costs.x_shown),
        y_axis=y_unit.heading(costs.y_shown),
        caption=caption,
        notes=tuple(notes),
        alternative=f"Scatter plot of {count} networks.",
    )
    x = Axis.from_zero(words.x_axis, [x / x_unit.factor for x, _ in pairs])
    y = Axis.from_zero(words.y_axis, [y / y_unit.factor for _, y in pairs])
    return Figure(costs.name, words, ScatterChart(tuple(plots), x, y), PART)


def _point(
    network: str, style: Style, values: tuple[float, float], units: tuple[Unit, Unit]
) -> Point:
    (x, y), (x_unit, y_unit) = values, units
    height = y / y_unit.factor
    return Point(
        network=network,
        colour=style.light,
        x=x / x_unit.factor,
        y=height,
        interval=(height, height),
        details={NAMES[x_unit.quantity]: x_unit.text(x), NAMES[y_unit.quantity]: y_unit.text(y)},
    )


def _least_squares(points: Sequence[tuple[float, float]]) -> Guide:
    """The least-squares line over the points' span; none where there are too few points for one."""
    fit = fits.line(points)
    ends = (min(x for x, _ in points), max(x for x, _ in points))
    return tuple((x, fit.at(x)) for x in ends) if fit else ()


def _mean(points: Sequence[tuple[float, float]]) -> Guide:
    middle = fmean(y for _, y in points)
    return tuple((end(x for x, _ in points), middle) for end in (min, max))


def _at_batch(comparison: Comparison, quantity: str) -> str:
    size = comparison.conditions[quantity].get("batch")
    return "" if size is None else f" at a batch of {condition_text(size)}"
