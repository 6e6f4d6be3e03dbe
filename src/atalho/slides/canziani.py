"""The figures of Canziani et al. 2016 from records, in the language of the lecture's words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from atalho.grammar.cost import totals
from atalho.networks import CATALOGUE, get
from atalho.page.chart.axes import NARROW, WIDE, Axis
from atalho.page.chart.bars import Bar, BarChart
from atalho.page.chart.lines import Line, LineChart
from atalho.page.chart.rendering import Chart
from atalho.page.chart.scatter import Panel, Point, ScatterChart
from atalho.page.figures.batches import by_batch
from atalho.ranking import Comparison, Row
from atalho.record import Record
from atalho.slides.charts import PALETTE
from atalho.slides.words import Words

COMPARED = 16
"""The batch that Canziani et al. show beside one image."""

ByBatch = Mapping[int, float]
"""Batch size → value."""


class Network(NamedTuple):
    """A network of the comparison.

    Attributes:
        top1: a fraction.
        cited: whether the accuracy is somebody's result, not measured.
        latency, memory, power: of a batch of each size, in seconds, bytes and watts.
    """

    name: str
    top1: float
    cited: bool
    params: int
    macs: int
    latency: ByBatch
    memory: ByBatch
    power: ByBatch


def networks(comparison: Comparison, records: Sequence[Record]) -> list[Network]:
    """Returns the networks that have an accuracy and a latency, and whose costs are known, the most accurate first."""
    latency = by_batch(comparison, records, "latency")
    memory = by_batch(comparison, records, "peak_memory")
    power = by_batch(comparison, records, "power")
    rows = []
    for row in comparison.rows:
        cited = {record.quantity: record for record in row.cited}
        accuracy = row.readings.get("top1") or cited.get("top1")
        cost = _cost(row)
        if cost and accuracy and row.network in latency:
            rows.append(
                Network(
                    name=row.network,
                    top1=accuracy.value,
                    cited="top1" not in row.readings,
                    params=cost[0],
                    macs=cost[1],
                    latency=latency[row.network],
                    memory=memory.get(row.network, {}),
                    power=power.get(row.network, {}),
                )
            )
    return sorted(rows, key=lambda each: -each.top1)


def _cost(row: Row) -> tuple[int, int] | None:
    """Parameters and multiply-accumulates, from the records or from the catalogue's table for the input that was measured."""
    params, macs = row.value("params"), row.value("macs")
    if params is not None and macs is not None:
        return round(params), round(macs)
    latency = row.readings.get("latency")
    if row.network not in CATALOGUE or latency is None:
        return None
    match latency.condition("input"):
        case [int() as channels, int() as height, int() as width]:
            cost = totals(get(row.network, input=(channels, height, width)))
            return cost.params, cost.macs
    return None


class Figures:
    """Draws the networks as the paper's figures do, each network in one colour."""

    def __init__(self, rows: Sequence[Network], words: Words) -> None:
        self._rows, self._words = rows, words
        self._colours = {row.name: PALETTE[n % len(PALETTE)] for n, row in enumerate(rows)}

    def charts(self) -> Iterator[tuple[str, Chart]]:
        """Yields the figures that the networks bear, by the names of their messages and in the paper's order."""
        rows = self._rows
        timed = [row for row in rows if 1 in row.latency]
        stored = [row for row in rows if 1 in row.memory]
        yield "accuracy", self._bars({row.name: 100 * row.top1 for row in rows}, "top1", ".1f")
        costs = [self._point(r, r.macs / 1e9, 100 * r.top1, r.params / 1e6) for r in rows]
        yield "operations", self._scatter({"": costs}, "macs", "top1", "params")
        times = {r.name: {b: 1e3 * s / b for b, s in r.latency.items()} for r in rows}
        yield "time-batch", self._lines(times, "time")
        powers = {r.name: r.power for r in rows if r.power}
        if powers:
            yield "power-batch", self._lines(powers, "power")
        if stored:
            memories = {r.name: {b: m / 1e6 for b, m in r.memory.items()} for r in stored}
            yield "memory-batch", self._lines(memories, "memory")
            sizes = [self._point(r, r.params / 1e6, r.memory[1] / 1e6) for r in stored]
            yield "memory-parameters", self._scatter({"": sizes}, "params", "memory")
        if panels := self._by_batch():
            yield "operations-time", self._scatter(panels, "macs", "time")
        drawing = [self._point(r, r.macs / 1e9, r.power[1]) for r in rows if 1 in r.power]
        if drawing:
            yield "operations-power", self._scatter({"": drawing}, "macs", "power")
        if timed:
            speeds = [self._point(r, 1 / r.latency[1], 100 * r.top1, r.macs / 1e9) for r in timed]
            yield "throughput", self._scatter({"": speeds}, "throughput", "top1", "macs")
        density = {row.name: 100 * row.top1 / (row.params / 1e6) for row in rows}
        yield "per-parameter", self._bars(density, "per_parameter", ".2f")

    def _by_batch(self) -> dict[str, list[Point]]:
        """A panel for one image and one for `COMPARED`: operations and time for an image."""
        panels = {}
        for size in (1, COMPARED):
            measured = [row for row in self._rows if size in row.latency]
            if measured:
                panels[str(self._words("comparison.batch", size=size))] = [
                    self._point(row, row.macs / 1e9, 1e3 * row.latency[size] / size)
                    for row in measured
                ]
        return panels

    def _title(self, axis: str) -> str:
        return self._words.raw(f"comparison.axes.{axis}")

    def _point(self, row: Network, x: float, y: float, area: float | None = None) -> Point:
        return Point(row.name, self._colours[row.name], x, y, (y, y), area)

    def _scatter(
        self, panels: Mapping[str, Sequence[Point]], x: str, y: str, area: str = ""
    ) -> ScatterChart:
        """Points in panels; axes begin at zero, but for that of accuracies."""
        points = [each for panel in panels.values() for each in panel]
        scale = Axis.over if y == "top1" else Axis.from_zero
        return ScatterChart(
            tuple(Panel(tuple(panel), title=title) for title, panel in panels.items()),
            Axis.from_zero(self._title(x), [each.x for each in points]),
            scale(self._title(y), [each.y for each in points]),
            self._title(area) if area else "",
        )

    def _lines(self, by_network: Mapping[str, ByBatch], y: str) -> LineChart:
        """A line for each network against the size of the batch."""
        lines = tuple(
            Line(
                network=name,
                colour=self._colours[name],
                points=tuple((float(size), value) for size, value in sorted(of.items())),
                part="",
            )
            for name, of in by_network.items()
        )
        sizes = sorted({size for of in by_network.values() for size in of})
        values = [value for of in by_network.values() for value in of.values()]
        return LineChart(
            lines,
            Axis.over(self._title("batch"), sizes, ticks=sizes, log=True),
            Axis.over(self._title(y), values, log=True),
            marked=(WIDE, NARROW),
        )

    def _bars(self, values: Mapping[str, float], x: str, spec: str) -> BarChart:
        """Bars with their lengths in figures, the longest first."""
        ordered = sorted(values.items(), key=lambda each: -each[1])
        bars = (
            Bar(name, self._colours[name], length, length, length, self._words.number(length, spec))
            for name, length in ordered
        )
        return BarChart(
            tuple(bars), Axis.from_zero(self._title(x), list(values.values()), room=0.2)
        )
