"""A table of rows with a title and notes, for a terminal, a notebook, a page or a program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from atalho.errors import printable


@dataclass(frozen=True)
class Table:
    """Rows with the same columns, and the same data as a document.

    Args:
        rows: a value for every column; None or empty text where there is none.
        document: the data in full, as JSON can hold them.
        title, notes: the lines above and below the rows.
        scaled: columns of large counts, each with its unit; people see them rounded to three digits.
    """

    rows: Sequence[Mapping[str, Any]]
    document: Any
    title: str = ""
    notes: Sequence[str] = ()
    scaled: Mapping[str, str] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """The table as HTML for a notebook."""
        from html import escape

        headers = [*self.rows[0]] if self.rows else []
        right = {name for name in headers if all(is_number(row[name]) for row in self.rows)}
        cells = [
            [
                f'<td style="text-align: {"right" if name in right else "left"}">{escape(text)}</td>'
                for name, text in texts(row, self.scaled).items()
            ]
            for row in self.rows
        ]
        lines = [
            "<table>",
            f"<caption>{escape(printable(self.title))}</caption>" if self.title else "",
            f"<thead><tr>{''.join(f'<th>{escape(printable(name))}</th>' for name in headers)}</tr></thead>",
            "<tbody>",
            *(f"<tr>{''.join(row)}</tr>" for row in cells),
            "</tbody></table>",
            *(f"<p>{escape(note)}</p>" for note in self.notes),
        ]
        return "\n".join(filter(None, lines))


def texts(row: Mapping[str, Any], scaled: Mapping[str, str]) -> dict[str, str]:
    """A row's cells as people read them; `scaled` as in a table."""
    rounded = {name: quantity(row[name], unit) for name, unit in scaled.items() if row[name]}
    return {**{name: cell(value) for name, value in row.items()}, **rounded}


def cell(value: Any) -> str:
    """One value: numbers with separators or four digits, foreign text with its control characters escaped."""
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return printable(value)


def is_number(value: Any) -> bool:
    """Whether a cell holds a number, or nothing."""
    return value is None or value == "" or isinstance(value, int | float)


def quantity(count: int, unit: str = "") -> str:
    """`25.6 M`, `9.63 MB`: three digits, and the prefix of the SI that suits them."""
    if count < 1000:
        return f"{count} {unit}".rstrip()
    mantissa, exponent = f"{count:.2e}".split("e")
    power, shift = divmod(int(exponent), 3)
    return f"{float(mantissa) * 10**shift:.{2 - shift}f} {' kMGTP'[power]}{unit}"
