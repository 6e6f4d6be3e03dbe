"""Measurements that are kept in a folder, a step at a time: what records.jsonl holds already is not measured again."""

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
    """One thing to measure: its name for people, the records that it leaves behind, and how to measure it.

    Args:
        quantities: of its records; the first is always there, unless it could not be measured.
        conditions: returns those of its records that are known before it is measured; called when the step comes up, and
            again where its records are looked for.
    """

    name: str
    subject: str
    quantities: tuple[str, ...]
    conditions: Callable[[], Mapping[str, Any]]
    measure: Callable[[], Iterable[Record]]

    @property
    def query(self) -> Query:
        """Its records, among others."""
        return Query(self.subject, self.quantities, self.conditions())

    def done(self, records: Iterable[Record]) -> bool:
        """Whether there is nothing to measure again: its first quantity is there, or failed for good.

        What was measured on a busy machine is measured again, and so is what failed for want of memory or by a signal: that is
        the machine's doing, and may not be so the next time. A failure of the network's own lasts until a condition changes.
        """
        query = Query(self.subject, self.quantities[:1], self.conditions())
        return any(query.matches(each) and not _passing(each) for each in records)

    def failure(self, code: int, cause: str) -> Record:
        """The record that it could not be measured.

        Args:
            code: the exit code of the process that tried, or minus the number of the signal that killed it.
            cause: in words.
        """
        known = self.conditions().items()
        stated = {name: value for name, value in known if owner(name) is not Owner.RESULT}
        stated |= {"stage": self.name, "missing": self.quantities[0], "cause": cause, "at": now()}
        return Record.of(self.subject, "failure", code, "measured", **stated)


@dataclass(frozen=True)
class Round:
    """One thing to measure of several networks by turns.

    Args:
        parts: a step for each of them; their own `measure` is not called.
        measure: from the steps that are not done to their records.
    """

    name: str
    parts: tuple[Step, ...]
    measure: Callable[[Sequence[Step]], Iterable[Record]]


def parts(steps: Iterable[Step | Round]) -> list[Step]:
    """The steps, those of rounds one by one."""
    return [part for each in steps for part in (each.parts if isinstance(each, Round) else (each,))]


def carry_out(
    steps: Sequence[Step | Round], folder: Path, say: Callable[[str], None]
) -> list[Record]:
    """Carries out the steps that are not done yet and returns all records of the folder; a step's records are on the disk before the next begins.

    Args:
        say: is called with a line before each step.

    Raises:
        AtalhoError: OUTPUT or IN-USE (exit 2), for a folder that holds something else, cannot be written or is another
            process's, before anything is.
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
            found = list(step.measure(left) if isinstance(step, Round) else step.measure())
            record.append(file, found)
            records += found
    return records


def _passing(record: Record) -> bool:
    """Whether a record is of a machine that was busy, or of a failure that may not come again."""
    if record.quantity == "failure":
        return record.value < 0 or record.value == Exit.RESOURCES
    return bool(record.conditions.get("noisy"))
