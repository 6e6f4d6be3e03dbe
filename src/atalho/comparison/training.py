"""A network's training in a comparison: its run among others in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from atalho.comparison import rehearsal
from atalho.comparison.rehearsal import Rehearsal
from atalho.conditions import Owner, owned
from atalho.data.dataset import Dataset
from atalho.record import CURVES, Record
from atalho.tasks import Step
from atalho.training import checkpoint, folder, pace, stated
from atalho.training.arguments import Arguments
from atalho.training.listeners import Listeners
from atalho.training.run import execute
from atalho.weights.trained import Trained, read


@dataclass(frozen=True)
class Training:
    """A network's training on data, and its run.

    Args:
        runs: the comparison's folder of runs; `folder.among` finds the network's run in it.
        listeners: of the run.
    """

    arguments: Arguments
    data: Dataset
    runs: Path
    listeners: Listeners

    @cached_property
    def conditions(self) -> Mapping[str, Any]:
        """The conditions that describe the training in the records of its run."""
        return stated.of_training(self.arguments, self.data)

    @property
    def identity(self) -> Mapping[str, Any]:
        """The conditions that identify the run in records of measurements of its weights."""
        return {name: self.conditions[name] for name in ("arguments", "seed")}

    def step(self) -> Step:
        """The step of the run, with its curves and its time; it reads no test image."""
        quantities = ("train_time", "train_throughput", *CURVES)
        name = f"training on {self.data.name}"
        return Step(
            name, self.arguments.network, quantities, partial(dict, self.conditions), self.run
        )

    def trained(self) -> Trained:
        """The network with the weights of its finished run."""
        return read(self._folder, named=self.arguments.network)

    def as_run(self) -> Mapping[str, Any]:
        """The conditions of the training as its finished run states them, with the epochs that it lasted."""
        records = folder.measured(self._folder)
        of_run = next(each for each in records if each.quantity == folder.LAST)
        return owned(of_run.conditions, Owner.TRAINING)

    @property
    def finished(self) -> bool:
        """Whether the run is done."""
        return (self._folder / folder.RECORDS).exists()

    @property
    def _folder(self) -> Path:
        return folder.among(self.runs, self.arguments.saved(self.data))

    def rehearse(self) -> Rehearsal:
        """What the training would take here, by a few steps; this process must have done nothing else."""
        # A classifier is fitted on the features of all images: that is more than a few steps.
        recipe = replace(self.arguments.recipe, fitted_head=False)
        arguments = replace(self.arguments, recipe=recipe)
        images = pace.images(arguments, self.data)
        steps = pace.measured(arguments, self.data)
        disk = steps.weights + (checkpoint.KEEP + 1) * steps.state
        return rehearsal.measured(arguments.device, steps.seconds * images, images, disk)

    def run(self) -> list[Record]:
        """Trains, or goes on where the run stopped; returns the records of its curves and its time."""
        records = execute(
            self.arguments,
            self.data,
            folder.claimed(self.runs, self.arguments.saved(self.data)),
            resume=True,
            test=False,
            listeners=self.listeners,
        )
        return [each for each in records if each.quantity in self.step().quantities]
