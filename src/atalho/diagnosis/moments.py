"""A network at a moment of its training: at initialisation, after some steps of a recipe, or at the end of a finished run."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

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
    """A copy of a network at a moment of its training.

    Attributes:
        batch: the images that it is run on.
        preprocessing: None where the images are noise.
    """

    model: nn.Module
    batch: Batch
    preprocessing: Preprocessing | None = None


@dataclass
class Trajectory:
    """A network during a run of a recipe with a seed, in float32.

    Args:
        batch: number of training images in each snapshot.
    """

    network: Subject
    data: Dataset
    recipe: Recipe
    seed: int
    batch: int
    device: Device

    @cached_property
    def run(self) -> Run:
        """The run, at first before its first step; it writes no files."""
        arguments = Arguments(self.network.name, self.recipe, self.seed, self.device, "float32")
        return Run(arguments, initial_model(arguments, self.data, None), self.data, Path())

    def at(self, step: int) -> Snapshot:
        """The network after so many steps; calls must be in the order of the steps.

        Raises:
            ValueError: for a step before the one that the run has reached.
        """
        if step < self.run.step:
            raise ValueError(f"the run is at step {self.run.step}, beyond {step}")
        self.run.learner.model.train()
        while self.run.step < step:
            self.run.advance()
            if self.run.step % READ_EVERY == 0:
                self.run.renew()
        return self._snapshot(copy.deepcopy(self.run.learner.model), self.run.preprocessing)

    def end(self, run: Path) -> Snapshot:
        """The network at the end of the finished run in that folder."""
        trained = folder.load(run).to(self.device.torch)
        return self._snapshot(trained.model, trained.preprocessing)

    def _snapshot(self, model: nn.Module, preprocessing: Preprocessing) -> Snapshot:
        batch = training_batch(self.data, self.batch, preprocessing, self.device.torch)
        return Snapshot(model, batch, preprocessing)


def with_noise(network: Subject, seed: int, batch: int, device: torch.device) -> Snapshot:
    """A network at initialisation, with standard normal noise as images and random labels."""
    model = subjects.build(network, seed=seed, device=device)
    model.to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(batch, *network.input, generator=generator)
    labels = torch.randint(network.num_classes, (batch,), generator=generator)
    inputs = images.to(device, memory_format=torch.channels_last)
    return Snapshot(model, Batch(inputs, labels.to(device)))


@dataclass(frozen=True)
class Finished:
    """A finished run: its folder, the arguments saved in it, and its records."""

    folder: Path
    saved: SavedArguments
    records: tuple[Record, ...]

    def is_of(self, network: str, data: Dataset, seed: int) -> bool:
        """Whether it trained this network on data of the same content and image size, with this seed."""
        saved = self.saved
        shape = data.input if saved.framing is None else tuple(saved.framing["input"])
        run = saved.network, saved.data.checksum, shape, saved.seed
        return run == (network, data.checksum, data.input, seed)

    @property
    def conditions(self) -> dict[str, Any]:
        """The conditions of its training, its weights and the precision of its training, from the record of its test accuracy."""
        tested = next(each for each in self.records if each.quantity == "top1").conditions
        own = owned(tested, Owner.TRAINING, Owner.NETWORK)
        return {**own, "training_dtype": tested["dtype"]}


def finished(locations: Sequence[Path]) -> Iterator[Finished]:
    """The finished runs among `locations` and in their subfolders."""
    for location in locations:
        for run in (
            location,
            *sorted(path.parent for path in location.glob(f"*/{arguments.FILE}")),
        ):
            saved = arguments.read(run)
            if saved and (run / folder.RECORDS).exists():
                yield Finished(run, saved, tuple(folder.measured(run)))
