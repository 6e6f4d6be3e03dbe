"""Measurements that are kept in a folder, a step at a time: what records.jsonl holds already is not measured again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atalho import record
from atalho.conditions import states
from atalho.lock import locked, unusable
from atalho.record import Record

FILE = "records.jsonl"


@dataclass(frozen=True)
class Step:
    """One thing to measure: its name for people, a record that it leaves behind, and how to measure it.

    `conditions` are those of the record that are known beforehand; conditions that describe the result are ignored.

    Where it could not be measured, a `failure` record whose `stage` is the step's name stands for it.
    """

    name: str
    subject: str
    quantity: str
    conditions: Mapping[str, Any]
    measure: Callable[[], Iterable[Record]]

    def done(self, records: Iterable[Record]) -> bool:
        """Whether its record is there already; what was measured on a busy machine is measured again."""
        return any(
            each.subject == self.subject
            and not each.conditions.get("noisy")
            and (
                each.quantity == self.quantity
                or (each.quantity == "failure" and each.conditions.get("stage") == self.name)
            )
            and states(each.conditions, self.conditions)
            for each in records
        )


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
        parts = step.parts if isinstance(step, Round) else (step,)
        if left := [part for part in parts if not part.done(records)]:
            subject = f"{len(left)} networks" if len(left) > 1 else left[0].subject
            say(f"[{number}/{len(steps)}] {subject}: {step.name}")
            found = list(step.measure(left) if isinstance(step, Round) else step.measure())
            record.append(file, found)
            records += found
    return records
