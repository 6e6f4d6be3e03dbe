"""Runs measurements step by step into a folder's records.jsonl; steps whose records are in the file are skipped."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any, Self

from atalho import record
from atalho.conditions import Owner, owner
from atalho.errors import AtalhoError, Exit
from atalho.files import sweep
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


@dataclass(frozen=True)
class Begun:
    """A step that begins now, for whoever shows how far the work is.

    Args:
        name: of the step and of what it is about, for people.
        number, of: its place among all steps, from 1 on.
        seconds: how long it will take, by the like steps that are done; None before there is one.
        left: how long it and all steps after it will take, in the same way.
    """

    name: str
    number: int
    of: int
    seconds: float | None = None
    left: float | None = None


Begin = Callable[[Begun], None]


class Pace:
    """How long steps have taken, by their kind: the name without batch size or split, as `latency` in `latency at batch 1`."""

    def __init__(self) -> None:
        self._taken: dict[str, list[float]] = {}

    def add(self, name: str, networks: int, seconds: float) -> None:
        """Adds a step that was carried out for so many networks."""
        self._taken.setdefault(name.partition(" ")[0], []).append(seconds / networks)

    def expected(self, name: str, networks: int) -> float | None:
        """The seconds of a step: as its kind's on average, or as all steps' where there is none of its kind."""
        like = self._taken.get(name.partition(" ")[0]) or [*chain(*self._taken.values())]
        return networks * fmean(like) if like else None


def parts(steps: Iterable[Step | Round]) -> list[Step]:
    """All steps in order, with every round replaced by its parts."""
    return [part for each in steps for part in (each.parts if isinstance(each, Round) else (each,))]


class Work:
    """Steps that are carried out in a folder, in one call of `carry_out` or in several; a context, which locks the folder.

    Args:
        say: is called with a line of progress before each step.
        begin: is called with each step as it begins.
        after: how many further steps the caller has.
    """

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        begin: Begin = lambda begun: None,
        after: int = 0,
    ) -> None:
        self.folder, self.say, self.begin, self.after = folder, say, begin, after
        self.done = 0  # steps of earlier calls
        self.pace = Pace()
        self._lock = ExitStack()

    def __enter__(self) -> Self:
        """Raises OUTPUT or IN-USE (exit 2) as the function `carry_out`."""
        self._lock.enter_context(locked(self.folder, sign=FILE, holds="records"))
        try:
            sweep(self.folder)
            (self.folder / FILE).touch()
        except OSError as error:
            self._lock.close()
            raise unusable(self.folder, f"cannot be written ({error.strerror})") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def records(self) -> list[Record]:
        """All records of the folder."""
        return record.read(self.folder / FILE)

    def carry_out(self, steps: Sequence[Step | Round]) -> list[Record]:
        """As the function `carry_out`."""
        records = self.records()
        for number, step in enumerate(steps, start=1):
            if left := [part for part in parts([step]) if not part.done(records)]:
                self._announce(steps, number, left)
                begun = time.monotonic()
                measured = [*(step.measure(left) if isinstance(step, Round) else step.measure())]
                self.pace.add(step.name, len(left), time.monotonic() - begun)
                _append(self.folder / FILE, measured)
                records += measured
        self.done += len(steps)
        return records

    def _announce(self, steps: Sequence[Step | Round], number: int, left: Sequence[Step]) -> None:
        """Says which step begins, and how long it and all later ones will take; `left` are its parts that are not done."""
        step = steps[number - 1]
        subject = f"{len(left)} networks" if len(left) > 1 else left[0].subject
        name = f"{subject}: {step.name}"
        self.say(f"[{number}/{len(steps)}] {name}")
        seconds = self.pace.expected(step.name, len(left))
        later = [self.pace.expected(each.name, len(parts([each]))) for each in steps[number:]]
        whole = None if seconds is None else seconds + sum(filter(None, later))
        of = self.done + len(steps) + self.after
        self.begin(Begun(name, self.done + number, of, seconds, whole))


def carry_out(
    steps: Sequence[Step | Round],
    folder: Path,
    say: Callable[[str], None],
    begin: Begin = lambda begun: None,
) -> list[Record]:
    """Carries out the steps that are not done yet and returns all records of the folder.

    The records of a step are on the disk before the next step begins.

    Args:
        say, begin: as of `Work`.

    Raises:
        AtalhoError: before any measurement; OUTPUT (exit 2), for a folder that holds something else or cannot be written;
            IN-USE (exit 2), where another process works in it. DISK (exit 6), where a measurement cannot be written.
    """
    with Work(folder, say, begin) as work:
        return work.carry_out(steps)


def _append(file: Path, measured: list[Record]) -> None:
    """Appends records; raises DISK (exit 6) where they cannot be written."""
    try:
        record.append(file, measured)
    except OSError as error:
        raise AtalhoError(
            "DISK",
            file,
            f"{error.strerror}; what was measured before is whole",
            next_step="the same command again, once that is mended",
            exit=Exit.RESOURCES,
        ) from error


def _transient(record: Record) -> bool:
    """Whether a record is of a measurement on a busy machine, or of a failure that may not occur again."""
    if record.quantity == "failure":
        return record.value < 0 or record.value == Exit.RESOURCES
    return bool(record.conditions.get("noisy"))
