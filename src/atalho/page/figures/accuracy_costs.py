"""Accuracy against operations, latency and images per second, with the Pareto front (Canziani et al. 2016, Figs. 2 and 9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atalho.choice.choosing import pareto_front
from atalho.page.chart.axes import Axis
from atalho.page.chart.families import Style
from atalho.page.chart.scatter import Guide, Panel, Point, ScatterChart
from atalho.page.figures.accuracies import (
    PART,
    Number,
    accuracies,
    accuracy,
    data,
    interval,
    notes,
    with_source,
)
from atalho.page.figures.figure import Figure, Words
from atalho.page.words import fits
from atalho.page.words.numbers import NAMES, Unit, unit
from atalho.page.words.phrases import listed, upper_first
from atalho.ranking import Comparison, Row, condition_text
from atalho.record import HIGHER_IS_BETTER, Record


@dataclass(frozen=True)
class Cost:
    """A cost that accuracy is drawn against.

    Attributes:
        against: what it is called after *accuracy against*.
        area: the quantity that the area of a bubble stands for; empty where all points are alike.
        front: whether the Pareto front is drawn and named.
    """

    quantity: str
    name: str
    against: str
    area: str = ""
    front: bool = False

    @property
    def higher_is_better(self) -> bool:
        return self.quantity in HIGHER_IS_BETTER

    def axis(self, title: str, values: Sequence[float]) -> Axis:
        """Returns the axis of the cost; a line that bounds the throughput is straight only on one from zero."""
        return Axis.from_zero(title, values) if self.higher_is_better else Axis.over(title, values)


COSTS = (
    Cost("macs", "accuracy-operations", "operations", area="params"),
    Cost("latency", "accuracy-latency", "latency", front=True),
    Cost("throughput", "accuracy-throughput", "images per second", area="macs", front=True),
)


@dataclass(frozen=True)
class _Shown:
    """A network with both numbers of its point."""

    row: Row
    cost: Number
    accuracy: Number


def figures(comparison: Comparison, styles: Mapping[str, Style]) -> list[Figure]:
    """Returns a figure for each cost that some network has beside an accuracy."""
    drawn = (_against(cost, comparison, styles) for cost in COSTS)
    return [figure for figure in drawn if figure]


def _against(cost: Cost, comparison: Comparison, styles: Mapping[str, Style]) -> Figure | None:
    shown = _shown(comparison, cost.quantity)
    if not shown:
        return None
    scale = unit(cost.quantity, [each.cost.value for each in shown])
    areas = [v for each in shown if cost.area and (v := each.row.value(cost.area)) is not None]
    sizes = unit(cost.area, areas) if areas else None
    points = tuple(_point(each, styles[each.row.network], scale, sizes) for each in shown)
    intervals = any(low < high for low, high in (point.interval for point in points))
    words = Words(
        title=f"Accuracy against {cost.against}",
        x_axis=scale.heading(upper_first(_cost(comparison, cost.quantity))),
        y_axis=f"{NAMES['top1']} (%)",
        caption=(
            f"Top-1 accuracy on {data(comparison)} against "
            f"{_cost(comparison, cost.quantity)}{_of_input(comparison, cost.quantity)}."
        ),
        notes=(
            _areas(sizes, areas) if sizes else "",
            "Bars are 95\u00a0% intervals." if intervals else "",
            _front(comparison, cost.quantity) if cost.front else "",
            _bound(shown) if cost.quantity == "throughput" else "",
            *notes(comparison, {point.network: point.hollow for point in points}),
        ),
        alternative=f"Scatter plot of {len(points)} networks; the numbers are in the table.",
    )
    x = cost.axis(words.x_axis, [point.x for point in points])
    y = Axis.over(words.y_axis, [end for point in points for end in point.interval])
    front = _front_points(comparison, scale) if cost.front else []
    guide = _staircase(front, x, y, falling=cost.higher_is_better) if front else ()
    area_title = sizes.heading(NAMES[sizes.quantity]) if sizes else ""
    chart = ScatterChart((Panel(points, guide),), x, y, area_title)
    return Figure(cost.name, words, chart, PART)


def _shown(comparison: Comparison, quantity: str) -> list[_Shown]:
    """The rows with a cost and an accuracy that may stand on the same axes, each measured or else cited."""
    shown = []
    for row, number in accuracies(comparison):
        cited = {record.quantity: record for record in row.cited}
        if cost := row.readings.get(quantity) or cited.get(quantity):
            shown.append(_Shown(row, cost, number))
    return shown


def _point(shown: _Shown, style: Style, scale: Unit, sizes: Unit | None) -> Point:
    row, cost, number = shown.row, shown.cost, shown.accuracy
    low, high = interval(number)
    area = row.value(sizes.quantity) if sizes else None
    details = {
        NAMES["top1"]: accuracy(number),
        NAMES[scale.quantity]: with_source(cost, scale.text(cost.value)),
    }
    if sizes and area is not None:
        details[NAMES[sizes.quantity]] = sizes.text(area)
    return Point(
        network=row.network,
        colour=style.light,
        x=cost.value / scale.factor,
        y=100 * number.value,
        interval=(100 * low, 100 * high),
        area=area / sizes.factor if sizes and area is not None else None,
        hollow=isinstance(cost, Record) or isinstance(number, Record),
        details=details,
    )


def _cost(comparison: Comparison, quantity: str) -> str:
    """The cost in words: `median latency of a batch of 1`."""
    if quantity == "macs":
        return "multiply-accumulates for one image"
    size = comparison.conditions.get(quantity, {}).get("batch")
    batch = "" if size is None else f" batch of {condition_text(size)}"
    if quantity == "throughput":
        return f"throughput in a{batch}" if batch else "throughput"
    return f"median latency of a{batch}" if batch else "latency"


def _of_input(comparison: Comparison, quantity: str) -> str:
    """The size of the image that operations are counted for: ` of 3×32×32`."""
    shape = comparison.conditions.get(quantity, {}).get("input")
    return f" of {condition_text(shape)}" if quantity == "macs" and shape else ""


def _areas(sizes: Unit, areas: Sequence[float]) -> str:
    return (
        f"The area of a bubble is proportional to the {NAMES[sizes.quantity].lower()}, "
        f"from {sizes.text(min(areas))} to {sizes.text(max(areas))}."
    )


def _front(comparison: Comparison, quantity: str) -> str:
    """Which networks are on the Pareto front of accuracy and speed; empty where fewer than two are ranked in both."""
    quantities = ("top1", quantity)
    ranked = [row for row in comparison.rows if all(q in row.readings for q in quantities)]
    if len(ranked) < 2:
        return ""
    names = [row.network for row in pareto_front(comparison.rows, quantities)]
    others = (
        "every other network is matched or beaten in both by one of them"
        if len(names) < len(ranked)
        else "all are on it"
    )
    return f"The dashed staircase is the Pareto front: {listed(names)}; {others}."


def _front_points(comparison: Comparison, scale: Unit) -> list[tuple[float, float]]:
    """The Pareto front of accuracy and speed as points of the chart, from left to right."""
    return sorted(
        (row.readings[scale.quantity].value / scale.factor, 100 * row.readings["top1"].value)
        for row in pareto_front(comparison.rows, ("top1", scale.quantity))
    )


def _staircase(front: Sequence[tuple[float, float]], x: Axis, y: Axis, *, falling: bool) -> Guide:
    """The edge of what the points of a front dominate, along the axes, from left to right.

    Args:
        falling: whether more of x is better, so that accuracy falls along it.
    """
    path: list[tuple[float, float]] = []
    level = front[0][1] if falling else y.low
    path.append((x.low if falling else front[0][0], level))
    for index, (across, up) in enumerate(front):
        if falling:
            following = front[index + 1][1] if index + 1 < len(front) else y.low
            path += [(across, up), (across, following)]
        else:
            path += [(across, level), (across, up)]
            level = up
    return tuple(path if falling else [*path, (x.high, level)])


def _bound(shown: Sequence[_Shown]) -> str:
    """Whether a line bounds the points: those that no other exceeds in throughput or accuracy without loss in the other."""
    points = {(each.cost.value, each.accuracy.value) for each in shown}
    front = [
        (x, y)
        for x, y in sorted(points)
        if not any(a >= x and b >= y and (a, b) != (x, y) for a, b in points)
    ]
    return fits.bound(front)
