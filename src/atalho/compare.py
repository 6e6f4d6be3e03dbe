"""Networks × data × machine → records, in a folder that a second call goes on with.

records.jsonl   everything computed and measured, a line a record
runs/NETWORK/   the training run of each network
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from atalho import run, subjects
from atalho.arguments import Arguments
from atalho.data.dataset import Dataset
from atalho.measure import latency, memory
from atalho.precision import Precision
from atalho.recipes.recipe import Facts, Recipe
from atalho.record import Record
from atalho.run import Report
from atalho.steps import Step, carry_out
from atalho.subjects import Subject

DEMONSTRATION = ("plain20", "resnet20", "plain56", "resnet56", "googlenet.small")


@dataclass(frozen=True)
class Comparison:
    """What is to be compared, and how.

    Args:
        networks: names, as `subjects.get` takes them.
        data: what they are trained and tested on; without it they are costed and timed alone, at their own inputs.
        recipe: the recipe for each network.
        batches: batch sizes at which latency and memory are measured.
    """

    networks: Sequence[str]
    data: Dataset | None
    recipe: Callable[[Facts], Recipe]
    batches: Sequence[int]
    seed: int
    device: torch.device
    precision: Precision


def compare(
    comparison: Comparison,
    folder: Path,
    *,
    say: Callable[[str], None] = lambda message: None,
    report: Report = lambda progress: None,
) -> list[Record]:
    """Measures what is missing in `folder` and answers all its records.

    Args:
        say: told what is being done, a line a step.
        report: told of the progress of each training run.

    Raises:
        AtalhoError: for a name, an input or a folder that cannot be used, before anything is written; as `run.execute`
            and `memory.records` later, with everything measured before it kept.
        Stopped: by a signal during training; a second call goes on.
    """
    steps = [
        step for name in comparison.networks for step in _steps(comparison, name, folder, report)
    ]
    return carry_out(steps, folder, say)


def _steps(comparison: Comparison, name: str, folder: Path, report: Report) -> Iterator[Step]:
    """What there is to do for one network, in order."""
    network = subjects.for_data(name, comparison.data)
    device, precision = comparison.device, comparison.precision
    if (data := comparison.data) is not None:
        recipe = comparison.recipe(subjects.facts(network))
        arguments = Arguments(name, recipe, comparison.seed, device, precision)

        def trained() -> list[Record]:
            return run.execute(arguments, data, folder / "runs" / name, resume=True, report=report)

        images = len(data.training(with_validation=recipe.with_validation).labels)
        known = {
            "data": data.name,
            "split": "test",
            "recipe": recipe.name,
            "steps": recipe.length(images),
            "seed": comparison.seed,
        }
        yield Step(f"training on {data.name}", name, "top1", known, trained)
    yield from machine_steps(network, comparison.batches, device, precision)


def machine_steps(
    network: Subject, batches: Sequence[int], device: torch.device, precision: Precision
) -> Iterator[Step]:
    """Cost, latency and memory of a network, without training."""
    name = network.name
    of_network = {"input": list(network.input), "num_classes": network.num_classes}
    yield Step("cost", name, "params", of_network, partial(_costed, network))
    for batch in batches:
        known = {"input": list(network.input), "batch": batch, "dtype": precision}
        timed = partial(_timed, network, batch, device, precision)
        weighed = partial(memory.records, network, batch, device=device, precision=precision)
        yield Step(f"latency at batch {batch}", name, "latency", known, timed)
        yield Step(f"memory at batch {batch}", name, "peak_memory", known, weighed)


def _costed(network: Subject) -> list[Record]:
    given: dict[str, Any] = {"input": list(network.input), "num_classes": network.num_classes}
    if (depth := subjects.facts(network).depth) is not None:
        given["depth"] = depth
    return [
        Record.of(network.name, key, value, "computed", **given)
        for key, value in subjects.costs(network).items()
    ]


def _timed(
    network: Subject, batch: int, device: torch.device, precision: Precision
) -> list[Record]:
    model = subjects.build(network.without_auxiliary(), device=device)
    return latency.records(
        network.name, model, network.input, batch, device=device, precision=precision
    )
