"""What a chosen system promises, in `promises.json` beside its files: measured values with their bounds, and the files' checksums."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from atalho.choice.choosing import Limits
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.ranking import Reading, Row
from atalho.record import Record
from atalho.seal import sealed, unsealed
from atalho.weights.weightfile import sha256

FILE = "promises.json"

PROMISED = ("top1", "request_p90", "latency", "peak_memory", "size")

ALLOWANCE: Mapping[str, float] = {
    "request_p90": 1.25,
    "latency": 1.25,
    "peak_memory": 1.1,
    "size": 1.0,
}
"""By how much a cost may exceed what was measured where the user set no limit: a machine's own spread from day to day."""


@dataclass(frozen=True)
class Promise:
    """What is promised of one quantity.

    Attributes:
        record: the measurement that it rests on.
        bound: the most that a cost may be, for a latency its 90th percentile; of an accuracy the lower end of its interval.
    """

    record: Record
    bound: float

    @property
    def measured(self) -> float:
        """The value that the bound is compared with: of a latency the 90th percentile, else the record's own."""
        return promised_value(self.record)


@dataclass(frozen=True)
class Promises:
    """What a folder promises.

    Attributes:
        network: its name, by which code that the folder names is run.
        files: the SHA-256 of every other file of the folder, by name.
    """

    network: str
    promises: tuple[Promise, ...]
    files: Mapping[str, str]


def promised_value(record: Record) -> float:
    """The value of a record that a promise is about: of a latency the 90th percentile, else the record's own."""
    p90 = record.conditions.get("p90")
    return float(p90) if record.quantity == "latency" and p90 is not None else record.value


def of_row(row: Row, limits: Limits) -> list[Promise]:
    """What a chosen network promises: its accuracy, on test images where it was measured on these, and its costs.

    Args:
        limits: those that it was chosen within; they are the bounds of the costs that they limit.
    """
    promises = []
    for quantity in PROMISED:
        reading = row.tested.get(quantity) or row.readings.get(quantity)
        if reading is not None:
            promises.append(_promise(reading, limits.get(quantity)))
    return promises


def _promise(reading: Reading, limit: float | None) -> Promise:
    record = reading.records[0]  # of the first seed, whose weights are handed over
    if record.quantity == "top1":
        return Promise(record, record.conditions["interval"][0])
    own = ALLOWANCE[record.quantity] * promised_value(record)
    return Promise(record, own if limit is None else max(limit, promised_value(record)))


def write(folder: Path, network: str, promises: Sequence[Promise]) -> None:
    """Writes what a folder promises, with the checksums of all files that are in it."""
    document = {
        "network": network,
        "promises": [{"bound": each.bound, "record": asdict(each.record)} for each in promises],
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir())},
    }
    write_atomically(folder / FILE, (json.dumps(sealed(document), indent=1) + "\n").encode())


def read(folder: Path) -> Promises:
    """What a folder promises, once every file of it is as it was.

    Raises:
        AtalhoError: (exit 4) PROMISES-MISSING, for a folder that promises nothing; PROMISES-DAMAGED, where the file cannot be
            read; PROMISES-FILES, where a file is missing or has another checksum.
    """
    path = folder / FILE
    if not path.exists():
        raise AtalhoError(
            "PROMISES-MISSING",
            folder,
            f"has no {FILE}, and promises nothing",
            next_step="atalho compare, which writes chosen/",
            exit=Exit.CHECKPOINT,
        )
    try:
        document = unsealed(json.loads(path.read_text(encoding="utf-8")))
        promises = tuple(_read(each) for each in document["promises"])
        read = Promises(str(document["network"]), promises, dict(document["files"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise AtalhoError(
            "PROMISES-DAMAGED",
            path,
            f"does not say what is promised ({type(error).__name__}: {error})",
            next_step="take a copy that was not changed",
            exit=Exit.CHECKPOINT,
        ) from error
    changed = [
        name
        for name, checksum in read.files.items()
        if Path(name).name != name
        or not (folder / name).is_file()
        or sha256(folder / name) != checksum
    ]
    if changed:
        raise AtalhoError(
            "PROMISES-FILES",
            folder,
            f"{', '.join(changed)}: not as when the promises were made; nothing was measured",
            next_step="take a copy that was not changed",
            exit=Exit.CHECKPOINT,
        )
    return read


def _read(document: Mapping[str, Any]) -> Promise:
    fields = document["record"]
    record = Record(**{**fields, "samples": tuple(fields["samples"])})
    return Promise(record, float(document["bound"]))
