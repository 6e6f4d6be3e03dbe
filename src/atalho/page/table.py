"""Comparison → the table of networks, for the page and as summary.csv."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from atalho.conditions import chosen_engine
from atalho.page.words import phrases
from atalho.page.words.numbers import NAMES, Unit, unit
from atalho.ranking import Comparison, Reading, Row, pair, said
from atalho.record import UNITS

SHOWN = (
    "top1",
    "top5",
    "params",
    "macs",
    "latency",
    "throughput",
    "peak_memory",
    "size",
    "energy",
    "power",
    "train_time",
)
ALWAYS = frozenset({"top1", "params", "macs", "latency", "throughput", "peak_memory"})
"""Columns that stand even where nothing was measured, and then say so."""

_FRACTIONS = ("top1", "top5")
_BATCHED = ("latency", "throughput", "peak_memory", "energy", "power")


@dataclass(frozen=True)
class Cell:
    """One number of the table.

    Attributes:
        text: in the column's unit, or `not measured`.
        note: its interval, its quartiles, or why it is not ranked; where a cited one is from stands below the table.
        sort: the exact value where it is ranked.
    """

    kind: Literal["ranked", "apart", "cited", "missing"]
    text: str
    note: str = ""
    sort: float | None = None


@dataclass(frozen=True)
class Column:
    """A quantity with its heading, and a cell for every row of the comparison."""

    quantity: str
    title: str
    unit: str
    cells: tuple[Cell, ...]


def columns(comparison: Comparison) -> list[Column]:
    """The quantities that the page shows; what summary.csv has besides is for machines."""
    return [
        _column(comparison, quantity)
        for quantity in SHOWN
        if quantity in ALWAYS or quantity in comparison.conditions
    ]


def summary(comparison: Comparison) -> str:
    """A row a network, values unrounded in the records' units; what is not ranked is empty and named in the last column."""
    rows = [
        _summary(row, [q for q in UNITS if q in comparison.conditions]) for row in comparison.rows
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _summary(row: Row, quantities: Sequence[str]) -> dict[str, object]:
    cells: dict[str, object] = {"network": _inert(row.network)}
    for quantity in quantities:
        reading = row.readings.get(quantity)
        cells[quantity] = reading.value if reading else ""
        if quantity in _FRACTIONS:
            low, high = (reading and reading.interval) or ("", "")
            cells |= {f"{quantity}_low": low, f"{quantity}_high": high}
        if quantity in _BATCHED:
            cells[f"{quantity}_batch"] = reading.condition("batch") if reading else ""
    top1 = row.readings.get("top1")
    apart = (f"{a.record.quantity} {a.record.value}: {a.reason}" for a in row.apart)
    return {
        **cells,
        "seeds": len(top1.records) if top1 else "",
        "epochs": top1.condition("epochs") if top1 else "",
        "not_ranked": _inert("; ".join(apart)),
    }


def _inert(foreign: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{foreign}" if foreign.startswith(("=", "+", "-", "@", "\t", "\r")) else foreign


def _column(comparison: Comparison, quantity: str) -> Column:
    ranked = [v for row in comparison.rows if (v := row.value(quantity)) is not None]
    others = [
        record.value
        for row in comparison.rows
        for record in [*(apart.record for apart in row.apart), *row.cited]
        if record.quantity == quantity
    ]
    scale = unit(quantity, ranked or others or [1])
    size = comparison.conditions.get(quantity, {}).get("batch")
    per_batch = f", batch {said(size)}" if quantity in _BATCHED and size is not None else ""
    cells = tuple(_cell(row, quantity, scale) for row in comparison.rows)
    return Column(quantity, NAMES[quantity], f"{scale.name}{per_batch}".removeprefix(", "), cells)


def _cell(row: Row, quantity: str, scale: Unit) -> Cell:
    if reading := row.readings.get(quantity):
        return Cell("ranked", scale.number(reading.value), _note(reading, scale), reading.value)
    for apart in row.apart:
        if apart.record.quantity == quantity:
            return Cell("apart", scale.number(apart.record.value), f"not ranked: {apart.reason}")
    for record in row.cited:
        if record.quantity == quantity:
            return Cell("cited", scale.number(record.value), "cited")
    return Cell("missing", "not measured")


def _note(reading: Reading, scale: Unit) -> str:
    """The interval of an accuracy, the quartiles of a time, the epochs of a training; how it was taken, where not as the others'."""
    found = [
        _spread(reading, scale),
        chosen_engine(reading.records[-1].conditions) if scale.quantity == "latency" else "",
        "noisy" if reading.condition("noisy") else "",
    ]
    return "\n".join(filter(None, found))


def _spread(reading: Reading, scale: Unit) -> str:
    if reading.interval:
        return phrases.span(reading.interval)
    if quartiles := pair(reading.condition("quartiles")):
        return "–".join(map(scale.number, quartiles))
    if scale.quantity == "train_time" and (epochs := reading.condition("epochs")) is not None:
        return phrases.counted(epochs, "epoch")
    return ""
