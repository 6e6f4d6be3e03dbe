"""Accuracy by network, and per parameter, as bars (Canziani et al. 2016, Figs. 1 and 10)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from atalho.page.chart.axes import Axis
from atalho.page.chart.bars import Bar, BarChart
from atalho.page.chart.families import Style
from atalho.page.figures.accuracies import (
    PART,
    Number,
    accuracies,
    accuracy,
    data,
    interval,
    notes,
)
from atalho.page.figures.figure import Figure, Words
from atalho.page.words.numbers import NAMES, text, three
from atalho.ranking import Comparison, Row
from atalho.record import Record

_ROOM = 0.2  # of an axis, for the numbers at the ends of the bars


def by_network(comparison: Comparison, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of the accuracies; None for fewer than two networks."""
    bars = [bar for _, bar in _bars(comparison, styles)]
    if len(bars) < 2:
        return None
    words = Words(
        title="Accuracy by network",
        x_axis=f"{NAMES['top1']} (%)",
        caption=f"Top-1 accuracy on {data(comparison)}, the most accurate first.",
        notes=_notes(comparison, bars),
        alternative=_alternative(bars),
    )
    return _figure("accuracy-network", words, bars)


def by_parameter(comparison: Comparison, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of what Canziani et al. call the information density; None for fewer than two networks."""
    bars = []
    for row, bar in _bars(comparison, styles):
        if params := row.value("params"):
            density = bar.length / (params / 1e6)
            written = three(density)
            bars.append(replace(bar, length=density, low=density, high=density, written=written))
    if len(bars) < 2:
        return None
    words = Words(
        title="Accuracy per parameter",
        x_axis="Top-1 accuracy (%) per million parameters",
        caption=(
            f"Top-1 accuracy on {data(comparison)}, in per cent, divided by the parameters, in millions."
        ),
        notes=_notes(comparison, bars),
        alternative=_alternative(bars),
    )
    return _figure("accuracy-parameter", words, bars)


def _bars(comparison: Comparison, styles: Mapping[str, Style]) -> Iterator[tuple[Row, Bar]]:
    """Every network with its accuracy in per cent as a bar."""
    for row, number in accuracies(comparison):
        low, high = interval(number)
        bar = Bar(
            network=row.network,
            colour=styles[row.network].light,
            length=100 * number.value,
            low=100 * low,
            high=100 * high,
            written=f"{100 * number.value:.1f}",
            hollow=isinstance(number, Record),
            details=_details(row, number),
        )
        yield row, bar


def _figure(name: str, words: Words, bars: Sequence[Bar]) -> Figure:
    """The figure, its longest bar on top."""
    x = Axis.from_zero(words.x_axis, [bar.high for bar in bars], room=_ROOM)
    return Figure(name, words, BarChart(tuple(_longest_first(bars)), x), PART)


def _longest_first(bars: Iterable[Bar]) -> list[Bar]:
    return sorted(bars, key=lambda bar: -bar.length)


def _notes(comparison: Comparison, bars: Iterable[Bar]) -> tuple[str, ...]:
    return tuple(notes(comparison, {bar.network: bar.hollow for bar in bars}))


def _alternative(bars: Iterable[Bar]) -> str:
    first, *_, last = ordered = [bar.network for bar in _longest_first(bars)]
    return f"Bar chart of {len(ordered)} networks, from {first} down to {last}."


def _details(row: Row, number: Number) -> dict[str, str]:
    details = {NAMES["top1"]: accuracy(number)}
    if (params := row.value("params")) is not None:
        details[NAMES["params"]] = text("params", params)
    return details
