"""The tables of particular commands, made from their results, in units that people read."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import mean
from typing import TYPE_CHECKING, Any

from atalho.cli.table import Format
from atalho.conditions import engine_label
from atalho.errors import printable
from atalho.explain.table import Table
from atalho.record import DIAGNOSES, Record

if TYPE_CHECKING:
    from atalho.evaluation.predicting import Prediction
    from atalho.ranking import Comparison, Row

FROM_FILE = {
    "request_decoding": "decoding ms",
    "request_framing": "framing ms",
    "request_network": "network ms",
    "request_latency": "file to label ms",
    "request_p90": "its p90 ms",
}
"""The columns of single requests about photo files."""


def bench_table(records: Sequence[Record]) -> Table:
    """A table with a row for each network and batch size."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    costs = {(each.subject, each.quantity): each.value for each in records}
    for each in records:
        if "batch" in each.conditions:
            row = rows.setdefault(
                (each.subject, each.conditions["batch"]),
                {
                    "network": each.subject,
                    "batch": each.conditions["batch"],
                    "params": costs.get((each.subject, "params")),
                    "macs": costs.get((each.subject, "macs")),
                },
            )
            if each.quantity == "failure":
                row["note"] = f"{each.conditions['stage']} failed: {each.conditions['cause']}"
                continue
            row["engine"] = engine_label(each.conditions)
            row["note"] = "; ".join(
                filter(
                    None,
                    dict.fromkeys((row.get("note"), printable(each.conditions.get("noise", "")))),
                )
            )
            if each.quantity in FROM_FILE:
                row[FROM_FILE[each.quantity]] = each.value * 1e3
            if each.quantity == "latency":
                row["latency ms"] = each.value * 1e3
                row["p90 ms"] = each.conditions["p90"] * 1e3
                row["p99 ms"] = each.conditions["p99"] * 1e3
            elif each.quantity == "throughput":
                streams = each.conditions.get("streams", 1)
                row["images/s" if streams == 1 else f"images/s of {streams} streams"] = each.value
            elif each.quantity == "peak_memory":
                row["memory MB"] = each.value / 1e6
            elif each.quantity == "added_memory":
                row["of it the network's"] = each.value / 1e6
            elif each.quantity == "energy":
                row["J/image"] = each.value
            elif each.quantity == "power":
                row["W"] = each.value
    columns = dict.fromkeys(key for row in rows.values() for key in row)
    filled = [{key: row.get(key) for key in columns} for row in rows.values()]
    return Table(_filled(filled, optional=("note",)), _documents(records))


def comparison_table(comparison: "Comparison", records: Sequence[Record]) -> Table:
    """A table with a row for each network, the most accurate first; what was not measured is blank."""
    from atalho.page.words.conditions import not_interleaved  # slow; a comparison has loaded it

    rows = []
    for row in comparison.rows:
        accuracy, latency = row.readings.get("top1"), row.value("latency")
        interval = accuracy.interval if accuracy else None
        tested = row.tested.get("top1")
        memory, size = row.value("peak_memory"), row.value("size")
        rows.append(
            {
                "network": row.network,
                "engine": _engine(row),
                "top-1 %": accuracy and 100 * accuracy.value,
                "95 % interval": f"{interval[0]:.1%} to {interval[1]:.1%}" if interval else "",
                "test top-1 %": tested and 100 * tested.value,
                "params": row.value("params"),
                "macs": row.value("macs"),
                "latency ms": latency and latency * 1e3,
                **{
                    name: seconds and seconds * 1e3
                    for quantity, name in FROM_FILE.items()
                    if (seconds := row.value(quantity)) or quantity in comparison.conditions
                },
                "memory MB": memory and memory / 1e6,
                "size MB": size and size / 1e6,
                "J/image": row.value("energy"),
                "note": _noted(row),
            }
        )
    filled = _filled(rows, optional=("95 % interval", "top-1 %", "test top-1 %", "J/image", "note"))
    notes = [*filter(None, [not_interleaved(comparison)])]
    return Table(filled, _documents(records), notes=notes)


def _documents(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [asdict(each) for each in records]


def _engine(row: "Row") -> str:
    """The label of the engine on which a network's latency was measured; empty where it was not."""
    timed = row.readings.get("latency")
    return engine_label(timed.records[-1].conditions) if timed else ""


def _noted(row: "Row") -> str:
    """Why a network's latency is not ranked, or that it was measured on a busy machine; else empty."""
    if (timed := row.readings.get("latency")) and timed.condition("noisy"):
        return printable(f"noisy: {timed.condition('noise')}")
    reasons = [each.reason for each in row.apart if each.record.quantity == "latency"]
    return printable(f"latency not ranked: {reasons[0]}") if reasons else ""


def _filled(rows: Sequence[dict[str, Any]], optional: Sequence[str]) -> list[dict[str, Any]]:
    """The rows without those optional columns that are empty in all of them."""
    empty = {key for key in optional if all(row.get(key) in ("", None) for row in rows)}
    return [{key: value for key, value in row.items() if key not in empty} for row in rows]


def diagnosis_table(records: Sequence[Record]) -> Table:
    """A table with a row for each network, seed and moment; what was not measured is blank."""
    from atalho.claims.diagnosed import DISTANCE  # a command without claims does not load them

    rows: dict[tuple[Any, ...], dict[str, list[float]]] = {}
    for each in records:
        if each.quantity in DIAGNOSES:
            conditions = each.conditions
            key = (each.subject, conditions["seed"], conditions["moment"])
            values = rows.setdefault(key, {})
            if each.quantity != "gradient_correlation" or conditions["distance"] == DISTANCE:
                values.setdefault(each.quantity, []).append(each.value)

    def means(values: dict[str, list[float]], quantity: str) -> float | None:
        return mean(values[quantity]) if quantity in values else None

    table_rows = [
        {
            "network": network,
            "seed": seed,
            "moment": moment,
            "gradient first/last": means(values, "gradient_ratio"),
            "decades a row": means(values, "gradient_slope"),
            "shortcut share": means(values, "shortcut_share"),
            f"correlation at {DISTANCE:g}": means(values, "gradient_correlation"),
            "response std": means(values, "response_std"),
        }
        for (network, seed, moment), values in rows.items()
    ]
    return Table(table_rows, _documents(records))


def predictions_table(predictions: "Sequence[Prediction]", format: Format) -> Table:
    """A table with a row for every label of every picture; it has a column of errors in CSV, and wherever there are errors."""
    rows = [row for prediction in predictions for row in prediction.rows()]
    if format != "csv" and not any(row["error"] for row in rows):
        rows = [{key: row[key] for key in row if key != "error"} for row in rows]
    return Table(rows, [prediction.document() for prediction in predictions])
