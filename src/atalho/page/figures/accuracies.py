"""Comparison → figures of accuracy: by network, against a cost, and for each parameter (Canziani et al. 2016, Figs. 1, 2, 9, 10)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from atalho.choice.choosing import pareto_front
from atalho.page.chart import charts
from atalho.page.chart.axes import Axis
from atalho.page.chart.charts import Bar, Guide, Point
from atalho.page.chart.families import Style
from atalho.page.figures.figure import Figure
from atalho.page.words import fits, text
from atalho.page.words.numbers import NAMES, Unit, three, unit
from atalho.page.words.numbers import text as number
from atalho.ranking import Comparison, Reading, Row, said
from atalho.record import Record

PART = "Accuracy, and what it costs"

Number = Reading | Record

_AREAS = {"macs": "params", "throughput": "macs"}
"""What the area of a bubble stands for, where accuracy is drawn against a cost."""

_FRONTS = ("latency", "throughput")

_ROOM = 0.2  # of an axis of bars, for the numbers at their ends


def figures(comparison: Comparison, styles: Mapping[str, Style]) -> list[Figure]:
    """Those that the records bear."""
    found = [
        _by_network(comparison, styles),
        _against(comparison, styles, "macs"),
        _against(comparison, styles, "latency"),
        _against(comparison, styles, "throughput"),
        _by_parameter(comparison, styles),
    ]
    return [figure for figure in found if figure]


def _by_network(comparison: Comparison, styles: Mapping[str, Style]) -> Figure | None:
    shown = _accuracies(comparison)
    if len(shown) < 2:
        return None
    bars = [
        _bar(styles[row.network], row, y, 100 * y.value, f"{100 * y.value:.1f}")
        for row, y in sorted(shown, key=lambda each: -each[1].value)
    ]
    x = Axis.from_zero(f"{NAMES['top1']} (%)", [bar.high for bar in bars], room=_ROOM)
    caption = [
        f"Top-1 accuracy on {_data(comparison)}, the most accurate first.",
        *_notes(comparison, bars),
    ]
    return _bars("accuracy-network", "Accuracy by network", caption, bars, x)


def _by_parameter(comparison: Comparison, styles: Mapping[str, Style]) -> Figure | None:
    """Canziani et al.'s *information density*."""
    densities = [
        (row, y, 100 * y.value / (params / 1e6))
        for row, y in _accuracies(comparison)
        if (params := row.value("params"))
    ]
    if len(densities) < 2:
        return None
    bars = [
        _bar(styles[row.network], row, y, density, three(density), interval=False)
        for row, y, density in sorted(densities, key=lambda each: -each[2])
    ]
    x = Axis.from_zero(
        "Top-1 accuracy (%) per million parameters", [bar.high for bar in bars], room=_ROOM
    )
    caption = [
        f"Top-1 accuracy on {_data(comparison)}, in per cent, divided by the parameters, in millions.",
        *_notes(comparison, bars),
    ]
    return _bars("accuracy-parameter", "Accuracy for each parameter", caption, bars, x)


def _bars(name: str, title: str, caption: Sequence[str], bars: Sequence[Bar], x: Axis) -> Figure:
    return Figure(
        name,
        title,
        " ".join(caption),
        f"Bar chart of {len(bars)} networks, from {bars[0].network} down to {bars[-1].network}.",
        lambda layout: charts.bars(bars, x, layout),
        PART,
    )


def _bar(
    style: Style, row: Row, y: Number, length: float, written: str, *, interval: bool = True
) -> Bar:
    low, high = (interval and isinstance(y, Reading) and y.interval) or (None, None)
    params = row.value("params")
    details = {NAMES["top1"]: _accuracy(y)}
    if params is not None:
        details[NAMES["params"]] = number("params", params)
    return Bar(
        row.network,
        style.light,
        length,
        length if low is None else 100 * low,
        length if high is None else 100 * high,
        written,
        isinstance(y, Record),
        details,
    )


def _against(comparison: Comparison, styles: Mapping[str, Style], quantity: str) -> Figure | None:
    """Accuracy against a cost: with bubbles where `_AREAS` has them, with the front where it is of speed."""
    shown = _shown(comparison, quantity)
    if not shown:
        return None
    scale = unit(quantity, [cost.value for _, cost, _ in shown])
    area = _AREAS.get(quantity)
    areas = [v for row, *_ in shown if area and (v := row.value(area)) is not None]
    sizes = unit(area, areas) if area and areas else None
    points = [_point(styles[row.network], row, x, y, scale, sizes) for row, x, y in shown]
    title = scale.heading(_cost(comparison, quantity).capitalize())
    values = [point.x for point in points]
    x = Axis.from_zero(title, values) if quantity == "throughput" else Axis.over(title, values)
    y = Axis.over(f"{NAMES['top1']} (%)", [end for p in points for end in p.interval])
    paths, notes = _front(comparison, quantity, scale, x, y)
    name = "operations" if quantity == "macs" else quantity
    caption = [
        f"Top-1 accuracy on {_data(comparison)} against {_cost(comparison, quantity, of_input=True)}.",
        *([_areas(sizes, areas)] if sizes else []),
        *(
            ["Bars are 95\u00a0% intervals."]
            if any(p.interval[0] < p.interval[1] for p in points)
            else []
        ),
        *notes,
        *([_bound(shown)] if quantity == "throughput" else []),
        *_notes(comparison, points),
    ]
    return Figure(
        f"accuracy-{name}",
        f"Accuracy against {'images a second' if quantity == 'throughput' else name}",
        " ".join(filter(None, caption)),
        f"Scatter plot of {len(points)} networks; the numbers are in the table.",
        lambda layout: charts.scatter(
            points,
            x,
            y,
            layout,
            paths=paths,
            area_title=sizes.heading(NAMES[sizes.quantity]) if sizes else "",
        ),
        PART,
    )


