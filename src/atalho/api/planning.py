"""What a comparison would do: its tasks with their time, memory and disk, by a few real steps of each."""

import heapq
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalho.api.loading import DATA_DIR, BadImages, Copies
from atalho.api.preparing import Setup
from atalho.api.reporting import QUIET, Reporter
from atalho.api.units import Units
from atalho.errors import AtalhoError
from atalho.explain.table import Table
from atalho.runtime.cluster import Cluster

if TYPE_CHECKING:
    from atalho.comparison.learning import Unit

Rehearsals = Mapping[str, Any]
"""By `Unit.like`, the fields of a `Rehearsal`, or the AtalhoError with which it ended."""


@dataclass(frozen=True)
class Planned:
    """A task of a comparison.

    Args:
        begins, seconds: when it begins, counted from the first task, and how long it takes; None where it cannot be done.
        memory: its peak in bytes, of a GPU where it runs on one and else of the process.
        available: bytes of that memory that nothing else used.
        disk: bytes that it needs in the comparison's folder.
        fits: whether its first steps were done, in the memory that there is.
        dropped: whether the time budget does not suffice for it.
        note: why it does not fit or is dropped, or on what it depends.
    """

    task: str
    begins: float | None
    seconds: float | None
    memory: int | None = None
    available: int | None = None
    disk: int | None = None
    fits: bool = True
    dropped: bool = False
    note: str = ""

    @property
    def ends(self) -> float:
        """When it ends, as far as that is known."""
        return (self.begins or 0.0) + (self.seconds or 0.0)

    def row(self) -> dict[str, Any]:
        """In units that people read."""
        return {
            "task": self.task,
            "begins after": None if self.begins is None else _duration(self.begins),
            "takes": None if self.seconds is None else _duration(self.seconds),
            "memory MB": self.memory and self.memory / 1e6,
            "disk MB": self.disk and self.disk / 1e6,
            "note": self.note,
        }


@dataclass(frozen=True)
class Plan:
    """The tasks of a comparison in the order in which they begin.

    Args:
        done: how many tasks of learning are finished already, and not among them.
        workers: how many tasks are worked on at once while networks learn.
        disk_free: bytes where the comparison's folder is.
    """

    tasks: tuple[Planned, ...]
    done: int
    workers: int
    disk_free: int

    @property
    def seconds(self) -> float:
        """How long all that is not dropped takes together, as far as that is known."""
        return max((each.ends for each in self.tasks if not each.dropped), default=0.0)

    @property
    def disk(self) -> int:
        """Bytes that all tasks need together in the comparison's folder."""
        return sum(each.disk or 0 for each in self.tasks)

    @property
    def table(self) -> Table:
        """A row for each task, and as notes what all of them take."""
        disk = f"{self.disk / 1e6:,.0f} MB of disk, of {self.disk_free / 1e6:,.0f} MB that are free"
        if self.disk > self.disk_free:
            disk += ": does not fit"
        notes = [f"all of it: {_duration(self.seconds)}; {disk}"]
        if self.done:
            notes.append(f"{self.done} more are done already")
        document = {
            "tasks": [asdict(each) for each in self.tasks],
            "done": self.done,
            "workers": self.workers,
            "seconds": self.seconds,
            "disk": self.disk,
            "disk_free": self.disk_free,
        }
        return Table([each.row() for each in self.tasks], document, notes=notes)


