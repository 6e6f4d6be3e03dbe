"""The accuracy, loss and calibration of a trained network on a split, on the engine, in the precision and batch that a user will get."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from atalho.benchmark.bench import Bench
from atalho.benchmark.entry import Entry
from atalho.benchmark.system import System
from atalho.comparison.training import Training
from atalho.engines import deploy
from atalho.engines.module import on_engine
from atalho.evaluation import accuracy, outcomes
from atalho.record import OF_A_SPLIT, Record
from atalho.runtime.child import Ended
from atalho.tasks import Step
from atalho.weights.trained import Inference


@dataclass(frozen=True)
class Answers:
    """What a training's network answers on its engine.

    Args:
        entry: the network as it is measured, with the weights of the first seed.
        training: of these weights, or of those of another seed, which then run on the same backend.
    """

    bench: Bench
    entry: Entry
    training: Training

    def step(self, split: str) -> Step:
        """The step that classifies a split."""
        named = {"val": "validation", "test": "test"}
        name = f"{named[split]} on {self.training.data.name}"
        step = Step(
            name,
            self.entry.network.name,
            OF_A_SPLIT,
            lambda: self._conditions(split),
            lambda: self._measured(step, split),
        )
        return step

    def _conditions(self, split: str) -> Mapping[str, Any]:
        stated = {**self.bench.conditions(self.entry), **self.training.conditions}
        if self.training.conditions["seed"] != self.entry.training["seed"]:
            stated.pop("weights", None)  # of the first seed
        batch = self.bench.request.batch
        return {**stated, "batch": batch, "split": split, "protocol": accuracy.PROTOCOL}

    def _measured(self, step: Step, split: str) -> list[Record]:
        try:
            system = self.bench.system(self.entry)
        except Ended as ended:
            return [step.failure(ended.code, ended.cause)]
        trained = self.training.trained()
        placement = system.placement
        with self._folder(system) as folder, _threads_kept():
            running = on_engine(trained, folder, system.backend, placement)
            measured = accuracy.accuracy(
                running.model,
                self.training.data.splits[split],
                trained.preprocessing,
                Inference(placement.device.torch, "float32", self.bench.request.batch),
                trained.temperature,
            )
        weights = {"weights": f"sha256:{trained.weights}"}
        stated = {**self._conditions(split), **self.training.as_run(), **weights}
        of_images = outcomes.of_dataset(measured.outcomes, self.training.data, split)
        return accuracy.records(self.entry.network.name, measured, of_images, **stated)

    @contextmanager
    def _folder(self, system: System) -> Iterator[Path]:
        """The folder of the network on its engine; for the weights of another seed a temporary one."""
        if self.training.conditions["seed"] == self.entry.training["seed"]:
            yield system.folder
            return
        with TemporaryDirectory() as temporary:
            folder = Path(temporary) / "network"
            deploy.on_backend(self.training.trained(), folder, system.backend, self.entry.sample())
            yield folder


@contextmanager
def _threads_kept() -> Iterator[None]:
    """Restores torch's threads, which an engine sets for itself."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
