"""Records by batch size → time, power and memory against it: a line a network (Canziani et al. 2016, Figs. 3 to 5)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from atalho.page.chart import charts
from atalho.page.chart.axes import Axis
from atalho.page.chart.charts import Line
from atalho.page.chart.families import Style
from atalho.page.figures.figure import Figure
from atalho.page.words import text
from atalho.page.words.numbers import NAMES, unit
from atalho.ranking import Comparison, ranking_conditions
from atalho.record import Record

PART = "By batch size"


class _Words(NamedTuple):
    name: str
    title: str
    axis: str
    caption: str


_WORDS = {
    "latency": _Words(
        "time-batch",
        "Time an image against batch size",
        "Time an image",
        "Median latency of a batch divided by its size",
    ),
    "power": _Words(
        "power-batch",
        "Power against batch size",
        "Power above idle",
        "Mean power above that of the idle machine",
    ),
    "peak_memory": _Words(
        "memory-batch",
        "Memory against batch size",
        NAMES["peak_memory"],
        "Peak memory of a process that runs one batch, above what the framework itself takes",
    ),
}


def by_batch(
    comparison: Comparison, records: Sequence[Record], quantity: str
) -> dict[str, dict[int, float]]:
    """Network → batch size → the newest value taken as the ranked ones were, but for the batch."""
    ranked = comparison.conditions.get(quantity)
    found: dict[str, dict[int, float]] = {}
    for record in records if ranked else ():
        size = record.conditions.get("batch")
        if (
            ranked
            and record.quantity == quantity
            and record.provenance != "cited"
            and isinstance(size, int)
            and size > 0
            and _but_batch(ranking_conditions(record)) == _but_batch(ranked)
        ):
            found.setdefault(record.subject, {})[size] = record.value
    return found


def figures(
    comparison: Comparison, records: Sequence[Record], styles: Mapping[str, Style]
) -> list[Figure]:
    """Those of a quantity that was measured at several batch sizes."""
    found = (_against_batch(comparison, records, styles, quantity) for quantity in _WORDS)
    return [figure for figure in found if figure]


def _against_batch(
    comparison: Comparison,
    records: Sequence[Record],
    styles: Mapping[str, Style],
    quantity: str,
) -> Figure | None:
    words = _WORDS[quantity]
    values = {
        network: {
            size: value / size if quantity == "latency" else value
            for size, value in sorted(of_network.items())
        }
        for network, of_network in by_batch(comparison, records, quantity).items()
    }
    sizes = sorted({size for of_network in values.values() for size in of_network})
    if len(sizes) < 2:
        return None
    scale = unit(quantity, [v for of_network in values.values() for v in of_network.values()])
    lines = [
        Line(
            network,
            style.light,
            tuple((size, value / scale.factor) for size, value in values[network].items()),
            "median" if quantity == "latency" else "measured",
        )
        for network, style in styles.items()
        if network in values
    ]
    heights = [value for line in lines for _, value in line.points]
    x = Axis.over("Batch size", sizes, ticks=sizes, log=True)
    title = scale.heading(words.axis)
    y = (
        Axis.from_zero(title, heights)
        if quantity == "power"
        else Axis.over(title, heights, log=True)
    )
    return Figure(
        words.name,
        words.title,
        f"{words.caption}, for batches of {text.listed(sizes)}.{_stops(lines, sizes)}",
        f"Line chart of {len(lines)} networks.",
        lambda layout: charts.panels({"": lines}, x, y, layout, marks=True),
        PART,
    )


def _stops(lines: Sequence[Line], sizes: Sequence[int]) -> str:
    """Which lines lack a batch size that others have."""
    short = [line.network for line in lines if len(line.points) < len(sizes)]
    return f" Not measured at every size: {text.listed(short)}." if short else ""


def _but_batch(conditions: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in conditions.items() if name != "batch"}
