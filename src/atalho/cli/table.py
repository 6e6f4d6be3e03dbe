"""Prints a table on standard output: for a terminal, or as Markdown, CSV or JSON."""

import json
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from atalho.errors import printable, visible
from atalho.explain.table import Table, cell, is_number, texts

Format = Literal["table", "json", "csv", "markdown"]
"""How a table is printed."""


def show(table: Table, format: Format) -> None:
    """Prints a table: as JSON its document, as CSV and Markdown its rows, and in a terminal also its title and notes."""
    rows, headers = table.rows, [*table.rows[0]] if table.rows else []
    if format == "json":
        show_json(table.document)
        return
    if format == "csv":
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        for line in (headers, *(row.values() for row in rows)):
            exact = map(_spreadsheet, line)
            writer.writerow(map(_seen, exact) if sys.stdout.isatty() else exact)
        return
    if format == "markdown":
        first, *body = (
            [_markdown(cell(each)) for each in line]
            for line in (headers, *(row.values() for row in rows))
        )
        for line in (first, ["---"] * len(headers), *body):
            print("| " + " | ".join(line) + " |")
        return
    cells = [texts(row, table.scaled) for row in rows]
    columns = {printable(header): [row[header] for row in cells] for header in headers}
    numeric = {
        printable(header) for header in headers if all(is_number(row[header]) for row in rows)
    }
    if sys.stdout.isatty() or os.environ.get("FORCE_COLOR"):
        from atalho.cli import terminal

        terminal.show(table, columns, numeric)
    else:
        for line in (*filter(None, [table.title]), *_aligned(columns, numeric), *table.notes):
            print(visible(line))


def _aligned(columns: Mapping[str, Sequence[str]], numeric: Collection[str]) -> list[str]:
    """The lines of a table that nothing is too wide for: a pipe or a file, where rich would only take time."""
    if not columns:
        return []
    padded, rules = [], []
    for header, cells in columns.items():
        column = [header, *cells]
        width = max(map(_width, column))
        gaps = [" " * (width - _width(text)) for text in column]
        pairs = zip(gaps, column, strict=True)
        padded.append([gap + text if header in numeric else text + gap for gap, text in pairs])
        rules.append("─" * width)
    first, *rest = [f" {'  '.join(line)}".rstrip() for line in zip(*padded, strict=True)]
    return ["", first, f" {'──'.join(rules)}", *rest, ""]


def _width(text: str) -> int:
    """How many columns a text takes on a screen: characters of East Asia take two, accents that follow a letter none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 1 + (east_asian_width(c) in ("W", "F")) for c in text)


def _markdown(text: str) -> str:
    """A cell's text in which characters that mean something in Markdown are escaped."""
    return re.sub(r"[\\|<>*`~\[\]&#]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)


def _spreadsheet(value: Any) -> Any:
    """A cell of CSV that a spreadsheet does not read as a formula: names of files and classes may be anything."""
    if isinstance(value, str):
        # The output is UTF-8, and some names of files are not.
        text = value.encode(errors="backslashreplace").decode()
        return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
    return value


def _seen(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value


def show_json(value: Any) -> None:
    """Prints JSON, and nothing else."""
    print(visible(json.dumps(value, ensure_ascii=False, indent=1)))
