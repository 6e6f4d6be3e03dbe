"""Records, each one number with its unit, provenance and conditions, and their JSON Lines file.

Every number that atalho shows was measured, computed or cited, and its record states which, and under what conditions. A
quantity that was not measured has no record.
"""

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

from atalho.conditions import NUMBER, check, check_types, states
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.seal import sealed, unsealed

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
    "request_latency": "s",
    "request_p90": "s",
    "request_decoding": "s",
    "request_framing": "s",
    "request_network": "s",
    "throughput": "images/s",
    "peak_memory": "bytes",
    "added_memory": "bytes",
    "size": "bytes",
    "power": "W",
    "energy": "J/image",
    "top1": "fraction",
    "top5": "fraction",
    "balanced_accuracy": "fraction",
    "nested_top1": "fraction",
    "learning_top1": "fraction",
    "finetuned_top1": "fraction",
    "unknown_auroc": "fraction",
    "unknown_refused": "fraction",
    "loss": "nats",
    "calibration_error": "fraction",
    "train_loss": "nats",
    "train_top1": "fraction",
    "val_loss": "nats",
    "val_top1": "fraction",
    "train_time": "s",
    "train_throughput": "images/s",
    "max_difference": "logit",
    "agreement": "fraction",
    "failure": "exit code",
    "checkpoint": "step",
    **DIAGNOSES,
}
"""The unit of every quantity; a latency is for one batch, a size is of the files that an engine reads, and agreement is of an
exported file or of an engine with float32 eager."""

CURVES = ("train_loss", "train_top1", "val_loss", "val_top1")
"""Quantities with a record for every point of a training run; they are no columns of a comparison."""

OF_CROSS_VALIDATION = ("nested_top1", "learning_top1", "finetuned_top1")
"""The accuracy of choosing a network inside the folds, of fits on fewer photos, and of a network that was fine-tuned in each fold."""

OF_UNKNOWN = ("unknown_auroc", "unknown_refused")
"""Of images that are none of the classes: in how many pairs with an image of the classes a network is less sure of it, and how many
get no label at a threshold."""

NO_COLUMNS = frozenset(
    {*DIAGNOSES, *CURVES, *OF_CROSS_VALIDATION, *OF_UNKNOWN, "failure", "checkpoint"}
)

HIGHER_IS_BETTER = frozenset(
    {"top1", "top5", "balanced_accuracy", "throughput", "train_throughput"}
)

FOR_ONE_IMAGE = frozenset({"latency", "request_p90", "peak_memory", "added_memory", "energy"})
"""Quantities that depend on the batch size; their limits are for a batch of one image."""

OF_A_SPLIT = ("top1", "top5", "balanced_accuracy", "loss", "calibration_error")
"""Quantities of a network's answers on the images of a split."""

ACCURACIES = frozenset({*OF_A_SPLIT, "val_loss", "val_top1"})
"""Quantities that do not depend on the conditions which bear on costs alone."""

NO_RECORD = (ValueError, TypeError, OverflowError, RecursionError)
"""What is raised by a line that is no record."""


@dataclass(frozen=True)
class Record:
    """One number with its provenance and conditions.

    Args:
        subject: the network that it is about.
        quantity: a key of `UNITS`.
        value: the number; where there are raw values, their median.
        unit: that of the quantity in `UNITS`.
        conditions: everything that a repetition needs: data, split, seed, device, threads, versions, protocol.
        samples: the raw values that `value` summarises, in the order of measurement; of many, some evenly spaced ones.

    Raises:
        ValueError: for another unit or provenance, or a value that is NaN or infinite.
        TypeError: for a value that is no number.
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
        """A record of a quantity of `UNITS`, in its unit.

        Raises:
            ValueError: for a condition that the module `conditions` does not declare; a record that is read may have others.
        """
        check(conditions)
        return cls(
            subject, quantity, value, UNITS[quantity], provenance, conditions, tuple(samples)
        )

    @property
    def about(self) -> str:
        """Its quantity; of a failure, the quantity that could not be measured."""
        return str(self.conditions.get("missing", self.quantity))

    @property
    def device(self) -> str | None:
        """The name of the device that it was measured on; None where it is not stated."""
        device = self.conditions.get("device")
        return device if isinstance(device, str) else None

    def to_json(self) -> str:
        """The record as one line, in ASCII: some readers take U+2028 and its like for the end of a line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Query:
    """A search for the records of a network that state some conditions.

    Args:
        quantities: of the records, at least one.
        conditions: that the records must state, as in `conditions.states`; those of the result are ignored.
    """

    subject: str
    quantities: tuple[str, ...]
    conditions: Mapping[str, Any]

    def matches(self, record: Record) -> bool:
        """Whether a record, or the record of a failure to measure one of the quantities, is searched for."""
        return (
            record.subject == self.subject
            and record.about in self.quantities
            and states(record.conditions, self.conditions)
        )


def lines(records: Iterable[Record]) -> bytes:
    """Records as they stand in a file: each a line of JSON with a checksum of its own."""
    return "".join(f"{json.dumps(sealed(asdict(each)))}\n" for each in records).encode()


def append(path: Path, records: Iterable[Record]) -> None:
    """Adds records at the end of a file: all of them or, on OSError or where the process is killed, none.

    The file is written anew and takes the place of the old one, since of one large write a killed process can leave a part.
    An incomplete last line, as an interrupted copy leaves it, is ended or left out. One process at a time may append to a file.
    """
    content = path.read_bytes() if path.exists() else b""
    whole, end, torn = content.rpartition(b"\n")
    last = torn + b"\n" if torn and _is_record(torn) else b""
    write_atomically(path, whole + end + last + lines(records))


def _is_record(line: bytes) -> bool:
    try:
        return bool(_parsed(line))
    except NO_RECORD:
        return False


def read(path: Path) -> list[Record]:
    """The records of a JSON Lines file, in order.

    Raises:
        AtalhoError: RECORDS (exit 3), for a file that cannot be read or a line that is no record; the line is named. An
            incomplete last line, as a crash leaves it, is left out.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _error(path, f"cannot be read ({error})") from error
    *texts, torn = text.split("\n")
    texts += [torn] if torn else []
    records = []
    for number, line in enumerate(texts, start=1):
        try:
            records.append(_parsed(line))
        except NO_RECORD as error:
            if number == len(texts) and torn:
                break
            raise _error(path, f"line {number} is no record ({error})") from error
    return records


def _parsed(line: str | bytes) -> Record:
    """The record of a line; raises one of `NO_RECORD` where it is none, or was changed after it was written."""
    fields = unsealed(json.loads(line))
    record = Record(**{**fields, "samples": tuple(fields.get("samples", ()))})
    if not isinstance(record.subject, str) or not isinstance(record.conditions, dict):
        raise TypeError("its subject is no text, or its conditions have no names")
    if not all(isinstance(each, NUMBER) and isfinite(each) for each in record.samples):
        raise ValueError("a sample is no number")
    check_types(record.conditions)
    return record


def _error(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "RECORDS", path, cause, next_step="atalho compare writes records.jsonl", exit=Exit.DATA
    )


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions(*packages: str) -> dict[str, str]:
    """The versions of Python, of atalho and of those of `packages` that are installed, by name."""
    # Slow, and only a measurement needs it.
    from importlib.metadata import PackageNotFoundError, version

    installed = {"python": platform.python_version()}
    for package in ("atalho", *packages):
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed
