"""Comparative analysis: Canziani's figures from records, and a budget that chooses among the networks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from atalho.conditions import CONDITIONS, OF_EVERY_ENGINE
from atalho.grammar.cost import totals
from atalho.networks import CATALOGUE, get
from atalho.page.chart.axes import NARROW, WIDE, Axis
from atalho.page.chart.bars import Bar, BarChart
from atalho.page.chart.lines import Line, LineChart
from atalho.page.chart.scatter import Panel, Point, ScatterChart
from atalho.page.figures.batches import by_batch
from atalho.page.figures.figure import Chart
from atalho.ranking import Comparison
from atalho.ranking import comparison as compared
from atalho.record import Record
from atalho.selection import MAY_DIFFER
from atalho.slides.charts import PALETTE, drawn
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import Words

COMPARED = 16
"""The batch that Canziani et al. show beside one image."""


class Network(NamedTuple):
    """A network of the comparison.

    Attributes:
        top1: a fraction; `cited` where it is somebody's result.
        latency, memory: by batch size, in seconds and bytes.
    """

    name: str
    top1: float
    cited: bool
    params: int
    macs: int
    latency: Mapping[int, float]
    memory: Mapping[int, float]


def networks(records: Sequence[Record]) -> tuple[list[Network], Comparison]:
    """Returns the catalogue's networks that have an accuracy and a latency, the most accurate first, and their comparison."""
    comparison = compared(records)
    latency = by_batch(comparison, records, "latency")
    memory = by_batch(comparison, records, "peak_memory")
    rows = []
    for row in comparison.rows:
        cited = {record.quantity: record for record in row.cited}
        accuracy = row.readings.get("top1") or cited.get("top1")
        if row.network in CATALOGUE and accuracy and row.network in latency:
            cost = totals(get(row.network))
            rows.append(
                Network(
                    row.network,
                    accuracy.value,
                    "top1" not in row.readings,
                    cost.params,
                    cost.macs,
                    latency[row.network],
                    memory.get(row.network, {}),
                )
            )
    return sorted(rows, key=lambda each: -each.top1), comparison


def rules() -> dict[str, Any]:
    """Returns, for the script, which conditions of two records must agree for these to be ranked together.

    `ignored` never need to; `own` not in a record that states the condition beside it; `content` not where the checksum is
    stated; versions of other packages than `packages` not where each network's engine was chosen.
    """
    return {
        "ignored": [name for name, each in CONDITIONS.items() if each.owner in MAY_DIFFER],
        "own": {name: each.own_with for name, each in CONDITIONS.items() if each.own_with},
        "content": {name: each.content for name, each in CONDITIONS.items() if each.content},
        "packages": sorted(OF_EVERY_ENGINE),
    }


def view(material: Material, words: Words) -> View:
    """Returns the figures that the records bear, and the networks for the budget."""
    records = material.having("top1", "latency", "peak_memory")
    rows, comparison = networks(records)
    figures = dict(_figures(rows, words))
    measured = comparison.conditions["latency"]
    return View(
        values={
            "figures": {name: drawn(chart, name, words) for name, chart in figures.items()},
            "rows": rows,
            "device": measured.get("device", "–"),
            "threads": measured.get("threads", "–"),
            "any_cited": any(row.cited for row in rows),
        },
        data={
            "words": words.tree("comparison.live"),
            "rows": [
                {
                    "network": row.name,
                    "top1": row.top1,
                    "latency": row.latency.get(1),
                    "peak_memory": row.memory.get(1),
                    "params": row.params,
                }
                for row in rows
            ],
            "palette": list(PALETTE),
            "rules": rules(),
        },
    )


def _figures(rows: Sequence[Network], words: Words) -> Iterator[tuple[str, Chart]]:
    """The figures of Canziani et al. 2016 in their order, but for power, which these records do not have."""
    colours = {row.name: PALETTE[place % len(PALETTE)] for place, row in enumerate(rows)}

    def title(axis: str) -> str:
        return words.raw(f"comparison.axes.{axis}")

    def point(row: Network, x: float, y: float, area: float | None = None) -> Point:
        return Point(row.name, colours[row.name], x, y, (y, y), area)

    def scatter(
        panels: Mapping[str, Sequence[Point]], x: str, y: str, area: str = ""
    ) -> ScatterChart:
        points = [each for panel in panels.values() for each in panel]
        return ScatterChart(
            tuple(Panel(tuple(panel), title=name) for name, panel in panels.items()),
            Axis.from_zero(title(x), [each.x for each in points]),
            Axis.over(title(y), [each.y for each in points])
            if y == "top1"
            else Axis.from_zero(title(y), [each.y for each in points]),
            title(area) if area else "",
        )

    def lines(
        by_network: Mapping[str, Mapping[int, float]], y: str, scale: float, *, per_image: bool
    ) -> LineChart:
        drawn = tuple(
            Line(
                name,
                colours[name],
                tuple(
                    (float(size), value * scale / (size if per_image else 1))
                    for size, value in sorted(of.items())
                ),
                "",
            )
            for name, of in by_network.items()
        )
        sizes = sorted({size for of in by_network.values() for size in of})
        x = Axis.over(title("batch"), sizes, ticks=sizes, log=True)
        return LineChart(
            drawn,
            x,
            Axis.over(title(y), [v for line in drawn for _, v in line.points], log=True),
            (WIDE, NARROW),
        )

    def bars(values: Mapping[str, float], x: str, spec: str) -> BarChart:
        ordered = sorted(values.items(), key=lambda each: -each[1])
        return BarChart(
            tuple(
                Bar(name, colours[name], value, value, value, words.number(value, spec))
                for name, value in ordered
            ),
            Axis.from_zero(title(x), list(values.values()), room=0.2),
        )

    timed = [row for row in rows if 1 in row.latency]
    stored = [row for row in rows if 1 in row.memory]
    yield "accuracy", bars({row.name: 100 * row.top1 for row in rows}, "top1", ".1f")
    yield (
        "operations",
        scatter(
            {"": [point(row, row.macs / 1e9, 100 * row.top1, row.params / 1e6) for row in rows]},
            "macs",
            "top1",
            "params",
        ),
    )
    yield "time-batch", lines({row.name: row.latency for row in rows}, "time", 1e3, per_image=True)
    if any(row.memory for row in rows):
        yield (
            "memory-batch",
            lines(
                {row.name: row.memory for row in rows if row.memory},
                "memory",
                1e-6,
                per_image=False,
            ),
        )
        yield (
            "memory-parameters",
            scatter(
                {"": [point(row, row.params / 1e6, row.memory[1] / 1e6) for row in stored]},
                "params",
                "memory",
            ),
        )
    panels = {
        str(words("comparison.batch", size=size)): [
            point(row, row.macs / 1e9, 1e3 * row.latency[size] / size)
            for row in rows
            if size in row.latency
        ]
        for size in (1, COMPARED)
        if any(size in row.latency for row in rows)
    }
    yield "operations-time", scatter(panels, "macs", "time")
    yield (
        "throughput",
        scatter(
            {"": [point(row, 1 / row.latency[1], 100 * row.top1, row.macs / 1e9) for row in timed]},
            "throughput",
            "top1",
            "macs",
        ),
    )
    yield (
        "per-parameter",
        bars(
            {row.name: 100 * row.top1 / (row.params / 1e6) for row in rows}, "per_parameter", ".2f"
        ),
    )


STATION = Station(
    "comparison",
    view,
    claims=("L66", "C2", "C4", "C8", "C9", "C11", "C13", "C14", "C16", "C17", "C18"),
)
