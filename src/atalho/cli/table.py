"""Rows as a table on standard output: for a terminal, as Markdown, as CSV; or as JSON."""

import csv
import json
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from textwrap import fill
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from atalho.errors import printable

if TYPE_CHECKING:
    from rich.table import Table as RichTable


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
        writer = csv.writer(sys.stdout, lineterminator="\n")
        for line in (headers, *(row.values() for row in rows)):
            writer.writerow(map(_spreadsheet, line))
        return
    cells = [{key: _cell(value) for key, value in row.items()} for row in rows]
    if format is Format.MARKDOWN:
        first, *others = (
            [*map(_markdown, line)] for line in (headers, *(row.values() for row in cells))
        )
        for line in (first, ["---"] * len(headers), *others):
            print("| " + " | ".join(line) + " |")
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
    columns = {printable(header): [texts[header] for texts in cells] for header in headers}
    numeric = {
        printable(header) for header in headers if all(_numeric(row[header]) for row in rows)
    }
    console.print(_table(columns, numeric, console.width))
    for note in notes:
        console.print(Text(note, style="dim"))


def _markdown(text: str) -> str:
    """A cell whose characters stand for themselves: no markup, no end of the cell or of the line."""
    return re.sub(r"[\\|<>*`~\[\]&#]|(?<!\w)_|_(?!\w)", r"\\\g<0>", printable(text))


def _spreadsheet(value: Any) -> Any:
    """A cell of CSV that no spreadsheet takes for a formula: names of files and classes are foreign text."""
    if isinstance(value, str):
        # What reads the file takes it for UTF-8, which some names of files are not.
        text = value.encode(errors="backslashreplace").decode()
        return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
    return value


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
