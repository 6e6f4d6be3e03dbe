"""Records → a folder with one self-contained page, its charts as SVG and PNG, and summary.csv; without torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.page import table
from atalho.page.chart import charts
from atalho.page.contents import Contents
from atalho.page.page import html
from atalho.record import Record


def write_report(
    records: Sequence[Record],
    page: Path,
    *,
    limits: Mapping[str, float] = MappingProxyType({}),
    drawings: Mapping[str, str] = MappingProxyType({}),
    by_row: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Writes the page to `page`, and beside it `summary.csv`, where networks are compared, and `charts/NAME.svg` and `.png`.

    Each file appears whole under its name or not at all; the page, which names the others, comes last.

    Args:
        page: `report.html`; its folder is made where it is not there.
        limits: what the chosen network may cost at most, by quantity in the records' units.
        drawings: network → SVG text, shown as images.
        by_row: network → SVG text with every row drawn, to be coloured by the gradient where that was diagnosed.

    Raises:
        AtalhoError: RECORDS (exit 3), where there is no record; OUTPUT (exit 6), where the page or its folder cannot be written.
    """
    if not records:
        raise AtalhoError(
            "RECORDS",
            page,
            "there is no record to report; nothing was written",
            next_step="atalho compare writes records.jsonl",
            exit=Exit.DATA,
        )
    contents = Contents.of(records, limits)
    files: dict[str, bytes] = {}
    if contents.comparison.rows:
        files["summary.csv"] = table.summary(contents.comparison).encode()
    for figure in (*contents.figures, *contents.depth):
        files[f"charts/{figure.name}.svg"] = figure.wide.svg.encode()
        files[f"charts/{figure.name}.png"] = charts.png(figure.wide.svg)
    files[page.name] = html(contents, drawings, by_row).encode()
    try:
        for name, content in files.items():
            path = page.parent / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
    except OSError as error:
        raise AtalhoError(
            "OUTPUT",
            error.filename or page,
            f"cannot be written ({error.strerror}); the report is not complete",
            next_step="another file for the page: -o report.html",
            exit=Exit.RESOURCES,
        ) from error