def plan(
    networks: str | Sequence[str] = (),
    data: str = "digits",
    *,
    data_dir: str | Path = DATA_DIR,
    bad_images: BadImages = "error",
    copies: Copies = "similar",
    img_size: int | None = None,
    weights: str | Mapping[str, str] | None = None,
    from_scratch: bool = False,
    recipe: str | None = None,
    as_published: bool = False,
    optimise: str = "accuracy",
    class_weights: bool = False,
    mirror: bool = True,
    group_by: str | Path | None = None,
    output: str | Path = "comparison",
    epochs: float | None = None,
    steps: int | None = None,
    batch_size: int | Sequence[int] = (1, 32),
    seed: int = 0,
    seeds: Sequence[int] = (),
    device: str = "auto",
    threads: int | None = None,
    time_budget: float | None = None,
    on: str | None = None,
    reporter: Reporter = QUIET,
) -> Plan:
    """What `compare` would do with the same arguments: its tasks, when they would begin, what they would take and what does not fit.

    Of each kind of task a few steps are done in a process of its own, and thrown away. Nothing is written.

    Args:
        time_budget: as of `compare`; fine-tuning that it does not suffice for is `dropped`.
        on: as of `compare`; the steps are done on the workers, as many at a time as they would.
        networks, data, output and all others: as of `compare`.

    Raises:
        AtalhoError: as `compare`, before anything is measured.
    """
    setup = Setup(
        networks=networks,
        data=data,
        data_dir=str(data_dir),
        bad_images=bad_images,
        copies=copies,
        img_size=img_size,
        weights=weights,
        from_scratch=from_scratch,
        recipe=recipe,
        as_published=as_published,
        optimise=optimise,
        class_weights=class_weights,
        mirror=mirror,
        group_by=str(group_by) if group_by else None,
        epochs=epochs,
        steps=steps,
        seed=seed,
        seeds=seeds,
        device=device,
        threads=threads,
    )
    cluster = None if on is None else Cluster(on, threads)
    prepared = setup.prepare(reporter)
    if cluster:
        setup = replace(setup, precision=prepared.precision, threads=cluster.threads)
    from atalho import record
    from atalho.comparison.learning import Learning
    from atalho.tasks import FILE
    from atalho.training.listeners import SILENT

    folder = Path(output)
    learning = Learning.of(prepared.networks, seeds, prepared.settings, folder, SILENT)
    records = record.read(folder / FILE) if (folder / FILE).exists() else []
    every = learning.units()
    left = [each for each in learning.units(records) if not each.finished()]
    tuning = learning.fine_tuning(prepared.changes) if time_budget is not None else []
    tuning = [each for each in tuning if not each.finished()]
    first: dict[str, Unit] = {}
    for each in (*left, *tuning):
        first.setdefault(each.like, each)
    kinds = {each.name: like for like, each in first.items()}
    rehearsals = {}
    for name, value in Units(setup, folder, reporter, cluster).rehearse([*first.values()]):
        rehearsals[kinds[name]] = value
        reporter.say(f"[{len(rehearsals)}/{len(first)}] a few steps of {name}")
    batches = 1 if isinstance(batch_size, int) else len(batch_size)
    workers = max(1, cluster.slots) if cluster else 1
    tasks = _learned(left, rehearsals, workers)
    tasks.append(_measured(len(prepared.networks), batches, tasks))
    tasks += _fine_tuned(tuning, rehearsals, tasks[-1].ends, time_budget)
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(there).free
    return Plan(tuple(tasks), len(every) - len(left), workers, free)


def _learned(units: "Sequence[Unit]", rehearsals: Rehearsals, workers: int) -> list[Planned]:
    """The tasks in which networks learn: each begins as soon as a worker is free."""
    free, tasks = [0.0] * workers, []
    for each in units:
        rehearsed = rehearsals[each.like]
        if isinstance(rehearsed, AtalhoError):
            tasks.append(_failed(each.name, rehearsed))
            continue
        begins = heapq.heappop(free)
        heapq.heappush(free, begins + rehearsed["seconds"])
        tasks.append(_planned(each.name, begins, rehearsed, rehearsed["seconds"]))
    return tasks


def _planned(name: str, begins: float, rehearsed: Mapping[str, Any], seconds: float) -> Planned:
    memory, available = rehearsed["memory"], rehearsed["available"]
    fits = memory <= available
    note = "" if fits else f"does not fit: {available / 1e6:,.0f} MB of memory are free"
    return Planned(name, begins, seconds, memory, available, rehearsed["disk"], fits, note=note)


def _failed(name: str, error: AtalhoError) -> Planned:
    return Planned(
        name, None, None, fits=False, note=f"fails in its first steps: {error.code}, {error.cause}"
    )


def _measured(networks: int, batches: int, before: Sequence[Planned]) -> Planned:
    """All measurements of the networks' costs, which begin when nothing else is done any more."""
    from atalho.benchmark import latency

    begins = max((each.ends for each in before), default=0.0)
    seconds = networks * batches * latency.PLAN.turns * latency.PLAN.turn
    name = f"latency and all other costs of {networks} networks, alone"
    return Planned(name, begins, seconds, note="at the least: slow networks take longer")


def _fine_tuned(
    units: "Sequence[Unit]", rehearsals: Rehearsals, begins: float, budget: float | None
) -> list[Planned]:
    """For each network that may be fine-tuned, the trainings in its folds together: only the best one is."""
    kinds: dict[str, list[Unit]] = {}
    for each in units:
        kinds.setdefault(each.like, []).append(each)
    tasks = []
    for like, of_network in kinds.items():
        name, rehearsed = f"{like} in folds, and on all photos", rehearsals[like]
        if isinstance(rehearsed, AtalhoError):
            tasks.append(_failed(name, rehearsed))
            continue
        seconds = rehearsed["seconds"] * len(of_network)
        task = _planned(name, begins, rehearsed, seconds)
        assert budget is not None
        dropped = begins + seconds > budget
        note = "if it is the best; " + task.note
        if dropped:
            enough = ceil(1.1 * (begins + seconds) / 60) + 1
            note += f"dropped by --time-budget: {enough}m would do"
        disk = rehearsed["disk"] * len(of_network)
        fields = {**asdict(task), "disk": disk, "dropped": dropped, "note": note.rstrip("; ")}
        tasks.append(Planned(**fields))
    return tasks


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
