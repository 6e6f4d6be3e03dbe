"""Measurements that are kept in a folder, a step at a time: what records.jsonl holds already is not measured again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atalho import record
from atalho.errors import AtalhoError, Exit
from atalho.record import Record

FILE = "records.jsonl"


@dataclass(frozen=True)
class Step:
    """One thing to measure: its name for people, a record that it leaves behind, and how to measure it."""

    name: str
    subject: str
    quantity: str
    conditions: Mapping[str, Any]
    measure: Callable[[], Iterable[Record]]

    def done(self, records: Iterable[Record]) -> bool:
        """Whether its record is there already."""
        return any(
            (each.subject, each.quantity) == (self.subject, self.quantity)
            and all(each.conditions.get(key) == value for key, value in self.conditions.items())
            for each in records
        )


def carry_out(steps: Sequence[Step], folder: Path, say: Callable[[str], None]) -> list[Record]:
    """Does what is not done yet and answers all records of the folder; each step's are on the disk before the next begins.

    Args:
        say: told what is being done, a line a step.

    Raises:
        AtalhoError: OUTPUT (exit 2), for a folder that holds something else or cannot be written, before anything is.
    """
    file = folder / FILE
    _prepare(folder, file)
    records = record.read(file)
    for number, step in enumerate(steps, start=1):
        if not step.done(records):
            say(f"[{number}/{len(steps)}] {step.subject}: {step.name}")
            found = list(step.measure())
            record.append(file, found)
            records += found
    return records


def _prepare(folder: Path, file: Path) -> None:
    if folder.exists() and not file.exists() and (not folder.is_dir() or any(folder.iterdir())):
        cause = "is no empty folder and holds no records; nothing was written"
    else:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.touch()
            return
        except OSError as error:
            cause = f"cannot be written ({error.strerror})"
    raise AtalhoError("OUTPUT", folder, cause, next_step="choose another --output", exit=Exit.USAGE)
