"""Comparison → figures of one cost against another, with what a line through them says (Canziani et al. 2016, Figs. 6 to 8)."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from atalho.page.chart import charts
from atalho.page.chart.axes import Axis
from atalho.page.chart.charts import Guide, Point
from atalho.page.chart.families import Style
from atalho.page.figures.batches import by_batch
from atalho.page.figures.figure import Figure
from atalho.page.words import fits
from atalho.page.words.numbers import NAMES, Unit, unit
from atalho.ranking import Comparison, said
from atalho.record import Record

PART = "One cost against another"

COMPARED = 16
"""The batch that Canziani et al. show beside one image; the largest measured where it was not."""

_LEAST = 2

Values = Mapping[str, tuple[float, float]]
"""Network → both costs, in the records' units."""


def figures(
    comparison: Comparison, records: Sequence[Record], styles: Mapping[str, Style]
) -> list[Figure]:
    """Those whose costs were measured for two networks or more."""
    found = [
        _memory(comparison, styles),
        _time(comparison, records, styles),
        _power(comparison, styles),
    ]
    return [figure for figure in found if figure]


def _memory(comparison: Comparison, styles: Mapping[str, Style]) -> Figure | None:
    values = _both(comparison, "params", "peak_memory")
    if len(values) < _LEAST:
        return None
    return _figure(
        "memory-parameters",
        "Memory against parameters",
        [
            f"Peak memory{_at_batch(comparison, 'peak_memory')} against parameters; the dashed line is least squares.",
            fits.memory(list(values.values())),
        ],
        {"": values},
        styles,
        ("params", NAMES["params"]),
        ("peak_memory", NAMES["peak_memory"]),
        _trend,
    )


def _time(
    comparison: Comparison, records: Sequence[Record], styles: Mapping[str, Style]
) -> Figure | None:
    """Operations against time an image, at the smallest batch and at `COMPARED` or the largest."""
    times = by_batch(comparison, records, "latency")
    shared = {
        size: {
            row.network: (macs, times[row.network][size] / size)
            for row in comparison.rows
            if size in times.get(row.network, ()) and (macs := row.value("macs")) is not None
        }
        for size in sorted({size for of_network in times.values() for size in of_network})
    }
    sizes = [size for size, values in shared.items() if len(values) >= _LEAST]
    if not sizes:
        return None
    ends = dict.fromkeys((sizes[0], COMPARED if COMPARED in sizes else sizes[-1]))
    panels = {f"Batch of {size}": shared[size] for size in ends}
    claims = [
        f"{panel}: {claim[0].lower()}{claim[1:]}"
        for panel, values in panels.items()
        if (claim := fits.time(list(values.values())))
    ]
    return _figure(
        "operations-time",
        "Operations against time",
        [
            "Multiply-accumulates for one image against the median latency of a batch divided by its size; "
            "dashed lines are least squares.",
            *claims,
        ],
        panels,
        styles,
        ("macs", NAMES["macs"]),
        ("latency", "Time an image"),
        _trend,
    )


def _power(comparison: Comparison, styles: Mapping[str, Style]) -> Figure | None:
    values = _both(comparison, "macs", "power")
    if len(values) < _LEAST:
        return None
    return _figure(
        "operations-power",
        "Operations against power",
        [
            f"Multiply-accumulates for one image against power above idle{_at_batch(comparison, 'power')}; "
            "the dashed line is the mean.",
            fits.power(list(values.values())),
        ],
        {"": values},
        styles,
        ("macs", NAMES["macs"]),
        ("power", "Power above idle"),
        _mean,
    )


def _both(comparison: Comparison, across: str, up: str) -> Values:
    return {
        row.network: (x, y)
        for row in comparison.rows
        if (x := row.value(across)) is not None and (y := row.value(up)) is not None
    }


def _figure(
    name: str,
    title: str,
    caption: Sequence[str],
    panels: Mapping[str, Values],
    styles: Mapping[str, Style],
    across: tuple[str, str],
    up: tuple[str, str],
    guide: Callable[[Sequence[tuple[float, float]]], Guide],
) -> Figure:
    """Scatter plots on the same axes, each with a guide through its points.

    Args:
        across, up: quantity and what its axis is called.
    """
    xs, ys = ([v[end] for values in panels.values() for v in values.values()] for end in (0, 1))
    x_unit, y_unit = unit(across[0], xs), unit(up[0], ys)
    points = {
        panel: [_point(network, styles, each, x_unit, y_unit) for network, each in values.items()]
        for panel, values in panels.items()
    }
    guides = {panel: guide([(p.x, p.y) for p in of_panel]) for panel, of_panel in points.items()}
    x = Axis.from_zero(x_unit.heading(across[1]), [value / x_unit.factor for value in xs])
    y = Axis.from_zero(y_unit.heading(up[1]), [value / y_unit.factor for value in ys])
    count = len({network for values in panels.values() for network in values})
    return Figure(
        name,
        title,
        " ".join(filter(None, caption)),
        f"Scatter plot of {count} networks.",
        lambda layout: charts.scatters(points, x, y, layout, guides),
        PART,
    )


def _point(
    network: str,
    styles: Mapping[str, Style],
    values: tuple[float, float],
    x: Unit,
    y: Unit,
) -> Point:
    across, up = values
    return Point(
        network=network,
        colour=styles[network].light,
        x=across / x.factor,
        y=up / y.factor,
        interval=(up / y.factor, up / y.factor),
        details={NAMES[x.quantity]: x.text(across), NAMES[y.quantity]: y.text(up)},
    )


def _trend(points: Sequence[tuple[float, float]]) -> Guide:
    """The least-squares line over the points' span; none where too few points bear one."""
    fit = fits.line(points)
    ends = (min(x for x, _ in points), max(x for x, _ in points))
    return tuple((x, fit.at(x)) for x in ends) if fit else ()


def _mean(points: Sequence[tuple[float, float]]) -> Guide:
    middle = fmean(y for _, y in points)
    return tuple((end(x for x, _ in points), middle) for end in (min, max))


def _at_batch(comparison: Comparison, quantity: str) -> str:
    size = comparison.conditions[quantity].get("batch")
    return "" if size is None else f" at a batch of {said(size)}"
