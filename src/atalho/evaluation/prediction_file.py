"""Predictions in a file, a line a picture, written as they come; a run that was stopped goes on where it ended."""

import csv
import glob
import io
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, Literal, get_args

import numpy as np

from atalho.data.parquet_shard import check_pyarrow
from atalho.errors import AtalhoError, Exit, printable
from atalho.evaluation.predicting import Prediction
from atalho.files import move_atomically, sweep, write_atomically
from atalho.lock import locked_beside

Kind = Literal["csv", "jsonl", "parquet"]

TAIL = 65536  # bytes in which the end of the last whole line is looked for at a time
ROWS = 10_000  # of a group in a Parquet file


class Pictures:
    """The pictures that have a line already, by checksums of eight bytes: less than a megabyte for 100,000 of them."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._checksums = np.sort(np.array(array("Q", map(_checksum, paths)), np.uint64))

    def __len__(self) -> int:
        return len(self._checksums)

    def __contains__(self, path: object) -> bool:
        wanted = np.uint64(_checksum(printable(path)))
        row = int(np.searchsorted(self._checksums, wanted))
        return row < len(self) and bool(self._checksums[row] == wanted)


class PredictionFile:
    """An open file of predictions.

    Attributes:
        done: the pictures that had a line when it was opened.
        unreadable: how many of its lines, those included, hold an error in place of labels.
    """

    def __init__(self, lines: Path, kind: Kind, top: int) -> None:
        self._lines, self._kind = lines, kind
        self._columns = columns(top)
        self.unreadable = 0
        self.done = Pictures(self._paths() if lines.exists() else ())
        self._file: IO[str] = lines.open("a", encoding="utf-8", newline="", buffering=1)
        if kind == "csv" and self._file.tell() == 0:
            self._file.write(_csv_line(self._columns))

    def write(self, prediction: Prediction) -> None:
        """Writes a picture's line; raises DISK (exit 6) where it cannot be."""
        if self._kind == "csv":
            row = wide(prediction)
            line = _csv_line([row.get(column, "") for column in self._columns])
        else:
            line = json.dumps({**prediction.document(), "path": printable(prediction.path)}) + "\n"
        with writing(self._lines):
            self._file.write(line)
        self.unreadable += isinstance(prediction.outcome, AtalhoError)

    def _paths(self) -> Iterator[str]:
        """The pictures that have a line, whose errors are counted as they are read."""
        with self._lines.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file) if self._kind == "csv" else map(json.loads, file)
            for row in rows:
                yield row["path"]
                self.unreadable += bool(row.get("error"))

    def close(self) -> None:
        with writing(self._lines):
            self._file.close()


@contextmanager
def opened(path: Path, identity: Mapping[str, Any], top: int) -> Iterator[PredictionFile]:
    """A context that gives the file, in which a second call with the same identity goes on until one comes to its end.

    Beside it lies a hidden file while it is not finished. A Parquet file is written from lines of JSON at the end.

    Args:
        identity: what the predictions depend on, as JSON; other predictions are not added to the same file.
        top: labels of a picture.

    Raises:
        AtalhoError: OUTPUT or IN-USE (exit 2), for a path whose suffix is none of the formats, that exists and was not written for
            this, that cannot be written or that another process is writing; PARQUET-EXTRA (exit 6); DISK (exit 6), where the
            disk fails later on: what is written by then is kept for the next call.
    """
    kind: Kind | None = next((each for each in get_args(Kind) if path.suffix == f".{each}"), None)
    if kind is None:
        raise _unusable(path, "ends in none of .csv, .jsonl and .parquet")
    if kind == "parquet":
        check_pyarrow(path)
    unfinished = path.with_name(f".{path.name}.unfinished")
    lines = path.with_name(f".{path.name}.jsonl") if kind == "parquet" else path
    with ExitStack() as stack:
        try:
            stack.enter_context(locked_beside(path))
            sweep(path.parent, glob.escape(unfinished.name))
            _begin(path, unfinished, json.dumps({**identity, "top": top}, sort_keys=True))
            _drop_torn_line(lines)
            file = PredictionFile(lines, "csv" if kind == "csv" else "jsonl", top)
        except OSError as error:
            raise _unwritable(path, error) from error
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise _unusable(path, f"holds a line that is no prediction ({error})") from error
        with closing(file):
            yield file
        with writing(path):
            if kind == "parquet":
                _to_parquet(lines, path, top)
            unfinished.unlink()


