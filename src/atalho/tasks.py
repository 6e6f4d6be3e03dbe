"""Runs measurements step by step into a folder's records.jsonl; steps whose records are in the file are skipped."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atalho import record
from atalho.conditions import Owner, owner
from atalho.errors import Exit
from atalho.lock import locked, unusable
from atalho.record import Query, Record, now

FILE = "records.jsonl"


@dataclass(frozen=True)
class Step:
    """One measurement: its name for people, which records it gives, and the function that takes it.

    Args:
        subject: the network that is measured.
        quantities: of its records; a record of the first exists unless the measurement failed.
        conditions: returns the conditions of its records that are known before the measurement; is called when the step is
            reached, and whenever its records are searched for.
        measure: takes the measurement and returns its records.
    """

    name: str
    subject: str
    quantities: tuple[str, ...]
    conditions: Callable[[], Mapping[str, Any]]
    measure: Callable[[], Iterable[Record]]

    @property
    def query(self) -> Query:
        """The search for its records."""
        return Query(self.subject, self.quantities, self.conditions())

    def done(self, records: Iterable[Record]) -> bool:
        """Whether the records hold its first quantity, or a permanent failure to measure it.

        A measurement on a busy machine is repeated, and so is one that ran out of memory or was ended by a signal: these causes
        lie in the machine and may pass. Any other failure lies in the network and is permanent until a condition changes.
        """
        query = Query(self.subject, self.quantities[:1], self.conditions())
        return any(query.matches(each) and not _transient(each) for each in records)

    def failure(self, code: int, cause: str) -> Record:
        """The record of a failure to take the measurement.

        Args:
            code: the exit code of the measuring process, or minus the number of the signal that killed it.
            cause: in words.
        """
        conditions = self.conditions().items()
        stated = {name: value for name, value in conditions if owner(name) is not Owner.RESULT}
        stated |= {"stage": self.name, "missing": self.quantities[0], "cause": cause, "at": now()}
        return Record.of(self.subject, "failure", code, "measured", **stated)


@dataclass(frozen=True)
class Round:
    """One measurement of several networks that are measured in turns.

    Args:
        parts: a step for each network; their own `measure` is not called.
        measure: is called with the steps that are not done, and returns their records.
    """

    name: str
    parts: tuple[Step, ...]
    measure: Callable[[Sequence[Step]], Iterable[Record]]


def parts(steps: Iterable[Step | Round]) -> list[Step]:
    """All steps in order, with every round replaced by its parts."""
    return [part for each in steps for part in (each.parts if isinstance(each, Round) else (each,))]


def carry_out(
    steps: Sequence[Step | Round], folder: Path, say: Callable[[str], None]
) -> list[Record]:
    """Carries out the steps that are not done yet and returns all records of the folder.

    The records of a step are on the disk before the next step begins.

    Args:
        say: is called with a line of progress before each step.

    Raises:
        AtalhoError: before any measurement; OUTPUT (exit 2), for a folder that holds something else or cannot be written;
            IN-USE (exit 2), where another process works in it.
    """
    file = folder / FILE
    with locked(folder, sign=FILE, holds="records"):
        try:
            file.touch()
        except OSError as error:
            raise unusable(folder, f"cannot be written ({error.strerror})") from error
        return _carried_out(steps, file, say)


def _carried_out(
    steps: Sequence[Step | Round], file: Path, say: Callable[[str], None]
) -> list[Record]:
    records = record.read(file)
    for number, step in enumerate(steps, start=1):
        if left := [part for part in parts([step]) if not part.done(records)]:
            subject = f"{len(left)} networks" if len(left) > 1 else left[0].subject
            say(f"[{number}/{len(steps)}] {subject}: {step.name}")
            measured = list(step.measure(left) if isinstance(step, Round) else step.measure())
            record.append(file, measured)
            records += measured
    return records


def _transient(record: Record) -> bool:
    """Whether a record is of a measurement on a busy machine, or of a failure that may not occur again."""
    if record.quantity == "failure":
        return record.value < 0 or record.value == Exit.RESOURCES
    return bool(record.conditions.get("noisy"))
