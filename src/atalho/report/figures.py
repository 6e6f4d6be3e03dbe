"""Comparison and curves → the page's figures: what each shows, its caption, and how it is drawn at a given size."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from atalho.choice import Comparison, Reading, Row, pareto_front, ranking_conditions, said
from atalho.record import Record
from atalho.report import charts, text
from atalho.report.axes import NARROW, WIDE, Axis, Layout
from atalho.report.charts import Line, Point, Spec
from atalho.report.curves import Curve, thinned
from atalho.report.families import Style
from atalho.report.numbers import NAMES, Unit, unit
from atalho.report.numbers import text as number


class Rendering(NamedTuple):
    """A chart as what draws it, and drawn."""

    spec: Spec
    svg: str

    @classmethod
    def of(cls, spec: Spec) -> "Rendering":
        return cls(spec, charts.svg(spec))


@dataclass(frozen=True)
class Figure:
    """A chart with its words.

    Attributes:
        name: of its files.
        description: what a reader who cannot see it needs to know of its form; the numbers are in the table.
        draw: the chart at a size.
        follows: whether it follows the page's slider over training.
    """

    name: str
    title: str
    caption: str
    description: str
    draw: Callable[[Layout], Spec]
    follows: bool = False

    @cached_property
    def wide(self) -> Rendering:
        return Rendering.of(self.draw(WIDE))

    @cached_property
    def narrow(self) -> Rendering:
        """For screens too small for the wide one."""
        return Rendering.of(self.draw(NARROW))


def figures(
    comparison: Comparison,
    curves: Sequence[Curve],
    records: Sequence[Record],
    styles: Mapping[str, Style],
) -> list[Figure]:
    """Every figure that the records bear."""
    found = [
        _accuracy_against(comparison, styles, "macs"),
        _accuracy_against(comparison, styles, "latency"),
        _training(curves, styles, "top1"),
        _training(curves, styles, "loss"),
        _batches(comparison, records, styles),
    ]
    return [figure for figure in found if figure]


def _accuracy_against(
    comparison: Comparison, styles: Mapping[str, Style], quantity: str
) -> Figure | None:
    """Accuracy against a cost: with bubbles for the parameters where it is operations, with the front where it is time."""
    shown = _shown(comparison, quantity)
    if not shown:
        return None
    bubbles = quantity == "macs"
    scale = unit(quantity, [cost.value for _, cost, _ in shown])
    params = [v for row, *_ in shown if (v := row.value("params")) is not None] if bubbles else []
    sizes = unit("params", params) if params else None
    points = [_point(styles[row.network], row, x, y, scale, sizes) for row, x, y in shown]
    front = sorted(
        (row.readings[quantity].value / scale.factor, 100 * row.readings["top1"].value)
        for row in pareto_front(comparison.rows, ("top1", quantity))
        if not bubbles
    )
    x = Axis.over(
        _with_unit(_cost(comparison, quantity).capitalize(), scale), [p.x for p in points]
    )
    y = Axis.over(f"{NAMES['top1']} (%)", [end for p in points for end in p.interval])
    name = "operations" if bubbles else quantity
    return Figure(
        f"accuracy-{name}",
        f"Accuracy against {name}",
        " ".join(_accuracy_caption(comparison, quantity, points, sizes, params)),
        f"Scatter plot of {len(points)} networks; the numbers are in the table.",
        lambda layout: charts.scatter(
            points,
            x,
            y,
            layout,
            front=front,
            area_title=_with_unit(NAMES["params"], sizes) if sizes else "",
        ),
    )


Number = Reading | Record


def _shown(comparison: Comparison, quantity: str) -> list[tuple[Row, Number, Number]]:
    """The rows with a cost and an accuracy that may stand on the same axes, measured or else cited."""
    data = comparison.conditions.get("top1", {}).get("data")
    found = []
    for row in comparison.rows:
        cited = {record.quantity: record for record in row.cited}
        x = row.readings.get(quantity) or cited.get(quantity)
        y = row.readings.get("top1") or cited.get("top1")
        # A cited accuracy on other data has no place on the axis; one that does not name its data has.
        elsewhere = isinstance(y, Record) and data not in (None, y.conditions.get("data", data))
        if x and y and not elsewhere:
            found.append((row, x, y))
    return found


def _point(style: Style, row: Row, x: Number, y: Number, scale: Unit, sizes: Unit | None) -> Point:
    low, high = (isinstance(y, Reading) and y.interval) or (y.value, y.value)
    area = row.value("params") if sizes else None
    details = {
        NAMES["top1"]: text.accuracy(y)
        if isinstance(y, Reading)
        else _cited(y, number("top1", y.value)),
        NAMES[scale.quantity]: _cited(x, scale.text(x.value)),
    }
    if sizes and area is not None:
        details[NAMES["params"]] = sizes.text(area)
    return Point(
        network=row.network,
        colour=style.light,
        x=x.value / scale.factor,
        y=100 * y.value,
        interval=(100 * low, 100 * high),
        area=area / sizes.factor if sizes and area is not None else None,
        hollow=isinstance(x, Record) or isinstance(y, Record),
        details=details,
    )


def _accuracy_caption(
    comparison: Comparison,
    quantity: str,
    points: Sequence[Point],
    sizes: Unit | None,
    params: Sequence[float],
) -> Iterator[str]:
    shape = comparison.conditions.get(quantity, {}).get("input")
    cost = f"{_cost(comparison, quantity)}{f' of {said(shape)}' if shape and sizes else ''}"
    yield f"Top-1 accuracy on {text.test_set(comparison)} against {cost}."
    if sizes:
        yield (
            f"The area of a bubble is proportional to the parameters, from {sizes.text(min(params))} "
            f"to {sizes.text(max(params))}."
        )
    if any(p.interval[0] < p.interval[1] for p in points):
        yield "Bars are 95\u00a0% intervals."
    if quantity == "latency" and (words := text.front(comparison, ("top1", quantity))):
        yield f"The dashed staircase is the Pareto front: {words}"
    if any(p.hollow for p in points):
        yield "Hollow: cited, not measured here, and not ranked."
    names = {p.network for p in points}
    if missing := [row.network for row in comparison.rows if row.network not in names]:
        yield f"Not drawn, for want of a comparable measurement: {text.listed(missing)}."


def _cost(comparison: Comparison, quantity: str) -> str:
    if quantity == "macs":
        return "multiply-accumulates for one image"
    batch = comparison.conditions.get(quantity, {}).get("batch")
    return "latency" if batch is None else f"median latency of a batch of {said(batch)}"


def _with_unit(words: str, scale: Unit) -> str:
    return f"{words} ({scale.name})" if scale.name else words


def _cited(number: Number, words: str) -> str:
    return f"{words}, cited: {text.reference(number)}" if isinstance(number, Record) else words


def _training(curves: Sequence[Curve], styles: Mapping[str, Style], measure: str) -> Figure | None:
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


def _batches(
    comparison: Comparison, records: Sequence[Record], styles: Mapping[str, Style]
) -> Figure | None:
    """Time an image by batch size, where several were timed under conditions that otherwise agree."""
    ranked = _but_batch(comparison.conditions.get("latency", {}))
    times: dict[str, dict[int, float]] = {}
    for record in records:
        size = record.conditions.get("batch")
        if (
            record.quantity != "latency"
            or record.provenance == "cited"
            or not isinstance(size, int)
        ):
            continue
        if _but_batch(ranking_conditions(record)) == ranked:
            times.setdefault(record.subject, {})[size] = record.value / size
    sizes = sorted({size for by_size in times.values() for size in by_size})
    if len(sizes) < 2:
        return None
    scale = unit("latency", [value for by_size in times.values() for value in by_size.values()])
    lines = [
        Line(
            name,
            style.light,
            tuple((size, value / scale.factor) for size, value in sorted(times[name].items())),
            "median",
        )
        for name, style in styles.items()
        if name in times
    ]
    x = Axis.over("Batch size", sizes, ticks=sizes)
    y = Axis.over(f"Time an image ({scale.name})", [v for line in lines for _, v in line.points])
    return Figure(
        "time-batch",
        "Time an image against batch size",
        f"Median latency of a batch divided by its size, for batches of {text.listed(sizes)}.",
        f"Line chart of {len(lines)} networks.",
        lambda layout: charts.panels({"": lines}, x, y, layout, marks=True),
    )


def _but_batch(conditions: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in conditions.items() if name != "batch"}
