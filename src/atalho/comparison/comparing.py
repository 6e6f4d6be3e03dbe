"""Networks × data × machine → records, in a folder that a second call goes on with.

records.jsonl     everything computed and measured, a line a record
runs/NETWORK/     the training run of each network
engines/          each network with its engine's files, ready to be asked; not kept for networks without data
chosen/           the chosen one of them
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from atalho.benchmark.bench import Bench, Entry, engine_folder
from atalho.comparison import cited
from atalho.data.dataset import Dataset, network_for
from atalho.engines import deploy, samples
from atalho.engines.choosing import EngineRequest
from atalho.grammar.facts import Facts
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.recipes.recipe import Recipe
from atalho.record import Record
from atalho.runtime.device import Device
from atalho.runtime.precision import Precision
from atalho.tasks import Round, Step, carry_out
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.run import Report
from atalho.weights.trained import Trained, read

RUNS, ENGINES, CHOSEN = "runs", "engines", "chosen"

DEMONSTRATION = ("plain20", "resnet20", "plain56", "resnet56", "googlenet.small")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """What is to be compared, and how.

    Args:
        networks: names, as `subjects.get` takes them.
        data: what they are trained and tested on; without it they are costed and timed alone, at their own inputs.
        recipe: the recipe for each network, by its name.
        batches: batch sizes at which latency, memory and energy are measured.
        precision: of the training.
        engine: the engine that they are measured on.
        starts: weights to begin from, by network.
    """

    networks: Sequence[str]
    data: Dataset | None
    recipe: Callable[[str, Facts], Recipe]
    batches: Sequence[int]
    seed: int
    device: Device
    precision: Precision
    engine: EngineRequest
    starts: Mapping[str, Trained] = field(default_factory=dict)


def compare(
    comparison: Comparison,
    folder: Path,
    *,
    say: Say = lambda message: None,
    report: Report = lambda progress: None,
) -> list[Record]:
    """Measures what is missing in `folder` and answers all its records.

    Args:
        say: told what is being done, a line a step.
        report: told of the progress of each training run.

    Raises:
        AtalhoError: for a name, an input or a folder that cannot be used, before anything is written; as `run.execute`
            later, with everything measured before it kept.
        Stopped: by a signal during training; a second call goes on.
    """
    networks = [network_for(name, comparison.data) for name in comparison.networks]
    data = comparison.data
    steps: list[Step | Round]
    with Bench(comparison.engine, folder / ENGINES, say) as bench:
        if data is None:
            steps = [
                *(_cited(each) for each in networks if cited.records(each.name)),
                *bench.steps([*map(Entry.untrained, networks)], comparison.batches),
            ]
        else:
            steps = [_training(comparison, data, each, folder, report) for each in networks]
            sample = cache(partial(samples.of_dataset, data))
            entries = [
                Entry(
                    each.without_auxiliary(),
                    partial(read, folder / RUNS / each.name, named=each.name),
                    sample,
                    calibrated=True,
                )
                for each in networks
            ]
            steps += bench.steps(entries, comparison.batches)
        records = carry_out(steps, folder, say)
    if data is None:
        shutil.rmtree(folder / ENGINES, ignore_errors=True)  # weights that nobody trained
    return records


def keep(network: str | None, engine: EngineRequest, folder: Path) -> bool:
    """Puts a copy of a network on its engine into `chosen`, in the place of the last; none where the choice is none.

    False for networks without weights of their own.
    """
    kept = folder / CHOSEN
    if kept.exists():
        shutil.rmtree(kept)
    chosen = engine_folder(folder / ENGINES, engine, network) if network else None
    if chosen is None or not chosen.exists():
        return False
    deploy.copy(chosen, kept)
    return True


def _cited(network: Subject) -> Step:
    """What others found on ImageNet, where nothing is trained here."""
    known = {"data": "imagenet"}
    return Step("cited accuracy", network.name, "top1", known, partial(cited.records, network.name))


def _training(
    comparison: Comparison, data: Dataset, network: Subject, folder: Path, report: Report
) -> Step:
    name = network.name
    recipe = comparison.recipe(name, subjects.facts(network))
    start = comparison.starts.get(name)
    arguments = Arguments(
        name,
        recipe,
        comparison.seed,
        comparison.device,
        comparison.precision,
        start=start,
        new_head=start is not None and tuple(start.classes) != data.classes,
    )

    def trained() -> list[Record]:
        return run.execute(arguments, data, folder / RUNS / name, resume=True, report=report)

    images = len(data.training(with_validation=recipe.with_validation).labels)
    known = {
        "data": data.name,
        "split": "test",
        "recipe": recipe.name,
        "steps": recipe.length(images),
        "seed": comparison.seed,
    }
    return Step(f"training on {data.name}", name, "top1", known, trained)
