"""Time, power and memory against the size of the batch, a line for each network (Canziani et al. 2016, Figs. 3 to 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atalho.page.chart.axes import NARROW, WIDE, Axis
from atalho.page.chart.families import Style
from atalho.page.chart.lines import Line, LineChart
from atalho.page.figures.figure import Figure, Words
from atalho.page.words.numbers import NAMES, unit
from atalho.page.words.phrases import listed
from atalho.ranking import Comparison
from atalho.record import Record
from atalho.selection import ranking_conditions

PART = "By batch size"

Sizes = Mapping[int, float]
"""Batch size → value in the unit of the records."""


@dataclass(frozen=True)
class Cost:
    """A cost that depends on the size of the batch.

    Attributes:
        shown: what its axis shows, without the unit.
        caption: how it was taken.
        per_image: whether the value is divided by the batch's size.
        log: whether its axis is logarithmic.
    """

    quantity: str
    name: str
    title: str
    shown: str
    caption: str
    per_image: bool = False
    log: bool = True


COSTS = (
    Cost(
        quantity="latency",
        name="time-batch",
        title="Time per image against batch size",
        shown="Time per image",
        caption="Median latency of a batch divided by its size",
        per_image=True,
    ),
    Cost(
        quantity="power",
        name="power-batch",
        title="Power against batch size",
        shown="Power above idle",
        caption="Mean power above that of the idle machine",
        log=False,
    ),
    Cost(
        quantity="peak_memory",
        name="memory-batch",
        title="Memory against batch size",
        shown=NAMES["peak_memory"],
        caption="Peak memory of a whole process that runs one batch, its engine included",
    ),
)


def figures(
    comparison: Comparison, records: Sequence[Record], styles: Mapping[str, Style]
) -> list[Figure]:
    """Returns a figure for each cost that was measured at two batch sizes or more."""
    drawn = (_figure(cost, by_batch(comparison, records, cost.quantity), styles) for cost in COSTS)
    return [figure for figure in drawn if figure]


def by_batch(comparison: Comparison, records: Sequence[Record], quantity: str) -> dict[str, Sizes]:
    """Returns for each network and batch size the newest value that agrees with the ranked ones in all else."""
    ranked = comparison.conditions.get(quantity)
    by_network: dict[str, dict[int, float]] = {}
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
            by_network.setdefault(record.subject, {})[size] = record.value
    return {network: dict(sorted(sizes.items())) for network, sizes in by_network.items()}


def _figure(
    cost: Cost, measured: Mapping[str, Sizes], styles: Mapping[str, Style]
) -> Figure | None:
    values = {
        network: {
            size: value / size if cost.per_image else value for size, value in of_network.items()
        }
        for network, of_network in measured.items()
    }
    sizes = sorted({size for of_network in values.values() for size in of_network})
    if len(sizes) < 2:
        return None
    scale = unit(cost.quantity, [v for of_network in values.values() for v in of_network.values()])
    lines = tuple(
        Line(
            network=network,
            colour=style.light,
            points=tuple((size, value / scale.factor) for size, value in values[network].items()),
            part="median" if cost.per_image else "measured",
        )
        for network, style in styles.items()
        if network in values
    )
    short = [line.network for line in lines if len(line.points) < len(sizes)]
    words = Words(
        title=cost.title,
        x_axis="Batch size",
        y_axis=scale.heading(cost.shown),
        caption=f"{cost.caption}, for batches of {listed(sizes)}.",
        notes=(f"Not measured at every size: {listed(short)}." if short else "",),
        alternative=f"Line chart of {len(lines)} networks.",
    )
    heights = [value for line in lines for _, value in line.points]
    x = Axis.over(words.x_axis, sizes, ticks=sizes, log=True)
    y = (
        Axis.over(words.y_axis, heights, log=True)
        if cost.log
        else Axis.from_zero(words.y_axis, heights)
    )
    return Figure(cost.name, words, LineChart(lines, x, y, marked=(WIDE, NARROW)), PART)


def _but_batch(conditions: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in conditions.items() if name != "batch"}
