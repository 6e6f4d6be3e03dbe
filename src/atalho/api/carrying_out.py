"""How a comparison is carried out: its networks learn here or on workers, and are measured here or on one of these, alone."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from atalho.api.loading import engine_request
from atalho.api.measuring import check_streams
from atalho.api.mistakes import keep_mistakes, unknown_folder, with_unknown
from atalho.api.preparing import Prepared, Setup
from atalho.api.reporting import Reporter
from atalho.api.units import Units
from atalho.errors import wrong_option
from atalho.record import Query, Record, read
from atalho.runtime.cluster import Cluster

if TYPE_CHECKING:
    from atalho.choice.choosing import Choice, Limits
    from atalho.comparison.comparing import Measured
    from atalho.comparison.finetuned import TimeBudget
    from atalho.engines.engine import Dtype, MemoryFormat
    from atalho.ranking import Comparison


@dataclass(frozen=True)
class Compared:
    """The result of a comparison.

    Args:
        records: all of the comparison's folder.
        comparison: the records that are ranked, the most accurate network first.
        limits: that the choice keeps to, by quantity in the records' units.
        choice: the network to take, and among which it was chosen; None where no network is known to keep to the limits.
        chosen: the folder with that network, ready for `predict`; None where nothing was chosen or trained.
        page: the path of the report.
        queries: which of the records the call is about.
    """

    records: list[Record]
    comparison: "Comparison"
    limits: "Limits"
    choice: "Choice | None"
    chosen: Path | None
    page: Path
    queries: "tuple[Query, ...]"


@dataclass(frozen=True)
class Measuring:
    """How the networks of a comparison are measured and chosen, in values that JSON can hold; all are as of `compare`."""

    output: str
    batch_size: Sequence[int]
    streams: int
    engine: str
    precision: "Dtype | None"
    memory_format: "MemoryFormat"
    max_engine_loss: float
    max_latency_ms: float | None
    max_memory_mb: float | None
    max_energy_j: float | None
    max_size_mb: float | None
    min_accuracy: float | None
    margin: float
    time_budget: float | None
    keep_thumbnails: bool
    unknown: str | None

    @property
    def limits(self) -> "Limits":
        """What the chosen network may cost at most, by quantity in the records' units."""
        from atalho.choice.limits import Budget

        return Budget(
            self.max_latency_ms,
            self.max_memory_mb,
            self.max_energy_j,
            self.max_size_mb,
            self.min_accuracy,
        ).limits


@dataclass(frozen=True)
class CarryingOut:
    """A comparison that is carried out.

    Args:
        begun: when, as `time.monotonic` returns it; its budget of time counts from then.
    """

    setup: Setup
    measuring: Measuring
    reporter: Reporter
    begun: float

    def here(self, cluster: Cluster | None) -> Compared:
        """Carries all of it out on this machine, but for what networks learn on workers, where there are some."""
        how, reporter, folder = self.measuring, self.reporter, Path(self.measuring.output)
        strangers, limits = unknown_folder(how.unknown, self.setup.data), how.limits
        prepared = self.setup.prepare(reporter)
        from atalho.comparison import comparing, handing_over
        from atalho.page import publish
        from atalho.tasks import Begun
        from atalho.training.listeners import Listeners

        dataset, settings = prepared.dataset, prepared.settings
        request = engine_request(
            how.engine,
            how.precision,
            how.memory_format,
            prepared.device,
            how.batch_size,
            how.max_engine_loss,
        )
        request.candidates(calibrated=dataset is not None)
        check_streams(how.streams, prepared.device)
        ahead = self._units(prepared, cluster).finish if cluster else None
        page = folder / "report.html"
        comparison = comparing.Comparison(
            prepared.networks,
            how.batch_size,
            request,
            how.streams,
            limits,
            how.margin / 100,
            self.setup.seeds,
            settings,
            self._budget(prepared),
        )
        with (
            reporter.steps("compare") as begin,
            reporter.training("training") as progress,
            reporter.reading("features") as reading,
        ):
            measured = comparing.compare(
                comparison,
                folder,
                say=reporter.say,
                begin=begin,
                listeners=Listeners(progress=progress, warn=reporter.say, reading=reading),
                ahead=ahead,
            )
            if dataset:
                keep_mistakes(
                    measured, dataset, folder, prepared.device, how.keep_thumbnails, reporter
                )
            begin(Begun("the chosen network's folder", measured.steps - 1, measured.steps))
            kept = handing_over.keep(measured, folder, reporter.say)
            ready = folder / comparing.CHOSEN if kept else None
            if strangers and ready:
                measured = with_unknown(measured, ready, strangers, folder, reporter)
            begin(Begun("the page", measured.steps, measured.steps))
            publish(measured.records, page, limits, measured.queries, [folder], how.margin / 100)
        return _compared(measured, ready, page)

    def measured_on(self, worker: str, cluster: Cluster) -> Compared:
        """Has networks learn on workers, and then one of these do all the rest, on its machine.

        Args:
            worker: its name or its address.
        """
        from atalho.comparison import comparing
        from atalho.comparison.learning import Learning
        from atalho.tasks import FILE, Work
        from atalho.training.listeners import SILENT

        prepared, folder = self.setup.prepare(self.reporter), Path(self.measuring.output)
        units = self._units(prepared, cluster)
        learning = Learning.of(
            prepared.networks, self.setup.seeds, prepared.settings, folder, SILENT
        )
        with Work(folder, self.reporter.say) as work:
            left = [each for each in learning.units(work.records()) if not each.finished()]
            if left:
                units.finish(left)
        how = self.measuring
        if how.time_budget is not None:
            passed = time.monotonic() - self.begun
            how = replace(how, time_budget=max(0.0, how.time_budget - passed))
        queries = units.compare(asdict(how), worker)
        records = read(folder / FILE)
        measured = comparing.ranked(self.measuring.limits, how.margin / 100, records, queries)
        chosen = folder / comparing.CHOSEN
        ready = chosen if measured.choice and chosen.exists() else None
        return _compared(measured, ready, folder / "report.html")

    def _units(self, prepared: Prepared, cluster: Cluster) -> Units:
        """The units on workers; all trainings have the precision and the threads that are known here."""
        alike = replace(self.setup, precision=prepared.precision, threads=cluster.threads)
        return Units(alike, Path(self.measuring.output), self.reporter, cluster)

    def _budget(self, prepared: Prepared) -> "TimeBudget | None":
        from atalho.comparison.finetuned import TimeBudget
        from atalho.features.objective import ACCURATE

        seconds, photos = self.measuring.time_budget, prepared.settings
        if seconds is None:
            return None
        if photos.objective != ACCURATE or not any(e.cross_validated for e in prepared.networks):
            raise wrong_option(
                "time-budget",
                "it is for networks that are cross-validated on photos, and compared by accuracy",
            )
        return TimeBudget(self.begun + seconds, prepared.changes)


def _compared(measured: "Measured", chosen: Path | None, page: Path) -> Compared:
    return Compared(
        measured.records,
        measured.ranked,
        measured.limits,
        measured.choice,
        chosen,
        page,
        measured.queries,
    )