def columns(top: int) -> list[str]:
    """The columns of CSV and Parquet: a picture's path, its labels in descending order of probability, or its error."""
    parts = ("label", "name", "probability")
    return ["path", *(f"{part}_{place}" for place in range(1, top + 1) for part in parts), "error"]


def wide(prediction: Prediction) -> dict[str, Any]:
    """A picture's columns, without those that it has no value for."""
    if isinstance(prediction.outcome, AtalhoError):
        return {"path": printable(prediction.path), "error": printable(prediction.outcome.cause)}
    row: dict[str, Any] = {"path": printable(prediction.path)}
    for place, guess in enumerate(prediction.outcome, start=1):
        row[f"label_{place}"] = printable(guess.label)
        row[f"name_{place}"] = printable(guess.name)
        row[f"probability_{place}"] = guess.probability
    return row


def _begin(path: Path, unfinished: Path, identity: str) -> None:
    """Notes what the file is of, unless it is noted already."""
    if unfinished.exists():
        if unfinished.read_bytes() != identity.encode():
            raise _unusable(path, "holds predictions of another network, or others of this one")
        return
    if path.exists():
        raise _unusable(path, "exists, and is finished or was not written here")
    write_atomically(unfinished, identity.encode())


def _drop_torn_line(lines: Path) -> None:
    """Cuts off what stands behind the last line break."""
    if not lines.exists():
        return
    with lines.open("rb+") as file:
        end = file.seek(0, io.SEEK_END)
        while end:
            begin = max(0, end - TAIL)
            file.seek(begin)
            if whole := file.read(end - begin).rfind(b"\n") + 1:
                file.truncate(begin + whole)
                return
            end = begin
        file.truncate(0)


def _csv_line(values: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()


def _checksum(path: str) -> int:
    return int.from_bytes(blake2b(path.encode(), digest_size=8).digest())


def _to_parquet(lines: Path, path: Path, top: int) -> None:
    """Writes the lines' columns, some thousand rows at a time, and removes the lines."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = columns(top)
    kinds = [pa.float64() if name.startswith("probability") else pa.string() for name in names]
    schema = pa.schema([*zip(names, kinds, strict=True)])
    temporary = path.with_name(f".{path.name}.tmp")
    with pq.ParquetWriter(temporary, schema) as writer, lines.open(encoding="utf-8") as file:
        rows: list[dict[str, Any]] = []
        for line in file:
            rows.append(_flat(json.loads(line)))
            if len(rows) == ROWS:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema))
    move_atomically(temporary, path)
    lines.unlink()


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a line of JSON."""
    row = {"path": document["path"], "error": document.get("error")}
    for place, guess in enumerate(document.get("labels", ()), start=1):
        row |= {f"{part}_{place}": value for part, value in guess.items()}
    return row


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A context in which an OSError becomes DISK (exit 6)."""
    try:
        yield
    except OSError as error:
        raise AtalhoError(
            "DISK",
            path,
            f"{error.strerror}; what was predicted before is kept",
            next_step="the same command again, once that is mended",
            exit=Exit.RESOURCES,
        ) from error


def _unwritable(path: Path, error: OSError) -> AtalhoError:
    return _unusable(path, f"cannot be written ({error.strerror})")


def _unusable(path: Path, cause: str) -> AtalhoError:
    next_step = "--output with the name of a new file, as answers.csv"
    return AtalhoError(
        "OUTPUT", path, f"{cause}; nothing was written", next_step=next_step, exit=Exit.USAGE
    )
