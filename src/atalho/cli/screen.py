"""What people see in a terminal: tables on standard output; messages and progress on standard error."""

import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from statistics import mean
from textwrap import fill
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from atalho.errors import printable
from atalho.record import DIAGNOSES, Record

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
    from rich.table import Table as RichTable

    from atalho.exports import Agreement
    from atalho.ranking import Comparison, Row
    from atalho.training.loop import Progress as TrainingState


class Format(StrEnum):
    """How a table is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


Rows = Sequence[Mapping[str, Any]]


def show(
    rows: Rows,
    format: Format,
    *,
    title: str = "",
    notes: Sequence[str] = (),
    scaled: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Prints rows that share their keys, in one of the tabular formats.

    Title and notes are for people alone, and so is `scaled`: columns of large counts, each with its unit, that a table
    rounds to three digits.
    """
    headers = list(rows[0]) if rows else []
    if format is Format.CSV:
        writer = csv.DictWriter(sys.stdout, headers, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return
    cells = [{key: _cell(value) for key, value in row.items()} for row in rows]
    if format is Format.MARKDOWN:
        lines = [headers, ["---"] * len(headers), *(list(row.values()) for row in cells)]
        for line in lines:
            print("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 10_000  # a pipe has no edge to wrap at
    if title:
        console.print(Text(title, style="bold"))
    for row, texts in zip(rows, cells, strict=True):
        texts |= {key: quantity(row[key], unit) for key, unit in scaled.items() if row[key]}
    columns = {header: [texts[header] for texts in cells] for header in headers}
    numeric = {header for header in headers if all(_numeric(row[header]) for row in rows)}
    console.print(_table(columns, numeric, console.width))
    for note in notes:
        console.print(Text(note, style="dim"))


def _table(
    columns: Mapping[str, Sequence[str]], numeric: Collection[str], width: int
) -> "RichTable":
    """The table on a terminal of `width`.

    One that is too wide for it folds sentences and headers; rows' names, numbers and single words stay whole if that is
    enough.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    gap = 2
    widest = {header: max(map(len, cells)) for header, cells in columns.items()}
    words = {
        header: max(len(word) for cell in cells for word in cell.split() or [""])
        for header, cells in columns.items()
    }
    names = next(iter(columns), "")
    whole = {
        header
        for header in columns
        if header == names or header in numeric or widest[header] == words[header]
    }
    fits = width >= sum(max(len(header), widest[header]) + gap for header in columns)
    folds = width >= sum((widest if each in whole else words)[each] + gap for each in columns)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, gap - 1, 0, 0), pad_edge=False)
    for header in columns:
        table.add_column(
            Text(header if fits else fill(header, widest[header] or 1, break_long_words=False)),
            justify="right" if header in numeric else "left",
            no_wrap=header in whole if folds else header == names,
        )
    for row in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, row))
    return table


def show_findings(findings: Rows) -> None:
    """Prints claims with their verdicts, then why those that differ do, and how many there are of each verdict."""
    columns = ("id", "verdict", "printed", "found", "unit", "claim")
    differing = [each for each in findings if each["verdict"] == "differs"]
    counts = Counter(each["verdict"] for each in findings)
    show(
        [{name: each[name] for name in columns} for each in findings],
        Format.TABLE,
        notes=[f"{each['id']}: {each['note']}" for each in differing],
    )
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))


def show_json(value: Any) -> None:
    """Prints JSON, and nothing else."""
    document = json.dumps(value, ensure_ascii=False, indent=1)
    # Names of files may hold bytes that are no UTF-8; JSON has an escape for them.
    print(document.encode(errors="backslashreplace").decode())


def _numeric(value: Any) -> bool:
    return value is None or value == "" or isinstance(value, int | float)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return printable(value)


def quantity(count: int, unit: str = "") -> str:
    """`25.6 M`, `9.63 MB`: three digits, and the prefix of the SI that suits them."""
    if count < 1000:
        return f"{count} {unit}".rstrip()
    mantissa, exponent = f"{count:.2e}".split("e")
    power, shift = divmod(int(exponent), 3)
    return f"{float(mantissa) * 10**shift:.{2 - shift}f} {' kMGTP'[power]}{unit}"


def shape(sizes: Sequence[int]) -> str:
    """`64×56×56`, as papers print it."""
    return "×".join(map(str, sizes))


def bench_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One row a network and batch size: what was measured, in units that people read."""
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
            row["engine"] = f"{each.conditions['engine']} {each.conditions['dtype']}"
            if each.quantity == "latency":
                row["note"] = printable(each.conditions.get("noise", ""))
                first, third = each.conditions["quartiles"]
                row["latency ms"] = each.value * 1e3
                row["quartiles ms"] = f"{first * 1e3:.4g} to {third * 1e3:.4g}"
            elif each.quantity == "throughput":
                row["images/s"] = each.value
            elif each.quantity == "peak_memory":
                row["memory MB"] = each.value / 1e6
            elif each.quantity == "energy":
                row["J/image"] = each.value
            elif each.quantity == "power":
                row["W"] = each.value
    columns = dict.fromkeys(key for row in rows.values() for key in row)
    found = [{key: row.get(key) for key in columns} for row in rows.values()]
    return _filled(found, optional=("note",))


def foreign_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each child of a module that is not the catalogue's, and the totals."""
    rows = [{**row, "output": shape(row["output"])} for row in document["rows"]]
    total = {"name": "total", "kind": "", "output": ""}
    return [*rows, {**total, "params": document["params"], "macs": document["macs"]}]


def comparison_rows(comparison: "Comparison") -> list[dict[str, Any]]:
    """One row a network, the most accurate first; what was not measured is blank."""
    rows = []
    for row in comparison.rows:
        accuracy, latency = row.readings.get("top1"), row.value("latency")
        interval = accuracy.interval if accuracy else None
        memory, size = row.value("peak_memory"), row.value("size")
        rows.append(
            {
                "network": row.network,
                "engine": _engine(row),
                "top-1 %": accuracy and 100 * accuracy.value,
                "95 % interval": f"{interval[0]:.1%} to {interval[1]:.1%}" if interval else "",
                "params": row.value("params"),
                "macs": row.value("macs"),
                "latency ms": latency and latency * 1e3,
                "memory MB": memory and memory / 1e6,
                "size MB": size and size / 1e6,
                "J/image": row.value("energy"),
                "note": _noted(row),
            }
        )
    return _filled(rows, optional=("95 % interval", "top-1 %", "J/image", "note"))


def _engine(row: "Row") -> str:
    """The engine that a network was timed on."""
    timed = row.readings.get("latency")
    return f"{timed.condition('engine')} {timed.condition('dtype')}" if timed else ""


def _noted(row: "Row") -> str:
    """Why a network's time is not ranked, or that it was taken on a busy machine."""
    if (timed := row.readings.get("latency")) and timed.condition("noisy"):
        return printable(f"noisy: {timed.condition('noise')}")
    reasons = [each.reason for each in row.apart if each.record.quantity == "latency"]
    return printable(f"latency not ranked: {reasons[0]}") if reasons else ""


def _filled(rows: Sequence[dict[str, Any]], optional: Sequence[str]) -> list[dict[str, Any]]:
    """The rows without those optional columns that are empty in all of them."""
    empty = {key for key in optional if all(row.get(key) in ("", None) for row in rows)}
    return [{key: value for key, value in row.items() if key not in empty} for row in rows]


def diagnosis_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One row a network, seed and moment; what was not measured is blank."""
    rows: dict[tuple[Any, ...], dict[str, list[float]]] = {}
    for each in records:
        if each.quantity in DIAGNOSES:
            said = each.conditions
            key = (each.subject, said["seed"], said["moment"])
            found = rows.setdefault(key, {})
            if each.quantity != "gradient_correlation" or said["distance"] == 0.1:
                found.setdefault(each.quantity, []).append(each.value)

    def means(found: dict[str, list[float]], quantity: str) -> float | None:
        return mean(found[quantity]) if quantity in found else None

    return [
        {
            "network": network,
            "seed": seed,
            "moment": moment,
            "gradient first/last": means(found, "gradient_ratio"),
            "decades a row": means(found, "gradient_slope"),
            "shortcut share": means(found, "shortcut_share"),
            "correlation at 0.1": means(found, "gradient_correlation"),
            "response std": means(found, "response_std"),
        }
        for (network, seed, moment), found in rows.items()
    ]


def export_row(network: str, to: str, path: Path, found: "Agreement") -> dict[str, Any]:
    """How the answers of an exported file agree with the network's."""
    return {
        "network": network,
        "to": to,
        "file": str(path),
        "images": found.images,
        "largest logit difference": found.difference,
        "allowed": found.bound,
        "same top-1 %": 100 * found.top1,
    }


def say(message: str) -> None:
    """A line to people, on standard error."""
    print(message, file=sys.stderr, flush=True)


class _Bars:
    """Progress bars on a terminal, lines elsewhere; both on standard error."""

    EVERY = 10.0  # seconds between lines

    def __init__(self, name: str) -> None:
        self.name = name
        self.progress: RichProgress | None = None
        self.task: TaskID | None = None
        self.last = time.monotonic()  # a line is due EVERY seconds after this

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self.progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[details]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.progress:
            self.progress.stop()

    def say(self, message: str) -> None:
        """A line above the bars, which begin anew."""
        if self.progress:
            if self.task is not None:
                self.progress.remove_task(self.task)
                self.task = None
            self.progress.console.print(message, markup=False, highlight=False)
        else:
            say(message)

    def update(self, done: int, total: int, details: str) -> None:
        if self.progress:
            if self.task is None:
                self.task = self.progress.add_task(printable(self.name), total=total, details="")
            self.progress.update(self.task, completed=done, total=total, details=details)
        elif time.monotonic() - self.last > self.EVERY or done == total:
            self.last = time.monotonic()
            say(f"{self.name} {done / total:.0%}, {details}")


class TrainingProgress(_Bars):
    """The course of a training run: loss, accuracy, images a second, time left."""

    def __call__(self, progress: "TrainingState") -> None:
        self.update(
            progress.step,
            progress.steps,
            f"epoch {progress.epoch:.1f}, loss {progress.loss:.3f}, top-1 {progress.top1:.1%}, "
            f"{progress.images_per_second:.0f} images/s",
        )


class DownloadProgress(_Bars):
    """The course of a download in megabytes."""

    def __call__(self, done: int, total: int) -> None:
        self.update(done, total, f"{done / 1e6:.0f} of {total / 1e6:.0f} MB")


class ImageProgress(_Bars):
    """How many images of a folder are done."""

    def __call__(self, done: int, total: int) -> None:
        self.update(done, total, f"{done:,} of {total:,} images")
