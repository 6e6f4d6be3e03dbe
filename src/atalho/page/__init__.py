"""The report: records → a folder with one self-contained page, its charts as SVG and PNG, and summary.csv; without torch.

`contents` chooses what is shown, `figures`, `words` and `chart` make its parts, and `page` puts them together.
"""

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from atalho.choice.choosing import MARGIN
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.page import table
from atalho.page.chart import bundle, converting
from atalho.page.chart.rendering import VEGA_LITE
from atalho.page.contents import Contents
from atalho.page.document import source
from atalho.page.page import html
from atalho.record import Query, Record
from atalho.runtime.child import Child, Ended

THERE = 0.6
"""The share of the PNGs that the child process makes where it draws the charts for narrow screens too."""


def publish(
    records: Sequence[Record],
    page: Path,
    limits: Mapping[str, float] = MappingProxyType({}),
    queries: Sequence[Query] = (),
    folders: Sequence[Path] = (),
    margin: float = MARGIN,
) -> str:
    """Writes the page, and beside it `charts/NAME.svg` and `.png`, and `summary.csv` where networks are compared.

    Each file appears whole under its name or not at all; the page, which names the others, comes last.

    Args:
        page: `report.html`; its folder is made where it does not exist.
        limits: what the chosen network may cost at most, by quantity in the records' units.
        queries: what the command that publishes it measures, as in `selection.selected`.
        folders: those that the records are from, beside which thumbnails may lie.
        margin: the accuracy that may be lost for a lower cost, as a fraction.

    Returns:
        The address of the page: `file:///…/report.html`.

    Raises:
        AtalhoError: OUTPUT (exit 2) where the page is a folder; RECORDS (exit 3) where there is no record; OUTPUT (exit 6) where
            a file or its folder cannot be written.
    """
    if page.is_dir():
        raise AtalhoError(
            "OUTPUT",
            page,
            "is a folder; nothing was written",
            next_step=f"-o {page / 'report.html'}",
            exit=Exit.USAGE,
        )
    if not records:
        raise AtalhoError(
            "RECORDS",
            page,
            "there is no record to report; nothing was written",
            next_step="atalho compare writes records.jsonl",
            exit=Exit.DATA,
        )
    contents = Contents.of(records, limits, queries, folders, margin)
    files: dict[str, bytes] = {}
    if contents.comparison.rows:
        # A name with a byte that is no UTF-8, as of a file, is escaped.
        files["summary.csv"] = table.summary(contents.comparison).encode(errors="backslashreplace")
    text, pngs = _written(contents)
    for figure, picture in zip(contents.drawn, pngs, strict=True):
        files[f"charts/{figure.name}.svg"] = figure.wide.svg.encode()
        files[f"charts/{figure.name}.png"] = picture

    def write(name: str) -> None:
        path = page.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, files[name])

    try:
        with ThreadPoolExecutor() as writers:  # each waits for the disk
            list(writers.map(write, files))
        files[page.name] = text.encode()
        write(page.name)
    except OSError as error:
        raise AtalhoError(
            "OUTPUT",
            error.filename or page,
            f"cannot be written ({error.strerror}); the report is not complete",
            next_step="another file for the page: -o report.html",
            exit=Exit.RESOURCES,
        ) from error
    return page.resolve().as_uri()


def _written(contents: Contents) -> tuple[str, list[bytes]]:
    """The page's text, and its figures as PNG.

    While this process draws charts, a child process makes either the script, where that is not at hand, and the PNGs, or the
    charts for narrow screens and most of the PNGs: two cores then have about as much to do.

    Raises:
        AtalhoError: CHARTS (exit 6), where the child process ends.
    """
    if not contents.drawn:
        return html(contents), []
    script = source("charts.js"), VEGA_LITE
    try:
        # The child reads and writes slowly, since it does neither while it converts; this process does not wait for that.
        with (
            ThreadPoolExecutor(1) as sender,
            ThreadPoolExecutor(1) as receiver,
            Child(converting.__name__) as converter,
        ):
            shared = contents.drawn if bundle.at_hand(*script) else ()
            there = contents.drawn[: int(len(contents.drawn) * THERE)] if shared else contents.drawn

            def send(messages: Iterable[Any]) -> None:
                for each in messages:
                    sender.submit(converter.send, each)

            send([["svgs", VEGA_LITE] if shared else ["script", *script]])
            first, pngs = (receiver.submit(converter.receive) for _ in range(2))
            if shared:
                send(chain((figure.narrow.spec for figure in shared), [None]))
            send(chain((figure.wide.svg for figure in there), [None]))
            for figure, svg in zip(shared, first.result(), strict=True):
                figure.narrow.svg = svg
            text = html(contents)
            own = [converting.png(figure.wide.svg) for figure in contents.drawn[len(there) :]]
            return text, [*map(b64decode, pngs.result()), *own]
    except Ended as ended:
        raise AtalhoError(
            "CHARTS",
            "the report's charts",
            f"cannot be converted to PNG ({ended.cause}); nothing was written",
            next_step="the same command again, where more memory is free",
            exit=Exit.RESOURCES,
        ) from ended
