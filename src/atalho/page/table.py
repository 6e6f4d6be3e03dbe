"""Comparison → the table of networks, for the page and as summary.csv."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from atalho.conditions import chosen_engine
from atalho.page.words import phrases
from atalho.page.words.numbers import NAMES, Unit, unit
from atalho.ranking import Comparison, Reading, Row, pair
from atalho.record import UNITS

SHOWN = (
    "top1",
    "top5",
    "balanced_accuracy",
    "params",
    "macs",
    "latency",
    "request_latency",
    "request_p90",
    "throughput",
    "peak_memory",
    "added_memory",
    "size",
    "energy",
    "power",
    "train_time",
)
ALWAYS = frozenset({"top1", "params", "macs", "latency", "throughput", "peak_memory"})
"""The columns that are shown even where nothing was measured; their cells then say so."""

_FRACTIONS = ("top1", "top5", "balanced_accuracy")
_BATCHED = ("latency", "throughput", "peak_memory", "added_memory", "energy", "power")


@dataclass(frozen=True)
class Cell:
    """One number of the table.

    Attributes:
        text: the number in the column's unit, or `not measured`.
        note: its interval or quartiles, or why it is not ranked; the sources of cited numbers stand below the table.
        sort: the exact value where it is ranked, None elsewhere.
        parts: of a request from file to label, the shares of the column's longest that its parts take.
    """

    kind: Literal["ranked", "apart", "cited", "missing"]
    text: str
    note: str = ""
    sort: float | None = None
    parts: tuple[float, ...] = ()


@dataclass(frozen=True)
class Column:
    """A quantity with its heading, and a cell for every row of the comparison."""

    quantity: str
    title: str
    unit: str
    cells: tuple[Cell, ...]


def columns(comparison: Comparison) -> list[Column]:
    """Returns the columns of the page's table; `summary` has further quantities."""
    return [
        _column(comparison, quantity)
        for quantity in SHOWN
        if quantity in ALWAYS or quantity in comparison.conditions
    ]


def summary(comparison: Comparison) -> str:
    """Returns the text of summary.csv: a row for each network, with unrounded values in the records' units.

    A number that is not ranked is left empty, and the last column says why.
    """
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
    """The text of a record, escaped where a spreadsheet would take it for a formula."""
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
    conditions = comparison.conditions.get(quantity, {}) if quantity in _BATCHED else {}
    cells = tuple(_cell(row, quantity, scale, max(ranked, default=0.0)) for row in comparison.rows)
    return Column(quantity, NAMES[quantity], phrases.at_batch(scale.name, conditions), cells)


def _cell(row: Row, quantity: str, scale: Unit, longest: float) -> Cell:
    if reading := row.readings.get(quantity):
        parts = _parts(row, longest) if quantity == "request_latency" else ()
        notes = "\n".join(filter(None, (_note(reading, scale), _tested(row, scale))))
        return Cell("ranked", scale.number(reading.value), notes, reading.value, parts)
    for apart in row.apart:
        if apart.record.quantity == quantity:
            return Cell("apart", scale.number(apart.record.value), f"not ranked: {apart.reason}")
    for record in row.cited:
        if record.quantity == quantity:
            return Cell("cited", scale.number(record.value), "cited")
    return Cell("missing", "not measured")


def _tested(row: Row, scale: Unit) -> str:
    """The value on the test split, beside the one that networks are ranked by; empty where it was not measured."""
    reading = row.tested.get(scale.quantity)
    return f"test: {scale.number(reading.value)}" if reading else ""


def _note(reading: Reading, scale: Unit) -> str:
    """The small print of a cell: an interval or quartiles, an engine chosen for this network, whether it is noisy."""
    notes = [
        _spread(reading, scale),
        chosen_engine(reading.records[-1].conditions) if scale.quantity == "latency" else "",
        "noisy" if reading.condition("noisy") else "",
        _left_out(reading, scale),
    ]
    return "\n".join(filter(None, notes))


def _parts(row: Row, longest: float) -> tuple[float, ...]:
    parts = [row.value(each) for each in ("request_decoding", "request_framing", "request_network")]
    return tuple(each / longest for each in parts if each is not None)


def _left_out(reading: Reading, scale: Unit) -> str:
    """The rest of the process's memory, beside what the network adds to it."""
    rest = reading.condition("left_out")
    return f"engine: {scale.text(rest)}" if isinstance(rest, int) else ""


def _spread(reading: Reading, scale: Unit) -> str:
    if reading.interval:
        return phrases.span(reading.interval)
    if quartiles := pair(reading.condition("quartiles")):
        return "–".join(map(scale.number, quartiles))
    if scale.quantity == "train_time" and (epochs := reading.condition("epochs")) is not None:
        return phrases.counted(epochs, "epoch")
    return ""
