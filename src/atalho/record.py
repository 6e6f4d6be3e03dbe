"""Record(subject, quantity, value, unit, provenance, conditions) ⇄ one JSON object a line.

Every number that atalho shows was measured, computed or cited, and stands in a record that says which, and under what
conditions. A quantity that was not measured has no record.
"""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

from atalho.conditions import check
from atalho.errors import AtalhoError, Exit

Provenance = Literal["measured", "computed", "cited"]

DIAGNOSES = {
    "gradient_norm": "nats",
    "gradient_ratio": "ratio",
    "gradient_slope": "decades/row",
    "weight_gradient_ratio": "ratio",
    "shortcut_share": "fraction",
    "shortcut_cosine": "cosine",
    "branch_share": "fraction",
    "gradient_correlation": "correlation",
    "path_gradient": "nats",
    "path_total": "nats",
    "response_std": "activation",
    "lesion_top1": "fraction",
    "surface_loss": "nats",
}
"""The unit of every quantity of `atalho diagnose`; a network has many of each, so they are no columns of a comparison."""

UNITS = {
    "params": "count",
    "macs": "count",
    "activations": "count",
    "latency": "s",
    "throughput": "images/s",
    "peak_memory": "bytes",
    "size": "bytes",
    "power": "W",
    "energy": "J/image",
    "top1": "fraction",
    "top5": "fraction",
    "loss": "nats",
    "train_loss": "nats",
    "train_top1": "fraction",
    "val_loss": "nats",
    "val_top1": "fraction",
    "train_time": "s",
    "train_throughput": "images/s",
    "max_difference": "logit",
    "agreement": "fraction",
    "failure": "exit code",
    **DIAGNOSES,
}
"""The unit of every quantity; a latency is for one batch, a size is of the files that an engine reads, and agreement is of an
exported file or of an engine with float32 eager."""


@dataclass(frozen=True)
class Record:
    """One number with where it comes from.

    Args:
        subject: the network that it is about.
        quantity: a key of `UNITS`.
        value: the number; where `samples` holds raw values, their median.
        conditions: everything that a repetition would need: data, split, seed, device, threads, versions, protocol.
        samples: raw values behind `value`, in the order in which they were taken.
    """

    subject: str
    quantity: str
    value: float
    unit: str
    provenance: Provenance
    conditions: Mapping[str, Any] = field(default_factory=dict)
    samples: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.unit != UNITS.get(self.quantity):
            raise ValueError(
                f"{self.quantity} in {self.unit}: its unit is {UNITS.get(self.quantity)}"
            )
        if self.provenance not in get_args(Provenance):
            raise ValueError(f"provenance {self.provenance!r}")
        if not isfinite(self.value):
            raise ValueError(f"{self.quantity} of {self.subject} is {self.value}")

    @classmethod
    def of(
        cls,
        subject: str,
        quantity: str,
        value: float,
        provenance: Provenance,
        samples: Iterable[float] = (),
        **conditions: Any,
    ) -> "Record":
        """A record of a known quantity, in its unit.

        Raises:
            ValueError: for a condition that `conditions` does not declare; a record that is read may have others.
        """
        check(conditions)
        return cls(
            subject, quantity, value, UNITS[quantity], provenance, conditions, tuple(samples)
        )

    def to_json(self) -> str:
        """The record as one line, in ASCII: some readers take U+2028 and its like for the end of a line."""
        return json.dumps(asdict(self))


def append(path: Path, records: Iterable[Record]) -> None:
    """Adds records to a file, on the disk when it returns; a last line that a crash cut short is replaced."""
    with path.open("ab+") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        for record in records:
            file.write(f"{record.to_json()}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[Record]:
    """The records of a JSON Lines file, in order.

    Raises:
        AtalhoError: RECORDS (exit 3), for a file that is not there or a line that is no record; the line is named. A last
            line that a crash cut short is left out.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _error(path, f"cannot be read ({error})") from error
    whole, _, torn = text.rpartition("\n")
    found = []
    lines = (whole.split("\n") if whole else []) + ([torn] if torn else [])
    for number, line in enumerate(lines, start=1):
        try:
            fields = json.loads(line)
            found.append(Record(**{**fields, "samples": tuple(fields.get("samples", ()))}))
        except (ValueError, TypeError) as error:
            if number == len(lines) and torn:
                break
            raise _error(path, f"line {number} is no record ({error})") from error
    return found


def _error(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "RECORDS", path, cause, next_step="atalho compare writes records.jsonl", exit=Exit.DATA
    )


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions(*packages: str) -> dict[str, str]:
    """The versions of atalho, Python and the packages named that are installed."""
    found = {"python": platform.python_version()}
    for package in ("atalho", *packages):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
