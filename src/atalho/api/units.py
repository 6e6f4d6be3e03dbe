"""The units of a comparison's work, each in a process of its own: of this machine, or of the workers of a Dask scheduler."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalho.api import work
from atalho.api.preparing import Setup
from atalho.api.reporting import Reporter
from atalho.errors import AtalhoError, printable
from atalho.record import Query
from atalho.runtime import cluster
from atalho.runtime.cluster import Cluster, Task

if TYPE_CHECKING:
    from atalho.comparison.learning import Unit

CHILD = "atalho.api.unit_child"


@dataclass(frozen=True)
class Units:
    """How the units of a comparison are done in processes of their own.

    Args:
        setup: of the comparison, with the precision and the threads of every training, which no machine decides then.
        folder: the comparison's.
        workers: that do them; None for children of this process, one after another.
    """

    setup: Setup
    folder: Path
    reporter: Reporter
    workers: Cluster | None = None

    def finish(self, units: "Sequence[Unit]") -> None:
        """Finishes units, so that their results are in the comparison's folder.

        Raises:
            AtalhoError: as `Cluster`; the first error of a unit, once all others have ended.
        """
        errors = []
        for number, (name, value) in enumerate(self._results(units), start=1):
            if isinstance(value, AtalhoError):
                errors.append(value)
                said = str(value)
            else:
                said = f"{value['seconds']:.1f} s on {printable(value['machine'])}"
            self.reporter.say(f"[{number}/{len(units)}] {name}: {said}")
        if errors:
            raise errors[0]

    def rehearse(self, units: "Sequence[Unit]") -> Iterator[tuple[str, Any]]:
        """The name of each unit with the fields of its `Rehearsal`, or with the error that it ended with; as they end."""
        return self._results(units, rehearse=True)

    def compare(self, measuring: dict[str, Any], worker: str) -> list[Query]:
        """Has a worker do all that is left of the comparison, and returns which records it is about.

        Args:
            measuring: the fields of `Measuring`.
            worker: its name or its address.

        Raises:
            AtalhoError: as `Cluster.results`, and as `compare` on the worker.
        """
        assert self.workers
        task = Task(
            f"comparison in {self.folder}", CHILD, {**self._message, "measuring": measuring}
        )
        with self.workers as workers:
            self.reporter.say(f"{worker} measures, alone")
            ((_, value),) = map(self._received, workers.results([task], worker))
        if isinstance(value, AtalhoError):
            raise value
        return [
            Query(each["subject"], tuple(each["quantities"]), each["conditions"]) for each in value
        ]

    @property
    def _message(self) -> dict[str, Any]:
        """What every child must know."""
        return work.message(folder=str(self.folder), setup=asdict(self.setup))

    def _results(
        self, units: "Sequence[Unit]", *, rehearse: bool = False
    ) -> Iterator[tuple[str, Any]]:
        message = {**self._message, "rehearse": rehearse}
        tasks = [Task(each.name, CHILD, {**message, "unit": each.name}) for each in units]
        if self.workers is None:
            yield from map(self._received, cluster.results(tasks))
            return
        yield from work.on_workers(self.workers, tasks, "tasks", self.reporter.say)

    def _received(self, result: cluster.Result) -> tuple[str, Any]:
        return work.received(result, self.reporter.say)
