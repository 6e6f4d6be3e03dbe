"""Reads records, and turns them into a data frame, verdicts on claims, or a page. Nothing here loads torch."""

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from atalho import record
from atalho.errors import AtalhoError, Exit
from atalho.files import sweep
from atalho.record import Record

if TYPE_CHECKING:
    from atalho.claims import Finding
    from atalho.slides.words import Language

Library = Literal["pandas", "polars"]
LIBRARIES: tuple[Library, ...] = ("pandas", "polars")
"""The libraries of data frames; the first one that is installed is used unless one is named."""

PATIENCE = 60.0
"""Seconds for which another process may be adding records to the same file; it takes far less than one."""


def read_records(path: str | Path) -> list[Record]:
    """The records of a file, in order, or of a folder: those of its `records.jsonl`, or where it has none of all `.jsonl` files below it.

    Raises:
        AtalhoError: RECORDS (exit 3), for a file that does not exist or a line that is not a record.
    """
    from atalho.tasks import FILE

    own = Path(path) / FILE
    return record.read(own) if own.exists() else _below(Path(path))


def _below(path: Path) -> list[Record]:
    """The records of a file, or of every `.jsonl` file in a folder and below it.

    Raises:
        AtalhoError: RECORDS (exit 3), where a folder cannot be read.
    """
    try:
        files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    except OSError as error:  # a folder below it has gone meanwhile
        raise AtalhoError(
            "RECORDS",
            error.filename or path,
            f"cannot be read ({error.strerror})",
            next_step="a folder that holds nothing but records, or one file",
            exit=Exit.DATA,
        ) from error
    return [each for file in files for each in record.read(file)]


def frame(records: Iterable[Record], library: Library | None = None) -> Any:
    """Records as a data frame: a row for each, a column for each of its fields and for each condition.

    Conditions inside conditions are named with a dot, as in `versions.torch`; lists are text, as in `3×32×32`.

    Args:
        library: whose data frame is returned; unless given pandas, or else Polars, whichever is installed.

    Raises:
        AtalhoError: EXTRA-MISSING (exit 6), where the library or narwhals is not installed.
    """
    candidates = LIBRARIES if library is None else (library,)
    backend = next((name for name in candidates if find_spec(name)), None)
    if backend is None or find_spec("narwhals") is None:
        raise AtalhoError(
            "EXTRA-MISSING",
            " or ".join(candidates),
            "is not installed, and makes the data frame",
            next_step="pip install 'atalho[frames]'",
            exit=Exit.RESOURCES,
        )
    import narwhals

    rows = [_row(each) for each in records]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    return narwhals.from_dict(columns, backend=backend).to_native()


def add_records(path: str | Path, records: Iterable[Record]) -> None:
    """Adds records to a file, to which several processes may add at once.

    Raises:
        AtalhoError: OUTPUT (exit 2), where it cannot be written.
    """
    from atalho.lock import locked_beside

    file = Path(os.path.realpath(path))
    try:
        with locked_beside(file, PATIENCE):
            sweep(file.parent, glob.escape(file.name))
            record.append(file, records)
    except OSError as error:
        raise AtalhoError(
            "OUTPUT",
            path,
            f"cannot be written ({error.strerror}); the records are lost",
            next_step="choose another file",
            exit=Exit.USAGE,
        ) from error


def _row(record: Record) -> dict[str, Any]:
    fields = ("subject", "quantity", "value", "unit", "provenance")
    return {name: getattr(record, name) for name in fields} | _flat(record.conditions)


def _flat(conditions: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in conditions.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{within}{name}.")
        else:
            flat[within + name] = _scalar(value)
    return flat


def _scalar(value: Any) -> Any:
    return "×".join(map(str, value)) if isinstance(value, list | tuple) else value


def _column(values: list[Any]) -> list[Any]:
    """Values of one type: whole numbers beside others become floats, and text beside numbers makes all of them text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) < 2:
        return values
    kind = float if kinds == {int, float} else str
    return [None if value is None else kind(value) for value in values]


def verify(
    ids: str | Iterable[str] = (), records: str | Path | Iterable[Record] = ()
) -> "list[Finding]":
    """Every claim of the sources with its verdict.

    Args:
        ids: of claims, as in `L24`; all unless given.
        records: of what was trained or measured; or a file of them, or a folder that holds such files, also in subfolders.

    Raises:
        AtalhoError: CLAIM-UNKNOWN (exit 2), with the nearest ids; as `read_records`.
    """
    from atalho import claims

    evidence = _below(Path(records)) if isinstance(records, str | Path) else records
    return claims.verify([ids] if isinstance(ids, str) else ids, evidence)


def report(
    records: str | Path | Sequence[str | Path] | Sequence[Record],
    output: str | Path = "report.html",
    *,
    max_latency_ms: float | None = None,
    max_memory_mb: float | None = None,
    max_energy_j: float | None = None,
    max_size_mb: float | None = None,
    min_accuracy: float | None = None,
    margin: float = 1.0,
) -> Path:
    """Writes the page of a comparison or a diagnosis from records alone, with charts/ and summary.csv beside it.

    Args:
        records: of a comparison or a diagnosis, or their file or folder, or several files and folders.
        output: the page's file.
        max_latency_ms, max_memory_mb, max_energy_j, max_size_mb, min_accuracy: as in `Budget`.
        margin: the accuracy that the choice may lose for a lower cost, in points of top-1.

    Returns:
        The page's path.

    Raises:
        AtalhoError: RECORDS (exit 3), where there is no record; OUTPUT (exit 6), where the page cannot be written.
    """
    from atalho.choice.limits import Budget
    from atalho.page import publish

    budget = Budget(max_latency_ms, max_memory_mb, max_energy_j, max_size_mb, min_accuracy)
    folders = _folders(records)
    publish(_all(records), Path(output), budget.limits, folders=folders, margin=margin / 100)
    return Path(output)


def lecture(
    output: str | Path = "lecture",
    *,
    language: "Language" = "pt",
    records: str | Path | Sequence[str | Path] | Sequence[Record] = (),
) -> Path:
    """Writes the lecture as a folder of pages that load nothing, in Portuguese and English.

    Args:
        output: the folder.
        language: of its first page, pt or en; every page leads to the same one in the other language.
        records: what the stations on training, gradients and comparison show instead of atalho's own: records, or their
            file or folder, or several of these.

    Returns:
        The path of the first page.

    Raises:
        AtalhoError: as `read_records`; OUTPUT (exit 6), where a page cannot be written.
    """
    from atalho import slides

    return slides.write(_all(records), Path(output), language)


def _folders(records: str | Path | Sequence[str | Path] | Sequence[Record]) -> list[Path]:
    """The folders that records are read from."""
    sources = [records] if isinstance(records, str | Path) else records
    paths = [Path(each) for each in sources if not isinstance(each, Record)]
    return [path if path.is_dir() else path.parent for path in paths]


def _all(records: str | Path | Sequence[str | Path] | Sequence[Record]) -> list[Record]:
    """Records, and those of files and folders, in order."""
    sources = [records] if isinstance(records, str | Path) else records
    collected: list[Record] = []
    for each in sources:
        collected += [each] if isinstance(each, Record) else read_records(each)
    return collected