def _front(
    comparison: Comparison, quantity: str, scale: Unit, x: Axis, y: Axis
) -> tuple[list[Guide], list[str]]:
    """The staircase through the Pareto front of what is ranked in accuracy and speed, drawn and in words."""
    if quantity not in _FRONTS:
        return [], []
    front = sorted(
        (row.readings[quantity].value / scale.factor, 100 * row.readings["top1"].value)
        for row in pareto_front(comparison.rows, ("top1", quantity))
    )
    names = text.front(comparison, ("top1", quantity))
    return (
        [_staircase(front, x, y, falling=quantity == "throughput")] if front else [],
        [f"The dashed staircase is the Pareto front: {names}"] if names else [],
    )


def _bound(shown: Sequence[tuple[Row, Number, Number]]) -> str:
    """Whether a line bounds the points shown: those that no other has at least the throughput and the accuracy of."""
    points = {(x.value, y.value) for _, x, y in shown}
    front = [
        (x, y)
        for x, y in sorted(points)
        if not any(a >= x and b >= y and (a, b) != (x, y) for a, b in points)
    ]
    return fits.bound(front)


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


def _shown(comparison: Comparison, quantity: str) -> list[tuple[Row, Number, Number]]:
    """The rows with a cost and an accuracy that may stand on the same axes, measured or else cited."""
    found = []
    for row, y in _accuracies(comparison):
        cited = {record.quantity: record for record in row.cited}
        if x := row.readings.get(quantity) or cited.get(quantity):
            found.append((row, x, y))
    return found


def _accuracies(comparison: Comparison) -> list[tuple[Row, Number]]:
    """The rows with an accuracy on the same data, measured or else cited."""
    data = _on(comparison).get("data")
    found: list[tuple[Row, Number]] = []
    for row in comparison.rows:
        cited = next((record for record in row.cited if record.quantity == "top1"), None)
        if reading := row.readings.get("top1"):
            found.append((row, reading))
        # A cited accuracy on other data has no place on the axis; one that does not name its data has.
        elif cited and data in (None, cited.conditions.get("data", data)):
            found.append((row, cited))
    return found


def _on(comparison: Comparison) -> Mapping[str, object]:
    """The conditions of the accuracies: of those measured, or else of the cited ones on the data that most of them are on."""
    if measured := comparison.conditions.get("top1"):
        return measured
    cited = [r for row in comparison.rows for r in row.cited if r.quantity == "top1"]
    data = Counter(said(r.conditions.get("data")) for r in cited if "data" in r.conditions)
    usual = next((name for name, _ in data.most_common(1)), None)
    given = (r.conditions for r in cited if said(r.conditions.get("data")) == usual)
    first = next(given, {})
    return {name: first[name] for name in ("data", "split") if name in first}


def _data(comparison: Comparison) -> str:
    """What the accuracies are on, in words."""
    if "top1" in comparison.conditions:
        return text.test_set(comparison)
    given = _on(comparison)
    data = said(given["data"]) if "data" in given else "the data"
    return f"{data} ({said(given['split'])} split)" if "split" in given else data


def _point(style: Style, row: Row, x: Number, y: Number, scale: Unit, sizes: Unit | None) -> Point:
    low, high = (isinstance(y, Reading) and y.interval) or (y.value, y.value)
    area = row.value(sizes.quantity) if sizes else None
    details = {NAMES["top1"]: _accuracy(y), NAMES[scale.quantity]: _cited(x, scale.text(x.value))}
    if sizes and area is not None:
        details[NAMES[sizes.quantity]] = sizes.text(area)
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


def _areas(sizes: Unit, areas: Sequence[float]) -> str:
    what = "parameters" if sizes.quantity == "params" else "multiply-accumulates"
    return (
        f"The area of a bubble is proportional to the {what}, from {sizes.text(min(areas))} "
        f"to {sizes.text(max(areas))}."
    )


def _notes(comparison: Comparison, marks: Sequence[Point | Bar]) -> Iterator[str]:
    """What is cited and from where, and who is missing."""
    if any(mark.hollow for mark in marks):
        hollow = {mark.network for mark in marks if mark.hollow}
        sources = dict.fromkeys(
            text.reference(record)
            for row in comparison.rows
            for record in row.cited
            if row.network in hollow and record.quantity == "top1"
        )
        origin = f" from {text.listed(sources)}" if sources else ""
        yield f"Hollow: cited{origin}, not measured here, and not ranked."
    names = {mark.network for mark in marks}
    if missing := [row.network for row in comparison.rows if row.network not in names]:
        yield f"Not drawn, for want of a comparable measurement: {text.listed(missing)}."


def _cost(comparison: Comparison, quantity: str, *, of_input: bool = False) -> str:
    given = comparison.conditions.get(quantity, {})
    if quantity == "macs":
        shape = f" of {said(given['input'])}" if of_input and given.get("input") else ""
        return f"multiply-accumulates for one image{shape}"
    batch = "" if given.get("batch") is None else f" batch of {said(given['batch'])}"
    if quantity == "throughput":
        return f"throughput{f' in a{batch}' if batch else ''}"
    return f"median latency of a{batch}" if batch else "latency"


def _accuracy(number_: Number) -> str:
    if isinstance(number_, Reading):
        return text.accuracy(number_)
    return _cited(number_, number("top1", number_.value))


def _cited(number_: Number, words: str) -> str:
    return f"{words}, cited: {text.reference(number_)}" if isinstance(number_, Record) else words
