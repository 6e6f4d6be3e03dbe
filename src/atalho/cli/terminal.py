"""A table on a terminal, drawn by rich: folded where it is too wide, and in parts below each other where that does not suffice."""

from collections.abc import Collection, Mapping, Sequence
from textwrap import fill

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from atalho.errors import visible
from atalho.explain.table import Table

GAP = 2
"""Spaces between columns."""

SENTENCE = 24
"""The width of a column from which on its sentences are folded before the table is divided."""

Columns = Mapping[str, Sequence[str]]


def show(table: Table, columns: Columns, numeric: Collection[str]) -> None:
    """Prints a table's title, its columns and its notes.

    Args:
        columns: the cells by header; the first column has the rows' names.
        numeric: the headers of columns of numbers.
    """
    console = Console(highlight=False)
    if table.title:
        console.print(Text(visible(table.title), style="bold"))
    for part in _parts(columns, numeric, console.width):
        console.print(_drawn(part, numeric, console.width))
    for note in table.notes:
        console.print(Text(visible(note), style="dim"))


def _parts(columns: Columns, numeric: Collection[str], width: int) -> list[Columns]:
    """The columns, all together if they fit when folded, or else in parts that fit, each with the names of the rows."""
    if not columns or width >= _least_width(columns, numeric):
        return [columns]
    names, *others = columns
    first = {names: columns[names]}
    parts = [dict(first)]
    for header in others:
        wider = {**parts[-1], header: columns[header]}
        if len(parts[-1]) > 1 and sum(map(_comfortable, wider, wider.values())) > width:
            parts.append(dict(first))
        parts[-1][header] = columns[header]
    return [*parts]


def _comfortable(header: str, cells: Sequence[str]) -> int:
    """The width of a column in which only long sentences are folded, and its header between words."""
    widest, word = max(map(len, cells)), max(map(_longest_word, (header, *cells)))
    return max(word, min(widest, SENTENCE)) + GAP


def _least_width(columns: Columns, numeric: Collection[str]) -> int:
    """The width in which the names of rows, numbers and single words are whole."""
    whole = _whole(columns, numeric)
    return sum(
        GAP + max(map(len if header in whole else _longest_word, cells))
        for header, cells in columns.items()
    )


def _whole(columns: Columns, numeric: Collection[str]) -> set[str]:
    """The headers of columns with cells that are not folded: names of rows, numbers and single words."""
    names = next(iter(columns), "")
    return {
        header
        for header, cells in columns.items()
        if header == names
        or header in numeric
        or max(map(len, cells)) == max(map(_longest_word, cells))
    }


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _drawn(columns: Columns, numeric: Collection[str], width: int) -> RichTable:
    """The table on a terminal of `width`.

    Where it is too wide, sentences and headers are folded; names of rows, numbers and single words stay whole if that
    suffices.
    """
    names = next(iter(columns), "")
    whole = _whole(columns, numeric) if width >= _least_width(columns, numeric) else {names}
    widest = {header: max(map(len, cells)) for header, cells in columns.items()}
    fits = width >= sum(max(len(header), widest[header]) + GAP for header in columns)
    drawn = RichTable(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False)
    for header in columns:
        drawn.add_column(
            Text(header if fits else fill(header, widest[header] or 1, break_long_words=False)),
            justify="right" if header in numeric else "left",
            no_wrap=header in whole,
        )
    for row in zip(*columns.values(), strict=True):
        drawn.add_row(*map(Text, row))
    return drawn
