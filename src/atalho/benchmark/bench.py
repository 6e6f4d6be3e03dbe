"""The measurements of networks on this machine as steps in order: cost, engine and size, memory, latency, energy."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

from safetensors import SafetensorError

from atalho.benchmark import energy, latency, memory, requests, sensor, streams
from atalho.benchmark.entry import Entry
from atalho.benchmark.pool import Pool, groups
from atalho.benchmark.system import System
from atalho.benchmark.workload import PhotoFiles, Workload
from atalho.conditions import digest
from atalho.engines import ENGINES, choosing, engine_config
from atalho.engines.choosing import AUTO, EngineRequest
from atalho.engines.engine_config import EngineConfig
from atalho.errors import AtalhoError, Exit
from atalho.networks import subjects
from atalho.record import Record, now, versions
from atalho.runtime.child import Ended
from atalho.tasks import Round, Step
from atalho.weights import weightfile
from atalho.weights.trained import FILES


class Measure(NamedTuple):
    """A kind of measurement at a batch size: its name, the quantities of its records and their protocol."""

    name: str
    quantities: tuple[str, ...]
    protocol: str


MEMORY = Measure("memory", ("peak_memory", "added_memory"), memory.PROTOCOL)
LATENCY = Measure("latency", ("latency", "throughput"), latency.PROTOCOL)
STREAMS = Measure("throughput", ("throughput",), streams.PROTOCOL)
REQUESTS = Measure("requests", requests.QUANTITIES, requests.PROTOCOL)
ENERGY = Measure("energy", ("energy", "power"), energy.PROTOCOL)

SEVERAL = {MEMORY: memory, LATENCY: latency, STREAMS: streams, REQUESTS: requests}
"""The modules whose `records` measure several networks whose processes are open at once."""


class Bench:
    """Measures networks, each in a process of its own; a context, at whose end the processes are ended.

    Args:
        request: the engine on which they are measured.
        folder: in which each network has a folder with its engine's files, see `engine_folder`.
        say: is called with a line that says which engine was chosen and why, or that energy is not measured.
    """

    def __init__(self, request: EngineRequest, folder: Path, say: Callable[[str], None]) -> None:
        self.request = request
        self.folder = folder
        self.say = say
        self._systems: dict[str, System | Ended] = {}
        self._pool = Pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def steps(
        self,
        entries: Sequence[Entry],
        batches: Sequence[int],
        streams: int = 1,
        files: PhotoFiles | None = None,
    ) -> Iterator[Step | Round]:
        """All steps in order: cost, engine and size of each network, then memory, latency and energy of all by batch size.

        Args:
            streams: requests at once, whose throughput is measured where there are several.
            files: of a user's; requests about them are measured from file to label.
        """
        for entry in entries:
            name = entry.network.name
            yield Step("cost", name, subjects.COSTS, entry.cost_conditions, entry.cost)
            yield self._preparing(entry)
        alone = [*map(Workload, batches)]
        several = [Workload(batch, streams) for batch in batches if streams > 1]
        from_files = [Workload(1, files=files)] if files else []
        for measure, workloads in (
            (MEMORY, alone),
            (LATENCY, alone),
            (STREAMS, several),
            (REQUESTS, from_files),
        ):
            for together in groups(entries):
                yield from (self._round(measure, together, each) for each in workloads)
        energy_sensor = sensor.sensor(self.request.placement.device)
        if isinstance(energy_sensor, str):
            self.say(f"energy is not measured: {energy_sensor}")
            return
        for each in alone:
            yield from (self._measuring(ENERGY, entry, each) for entry in entries)

    def engine_folder(self, entry: Entry) -> Path:
        """The folder of a network with its engine's files; other weights, another machine or another request have other folders."""
        name = subjects.folder_name(entry.network.name)
        return (
            self.folder / self.request.name / f"{name}-{digest(self._engine_conditions(entry))[:8]}"
        )

    # The steps

    def _preparing(self, entry: Entry) -> Step:
        """The step that writes a network with its engine's files, with their size and their agreement with float32 eager."""

        def prepared() -> list[Record]:
            try:
                return self._prepare(entry)
            except Ended as ended:
                return [step.failure(ended.code, ended.cause)]

        conditions = partial(self._engine_conditions, entry)
        step = Step("engine", entry.network.name, choosing.QUANTITIES, conditions, prepared)
        return step

    def _measuring(self, measure: Measure, entry: Entry, workload: Workload) -> Step:
        """The step of a measurement of a network by such requests.

        By itself it measures energy; all else is measured of several networks in a `Round`, of which it is a part.
        """

        def conditions() -> dict[str, Any]:
            stated = {**self.conditions(entry), **workload.conditions()}
            return {**stated, "protocol": measure.protocol}

        def measured() -> list[Record]:
            try:
                system = self.system(entry)
                return energy.records(self._pool.child(system), system, workload.batch)
            except Ended as ended:
                return [step.failure(ended.code, ended.cause)]

        name = f"{measure.name} {workload}"
        step = Step(name, entry.network.name, measure.quantities, conditions, measured)
        return step

    def _round(self, measure: Measure, entries: Sequence[Entry], workload: Workload) -> Round:
        """A measurement of several networks, whose processes start together."""
        parts = tuple(self._measuring(measure, entry, workload) for entry in entries)

        def measured(steps: Sequence[Step]) -> list[Record]:
            left = {step.subject: step for step in steps}
            systems: list[System] = []
            outcomes: dict[str, list[Record] | Ended] = {}
            for entry in entries:
                if entry.network.name in left:
                    try:
                        systems.append(self.system(entry).under(workload))
                    except Ended as ended:
                        outcomes[entry.network.name] = ended
            process = self._pool.new_child if measure is MEMORY else self._pool.child
            children = {each.name: process(each) for each in systems}
            outcomes |= SEVERAL[measure].records(children, systems, workload)
            return [
                record
                for name, outcome in outcomes.items()
                for record in (
                    [left[name].failure(outcome.code, outcome.cause)]
                    if isinstance(outcome, Ended)
                    else outcome
                )
            ]

        return Round(parts[0].name, parts, measured)

    # Conditions

    def _engine_conditions(self, entry: Entry) -> dict[str, Any]:
        """The conditions of the engine's records, which are known before an engine is chosen; with the versions of all candidates."""
        request, device = self.request, self.request.placement.device
        candidates = request.candidates(entry.calibrated)
        packages = {
            package for each in candidates for package in ENGINES[each.engine].needs[each.dtype]
        }
        if request.engine == AUTO:
            engine = {
                "chosen_from": request.chosen_from(entry.calibrated),
                "chosen_for": request.batch,
                "max_loss": request.max_loss,
            }
        else:
            engine = {"engine": candidates[0].engine, "dtype": candidates[0].dtype}
        return {
            **entry.conditions,
            **engine,
            "device": device.model,
            "threads": device.threads,
            **request.placement.record_conditions(),
            "versions": versions("torch", "torchvision", *sorted(packages)),
        }

    def conditions(self, entry: Entry) -> dict[str, Any]:
        """The conditions of a measurement's records: all of them once the engine is chosen, before that those of the request."""
        system = self._prepared(entry)
        if isinstance(system, System):
            return system.record_conditions()
        requested = self._engine_conditions(entry)
        if self.request.engine == AUTO:
            requested["versions"] = versions("torch", "torchvision")
        return requested

    # The systems

    def system(self, entry: Entry) -> System:
        """The network on its engine, which is chosen first where necessary.

        Raises:
            Ended: where the network cannot run.
        """
        if self._prepared(entry) is None:
            self._prepare(entry)
        system = self._prepared(entry)
        if isinstance(system, Ended):
            raise system
        assert system
        return system

    def _prepared(self, entry: Entry) -> System | Ended | None:
        """The network on the engine that was chosen for it, or why it cannot run; None before `_prepare`."""
        name, folder = entry.network.name, self.engine_folder(entry)
        if name not in self._systems and (config := _engine(folder)):
            weights = config.files.get(FILES[0]) or weightfile.sha256(folder / FILES[0])
            stated = {**entry.conditions, "weights": f"sha256:{weights}"}
            if self.request.engine == AUTO:
                stated["chosen_from"] = self.request.chosen_from(entry.calibrated)
                stated["chosen_for"] = self.request.batch
                stated["max_loss"] = self.request.max_loss
            placement = replace(self.request.placement, named=name)
            self._systems[name] = System(
                name, folder, entry.network.input, config.backend, placement, stated
            )
        return self._systems.get(name)

    def _prepare(self, entry: Entry) -> list[Record]:
        """Chooses the engine, and writes the network with its engine's files into its folder.

        Raises:
            Ended: where the network cannot run.
            AtalhoError: DISK (exit 6).
        """
        trained, sample = entry.trained(), entry.sample()
        name, folder = entry.network.name, self.engine_folder(entry)
        if folder.exists():
            self.say(f"{folder}: is not whole, and is written anew")
            engine_config.remove(folder)
        self._systems.pop(name, None)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            trials = choosing.choose(trained, folder, self.request, sample)
        except (OSError, SafetensorError) as error:
            engine_config.remove(folder)
            cause = getattr(error, "strerror", None) or str(error)
            raise AtalhoError(
                "DISK",
                folder,
                f"{cause}; what was measured before is kept",
                next_step="the same command, once that is mended",
                exit=Exit.RESOURCES,
            ) from error
        except AtalhoError as error:
            if error.code != "ENGINE-DIFFERS":
                raise
            self._systems[name] = ended = Ended(error.exit, error.cause)
            raise ended from error
        except Ended as ended:
            self._systems[name] = ended
            raise
        if self.request.engine == AUTO or trials[0].unproven:
            self.say(f"{name}: {choosing.sentence(trials, self.request.batch)}")
        weights = {"weights": f"sha256:{trained.weights}"} if trained.weights else {}
        stated = {**self._engine_conditions(entry), **weights, "at": now()}
        return choosing.records(name, trials, sample, **stated)


def _engine(folder: Path) -> EngineConfig | None:
    """The engine that a folder is for; None where it is for none yet, or one of the engine's files was changed."""
    try:
        return engine_config.read(folder)
    except AtalhoError:
        return None
