"""A network at a moment of its training: at initialisation, after some steps of a recipe, or at the end of a finished run."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from atalho import record
from atalho.conditions import Owner, owned
from atalho.data.batches import Preprocessing
from atalho.data.dataset import Dataset
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.probes.passes import Batch
from atalho.probes.shown import training_batch
from atalho.recipes.recipe import Recipe
from atalho.record import Record
from atalho.runtime.device import Device
from atalho.training import arguments, folder
from atalho.training.arguments import Arguments, SavedArguments
from atalho.training.initial import initial_model
from atalho.training.loop import READ_EVERY, Run


@dataclass(frozen=True)
class Snapshot:
    """A network at a moment of its training, with a model of its own.

    Attributes:
        batch: the images that it is shown.
        preprocessing: None, where they are noise.
    """

    model: nn.Module
    batch: Batch
    preprocessing: Preprocessing | None = None


@dataclass
class Trajectory:
    """A network along the run of a recipe and a seed, in float32.

    Args:
        batch: training images that a snapshot shows it.
    """

    network: Subject
    data: Dataset
    recipe: Recipe
    seed: int
    batch: int
    device: Device

    @cached_property
    def run(self) -> Run:
        """The run before its first step; it writes nothing."""
        arguments = Arguments(self.network.name, self.recipe, self.seed, self.device, "float32")
        return Run(arguments, initial_model(arguments, self.data, None), self.data, Path())

    def at(self, step: int) -> Snapshot:
        """The network after so many steps; steps are asked for in rising order.

        Raises:
            ValueError: for a step that the run is beyond already.
        """
        if step < self.run.step:
            raise ValueError(f"the run is at step {self.run.step}, beyond {step}")
        self.run.model.train()
        while self.run.step < step:
            self.run.advance()
            if self.run.step % READ_EVERY == 0:
                self.run.renew()
        return self._shown(copy.deepcopy(self.run.model), self.run.preprocessing)

    def end(self, run: Path) -> Snapshot:
        """As the finished run in that folder left it."""
        trained = folder.load(run).to(self.device.torch)
        return self._shown(trained.model, trained.preprocessing)

    def _shown(self, model: nn.Module, preprocessing: Preprocessing) -> Snapshot:
        batch = training_batch(self.data, self.batch, preprocessing, self.device.torch)
        return Snapshot(model, batch, preprocessing)


def with_noise(network: Subject, seed: int, batch: int, device: torch.device) -> Snapshot:
    """At initialisation, shown standard normal noise with labels at random."""
    model = subjects.build(network, seed=seed, device=device)
    model.to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(batch, *network.input, generator=generator)
    labels = torch.randint(network.num_classes, (batch,), generator=generator)
    shown = images.to(device, memory_format=torch.channels_last)
    return Snapshot(model, Batch(shown, labels.to(device)))


@dataclass(frozen=True)
class Finished:
    """A finished run: its folder, what it says it is, and what it measured of itself."""

    folder: Path
    saved: SavedArguments
    records: tuple[Record, ...]

    def is_of(self, network: str, data: Dataset, seed: int) -> bool:
        """Whether it is a network's, on data of this content at this size, from this seed."""
        saved = self.saved
        shape = data.input if saved.framing is None else tuple(saved.framing["input"])
        run = saved.network, saved.data.checksum, shape, saved.seed
        return run == (network, data.checksum, data.input, seed)

    @property
    def conditions(self) -> dict[str, Any]:
        """Its training, its weights and its arithmetic, as its test accuracy's record gives them."""
        tested = next(each for each in self.records if each.quantity == "top1").conditions
        own = owned(tested, Owner.TRAINING, Owner.NETWORK)
        return {**own, "training_dtype": tested["dtype"]}


def finished(places: Sequence[Path]) -> Iterator[Finished]:
    """The finished runs that are one of `places`, or lie in one of them."""
    for place in places:
        for run in (place, *sorted(path.parent for path in place.glob(f"*/{arguments.FILE}"))):
            saved, records = arguments.read(run), run / folder.RECORDS
            if saved and records.exists():
                yield Finished(run, saved, tuple(record.read(records)))
