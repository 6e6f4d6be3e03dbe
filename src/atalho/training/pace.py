"""How long a training takes on this machine, by a few steps that are measured and thrown away."""

import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import NamedTuple

from torch import Tensor

from atalho.data.dataset import Dataset
from atalho.training.arguments import Arguments
from atalho.training.initial import initial_model, initial_weights
from atalho.training.listeners import SILENT, Listeners
from atalho.training.loop import Run
from atalho.training.metrics import LEAST_ROWS

STEPS = 3
"""Steps that are measured, after a first one that is slower."""

FORWARD = 1 / 3
"""The work for an image in validation, as a share of that in a training step: a backward pass costs about two forward passes."""


def images(arguments: Arguments, data: Dataset) -> float:
    """How many images a training takes through its steps; those that it validates on count by their work."""
    recipe = arguments.recipe
    epochs = recipe.length(len(data.splits["train"].labels)) * recipe.batch_size
    rows = max(LEAST_ROWS, epochs / len(data.splits["train"].labels))
    return epochs + FORWARD * rows * len(data.splits["val"].labels)


class Steps(NamedTuple):
    """A few training steps.

    Attributes:
        seconds: of a step over the images of its batch; the median.
        state: bytes of a checkpoint.
        weights: bytes of the network that the run would leave.
    """

    seconds: float
    state: int
    weights: int


def measured(arguments: Arguments, data: Dataset, listeners: Listeners = SILENT) -> Steps:
    """A few steps of a training on this machine.

    Raises:
        AtalhoError: as `initial_model`; OUT-OF-MEMORY (exit 6).
    """
    initial = initial_model(arguments, data, initial_weights(arguments, data), listeners)
    with closing(Run(arguments, initial, data, Path(), listeners=listeners)) as run:
        run.learner.model.train()
        times = []
        for _ in range(min(1 + STEPS, run.steps)):
            begun = time.monotonic()
            run.attempt()
            run.check()  # waits for the device
            times.append(time.monotonic() - begun)
        seconds = median(times[1:] or times) / arguments.recipe.batch_size
        weights = run.learner.inference.state_dict()
        return Steps(seconds, _size(run.state().tensors), _size(weights))


def seconds_per_image(arguments: Arguments, data: Dataset, listeners: Listeners = SILENT) -> float:
    """The time that a training step takes on this machine, over the images of its batch; raises as `measured`."""
    return measured(arguments, data, listeners).seconds


def _size(tensors: Mapping[str, Tensor]) -> int:
    return sum(each.nbytes for each in tensors.values())
