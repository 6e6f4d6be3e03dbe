"""The measurements of networks on this machine: cost, engine and size, memory, latency and energy, as steps in their order."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

from safetensors import SafetensorError

from atalho.benchmark import energy, latency, memory, sensor
from atalho.benchmark.system import System, failure
from atalho.data import imagenet
from atalho.data.batches import Preprocessing
from atalho.data.image import Framing
from atalho.engines import Backend, choosing, engine_config, samples
from atalho.engines.choosing import AUTO, EngineRequest, Sample
from atalho.errors import AtalhoError, Exit
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.record import Record
from atalho.runtime import machine
from atalho.runtime.child import Child, Ended
from atalho.tasks import Round, Step
from atalho.weights import weightfile
from atalho.weights.config import numbered
from atalho.weights.trained import FILES, Trained


@dataclass(frozen=True)
class Entry:
    """A network that is measured.

    Args:
        trained: loads its weights; called where an engine has to be chosen.
        sample: loads real images to compare engines on.
        calibrated: whether the sample has images to calibrate int8 on.
    """

    network: Subject
    trained: Callable[[], Trained]
    sample: Callable[[], Sample]
    calibrated: bool

    @classmethod
    def untrained(cls, network: Subject) -> "Entry":
        """A network with random weights, and the photos that come with scikit-learn."""
        alone = network.without_auxiliary()
        photos = cache(partial(samples.of_photos, Framing(alone.input)))
        return cls(alone, partial(untrained, alone), photos, calibrated=False)


class Bench:
    """Measures networks in processes of their own; a context, at whose end these are gone.

    Args:
        request: the engine that they are measured on.
        folder: for a folder of each network with its engine's files, see `engine_folder`.
        say: is called with a line that says which engine was chosen and why, or what is not measured.
    """

    def __init__(self, request: EngineRequest, folder: Path, say: Callable[[str], None]) -> None:
        self.request = request
        self.folder = folder
        self.say = say
        self._systems: dict[str, System | Ended] = {}
        self._children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children.values():
            child.close()

    def steps(self, entries: Sequence[Entry], batches: Sequence[int]) -> Iterator[Step | Round]:
        """All steps in order: cost, engine and size of each network, then memory, latency and energy of all by batch size."""
        placement = self.request.placement
        for entry in entries:
            name = entry.network.name
            shaped = {"input": list(entry.network.input), "num_classes": entry.network.num_classes}
            yield Step("cost", name, "params", shaped, partial(costed, entry.network))
            known = self._known(entry)
            yield Step("engine", name, "size", known, partial(self._engine, entry))
        for batch in batches:
            for entry in entries:
                known = self._known(entry, batch)
                measure = partial(self._memory, entry, batch)
                name = entry.network.name
                yield Step(f"memory at batch {batch}", name, "peak_memory", known, measure)
        for batch in batches:
            stage = f"latency at batch {batch}"
            parts = tuple(
                Step(stage, each.network.name, "latency", self._known(each, batch), tuple)
                for each in entries
            )
            yield Round(stage, parts, partial(self._latency, entries, batch))
        energy_sensor = sensor.sensor(placement.device)
        if isinstance(energy_sensor, str):
            self.say(f"energy is not measured: {energy_sensor}")
            return
        for batch in batches:
            for entry in entries:
                measure = partial(self._energy, entry, batch)
                known = self._known(entry, batch)
                name = entry.network.name
                yield Step(f"energy at batch {batch}", name, "energy", known, measure)

    def _known(self, entry: Entry, batch: int | None = None) -> dict[str, Any]:
        """The conditions by which a record is known to be there."""
        request = self.request
        given: dict[str, Any] = {
            "input": list(entry.network.input),
            "threads": request.placement.device.threads,
            **request.placement.record_conditions(),
        }
        if request.engine == AUTO:
            given["chosen_from"] = request.chosen_from(entry.calibrated)
        else:
            given |= {"engine": request.engine, "dtype": request.dtype or "float32"}
        return given if batch is None else {**given, "batch": batch}

    def _engine(self, entry: Entry) -> list[Record]:
        trained, sample = entry.trained(), entry.sample()
        name, folder = entry.network.name, self._folder(entry)
        shutil.rmtree(folder, ignore_errors=True)
        conditions = self._conditions(entry, trained.weights)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            trials = choosing.choose(trained, folder, self.request, sample)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(folder, ignore_errors=True)
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
            return self._failing(entry, "engine", ended)
        except Ended as ended:
            self._systems[name] = ended
            return self._failing(entry, "engine", ended)
        if self.request.engine == AUTO:
            self.say(f"{name}: {choosing.sentence(trials, self.request.batch)}")
        given = {
            **conditions,
            "input": list(entry.network.input),
            **machine.conditions(self.request.placement.device),
        }
        return choosing.records(name, trials, sample, **given)

    def _system(self, entry: Entry) -> System:
        """The network on its engine, which is chosen first where that was not done yet.

        Raises:
            Ended: where it cannot run.
        """
        name = entry.network.name
        if name not in self._systems:
            folder = self._folder(entry)
            if (backend := _backend_of(folder)) is None:
                self._engine(entry)
                backend = _backend_of(folder)
            if backend is not None:
                placement = replace(self.request.placement, named=name)
                given = self._conditions(entry, weightfile.sha256(folder / FILES[0]))
                self._systems[name] = System(
                    name, folder, entry.network.input, backend, placement, given
                )
        system = self._systems[name]
        if isinstance(system, Ended):
            raise system
        return system

    def _conditions(self, entry: Entry, weights: str) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if self.request.engine == AUTO:
            given["chosen_from"] = self.request.chosen_from(entry.calibrated)
        if weights:
            given["weights"] = f"sha256:{weights}"
        return given

    def _folder(self, entry: Entry) -> Path:
        return engine_folder(self.folder, self.request, entry.network.name)

    def _failing(self, entry: Entry, stage: str, ended: Ended) -> list[Record]:
        """The record of a network that cannot run at all."""
        return [failure(entry.network.name, stage, ended, **self._known(entry))]

    def _memory(self, entry: Entry, batch: int) -> list[Record]:
        try:
            return memory.records(self._system(entry), batch)
        except Ended as ended:
            return self._failing(entry, f"memory at batch {batch}", ended)

    def _latency(self, entries: Sequence[Entry], batch: int, parts: Sequence[Step]) -> list[Record]:
        failures: list[Record] = []
        ready: list[System] = []
        names = {part.subject for part in parts}
        for entry in entries:
            if entry.network.name in names:
                try:
                    ready.append(self._system(entry))
                except Ended as ended:
                    failures += self._failing(entry, f"latency at batch {batch}", ended)
        children = {each.name: self._child(each) for each in ready}
        return failures + latency.records(children, ready, batch)

    def _energy(self, entry: Entry, batch: int) -> list[Record]:
        try:
            system = self._system(entry)
        except Ended as ended:
            return self._failing(entry, f"energy at batch {batch}", ended)
        return energy.records(self._child(system), system, batch)

    def _child(self, system: System) -> Child:
        """The network's process; a new one where the last has ended."""
        child = self._children.get(system.name)
        if child is None or child.ended:
            child = self._children[system.name] = system.start()
        return child


def engine_folder(folder: Path, request: EngineRequest, network: str) -> Path:
    """The folder, in a bench's, of a network with the files of the engine that was requested."""
    return folder / request.name / subjects.folder_name(network)


def _backend_of(folder: Path) -> Backend | None:
    config = engine_config.read(folder)
    return config.backend if config else None


def untrained(network: Subject) -> Trained:
    """A network with random weights and ImageNet's preprocessing, for what does not depend on weights."""
    channels = network.input[0]
    mean, std = (imagenet.MEAN, imagenet.STD) if channels == 3 else ((0.5,), (0.25,))
    model = subjects.build(network).eval()
    return Trained(
        network,
        model,
        Framing(network.input),
        Preprocessing.per_channel(mean, std),
        numbered(network.num_classes),
        "",
    )


def costed(network: Subject) -> list[Record]:
    """Parameters, multiply-accumulates and activations, from the table."""
    given: dict[str, Any] = {"input": list(network.input), "num_classes": network.num_classes}
    if (depth := subjects.facts(network).depth) is not None:
        given["depth"] = depth
    return [
        Record.of(network.name, key, value, "computed", **given)
        for key, value in subjects.costs(network).items()
    ]
