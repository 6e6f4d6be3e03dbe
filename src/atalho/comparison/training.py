"""A network's training in a comparison: its run, and the accuracy of its weights on this machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from atalho.conditions import Owner, states, without
from atalho.data.dataset import Dataset
from atalho.evaluation import accuracy, outcomes
from atalho.record import CURVES, Record
from atalho.tasks import Step
from atalho.training import folder, run, stated
from atalho.training.arguments import Arguments
from atalho.training.listeners import Listeners
from atalho.weights.trained import Inference, Trained, read

ACCURACY = ("top1", "top5", "loss")

_MEASURED = (Owner.SYSTEM, Owner.MACHINE, Owner.PROTOCOL, Owner.RESULT)
"""The owners of the conditions that may change when the same weights are tested again."""


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

    def steps(self) -> list[Step]:
        """Two steps: the run, with its curves and its time; and the test, which is repeated on another machine."""
        name, data = self.arguments.network, self.data.name
        quantities = ("train_time", "train_throughput", *CURVES)
        trained: Callable[[], Mapping[str, Any]] = partial(dict, self.conditions)
        return [
            Step(f"training on {data}", name, quantities, trained, self._run),
            Step(f"testing on {data}", name, ACCURACY, self._tested, self._test),
        ]

    def trained(self) -> Trained:
        """The network with the weights of its finished run."""
        return read(self._folder, named=self.arguments.network)

    @property
    def _folder(self) -> Path:
        return folder.among(self.runs, self.arguments.saved(self.data))

    def _records(self) -> list[Record]:
        """The records of the run, which is carried out first where it is not finished."""
        return run.execute(
            self.arguments, self.data, self._folder, resume=True, listeners=self.listeners
        )

    def _run(self) -> list[Record]:
        return [each for each in self._records() if each.quantity not in ACCURACY]

    def _tested(self) -> dict[str, Any]:
        """The conditions of the test's records."""
        test = {"split": "test", "protocol": accuracy.PROTOCOL}
        return {**self.conditions, **stated.of_system(self.arguments), **test}

    def _test(self) -> list[Record]:
        """The accuracy that the run measured; or, where that was on another machine, the accuracy of its weights on this one."""
        of_run = [each for each in self._records() if each.quantity in ACCURACY]
        if states(of_run[0].conditions, self._tested()):
            return of_run
        trained, device = self.trained(), self.arguments.device.torch
        measured = accuracy.accuracy(
            trained.to(device).model,
            self.data.splits["test"],
            trained.preprocessing,
            Inference(device, self.arguments.precision),
        )
        of_machine = stated.of_system(self.arguments)
        of_weights = without(of_run[0].conditions, *_MEASURED)
        name = self.arguments.network
        of_images = outcomes.of_dataset(measured.outcomes, self.data, "test")
        conditions = {**of_weights, **of_machine, "split": "test"}
        return accuracy.records(name, measured, of_images, **conditions)
