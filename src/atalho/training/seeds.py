"""Training runs that differ only in their seed, one after another, and a summary of their accuracies."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

from atalho.data.dataset import Dataset
from atalho.record import Record
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.listeners import SILENT, Listeners
from atalho.training.tensorboard import curves


def execute(
    arguments: Arguments,
    seeds: Sequence[int],
    data: Dataset,
    folder: Callable[[int], Path],
    *,
    tensorboard: bool = False,
    resume: bool = False,
    allow_inexact: bool = False,
    listeners: Listeners = SILENT,
) -> list[Record]:
    """Trains with one seed after another, and returns the record of each run's test accuracy.

    Args:
        folder: returns the folder of the run with a seed.
        tensorboard: whether each run's curves are written for TensorBoard too, in its folder.
        resume, allow_inexact, listeners: of every run, as in `run.execute`.
    """
    accuracies = []
    for seed in seeds:
        with ExitStack() as stack:
            if tensorboard:
                row = stack.enter_context(curves(folder(seed) / "tensorboard"))
                listeners = replace(listeners, row=row)
            records = run.execute(
                replace(arguments, seed=seed),
                data,
                folder(seed),
                resume=resume,
                allow_inexact=allow_inexact,
                listeners=listeners,
            )
        accuracies.append(tested(records))
    return accuracies


def tested(records: Sequence[Record]) -> Record:
    """The record of the top-1 accuracy on the test split, out of a run's records."""
    return next(
        each
        for each in records
        if each.quantity == "top1" and each.conditions.get("split") == "test"
    )


def summary(accuracies: Sequence[Record]) -> str:
    """One line, `test top-1 91.20 % …`: of one seed with its interval, of several with mean and standard deviation."""
    conditions = accuracies[0].conditions
    values = [each.value for each in accuracies]
    if len(accuracies) == 1:
        low, high = conditions["interval"]
        return (
            f"test top-1 {values[0]:.2%} (95 % interval {low:.2%} to {high:.2%}, "
            f"{conditions['images']} images; one seed, {conditions['seed']})"
        )
    each = ", ".join(f"{value:.2%}" for value in values)
    return (
        f"test top-1 {mean(values):.2%} ± {stdev(values):.2%} "
        f"(mean ± standard deviation of {len(values)} seeds: {each}; {conditions['images']} images)"
    )
