"""Records, each one number with its unit, provenance and conditions, and their JSON Lines file.

Every number that atalho shows was measured, computed or cited, and its record states which, and under what conditions. A
quantity that was not measured has no record.
"""

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

from atalho.conditions import check, states
from atalho.errors import AtalhoError, Exit
from atalho.files import flush

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


def standing_failures(records: Sequence[Record]) -> list[Record]:
    """The records of failures after which the quantity was not measured under the same conditions."""

    def measured_since(failure: Record, later: Sequence[Record]) -> bool:
        query = Query(failure.subject, (failure.about,), failure.conditions)
        return any(each.quantity != "failure" and query.matches(each) for each in later)

    return [
        each
        for following, each in enumerate(records, start=1)
        if each.quantity == "failure" and not measured_since(each, records[following:])
    ]


def of_one_machine(records: Sequence[Record]) -> list[Record]:
    """Selects the main machine's records, and from other machines those that the main one lacks.

    The main machine is the one with latencies of most networks, of several such the first in the records. Another machine's
    record of a network and quantity that the main one measured is left out, unless it is an accuracy.
    """
    timed: dict[str, set[str]] = {}
    for record in records:
        if record.quantity == "latency" and (device := record.device):
            timed.setdefault(device, set()).add(record.subject)
    if len(timed) < 2:
        return list(records)
    main = max(timed, key=lambda device: len(timed[device]))
    on_main = {(r.subject, r.quantity) for r in records if r.device == main}
    return [
        record
        for record in records
        if record.quantity == "top1"
        or record.device in (None, main)
        or (record.subject, record.quantity) not in on_main
    ]


def append(path: Path, records: Iterable[Record]) -> None:
    """Appends records to a file and flushes it to the disk; an incomplete last line, as a crash leaves it, is replaced."""
    with path.open("ab+") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        for record in records:
            file.write(f"{record.to_json()}\n".encode())
        file.flush()
        flush(file.fileno())


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
    whole, _, torn = text.rpartition("\n")
    records = []
    lines = (whole.split("\n") if whole else []) + ([torn] if torn else [])
    for number, line in enumerate(lines, start=1):
        try:
            fields = json.loads(line)
            records.append(Record(**{**fields, "samples": tuple(fields.get("samples", ()))}))
        except (ValueError, TypeError) as error:
            if number == len(lines) and torn:
                break
            raise _error(path, f"line {number} is no record ({error})") from error
    return records


def _error(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "RECORDS", path, cause, next_step="atalho compare writes records.jsonl", exit=Exit.DATA
    )


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions(*packages: str) -> dict[str, str]:
    """The versions of Python, of atalho and of those of `packages` that are installed, by name."""
    from importlib.metadata import (
        PackageNotFoundError,
        version,
    )  # slow; only a measurement needs it

    installed = {"python": platform.python_version()}
    for package in ("atalho", *packages):
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed
