"""Networks × data × machine → records, in a folder that a second call goes on with.

records.jsonl     everything computed and measured, a line a record
runs/NETWORK/     the training run of each network
engines/          each network with its engine's files, ready for `predict`; not kept for networks without data
chosen/           the chosen one of them
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from atalho.benchmark.bench import Bench, Entry, engine_folder
from atalho.comparison import cited
from atalho.data.dataset import Dataset
from atalho.data.image import Framing
from atalho.engines import deploy, samples
from atalho.engines.choosing import EngineRequest, Sample
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.record import Record
from atalho.tasks import Round, Step, carry_out
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.listeners import SILENT, Listeners
from atalho.training.resolution import Resolved
from atalho.weights.trained import read

RUNS, ENGINES, CHOSEN = "runs", "engines", "chosen"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """What is to be compared, and how.

    Args:
        networks: each with its training, its weights to begin from and its framing of the data; without data they are
            costed and timed alone, at their own inputs.
        batches: batch sizes at which latency, memory and energy are measured.
        engine: the engine that they are measured on.
    """

    networks: Sequence[Resolved]
    batches: Sequence[int]
    engine: EngineRequest


def compare(
    comparison: Comparison,
    folder: Path,
    *,
    say: Say = lambda message: None,
    listeners: Listeners = SILENT,
) -> list[Record]:
    """Measures what is missing in `folder` and returns all its records.

    Args:
        say: is called with a line before each step.
        listeners: of each training run.

    Raises:
        AtalhoError: for a folder that cannot be used, before anything is written; as `run.execute` later, with everything
            measured before it kept.
        Stopped: by a signal during training; a second call goes on.
    """
    datasets = {each.data.framing: each.data for each in comparison.networks if each.data}

    @lru_cache(maxsize=1)  # of hundreds of photos; networks that frame them alike share it
    def sample(framing: Framing) -> Sample:
        return samples.of_dataset(datasets[framing])

    steps: list[Step | Round] = []
    entries: list[Entry] = []
    for each in comparison.networks:
        network = each.network
        if each.data is None:
            if cited.records(network.name):
                steps.append(_cited(network))
            entries.append(Entry.untrained(network))
        else:
            steps.append(_training(each.arguments, each.data, folder, listeners))
            entries.append(
                Entry(
                    network.without_auxiliary(),
                    partial(read, _run_folder(folder, network.name), named=network.name),
                    partial(sample, each.data.framing),
                    calibrated=True,
                )
            )
    with Bench(comparison.engine, folder / ENGINES, say) as bench:
        steps += bench.steps(entries, comparison.batches)
        records = carry_out(steps, folder, say)
    if not datasets:
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


def _run_folder(folder: Path, network: str) -> Path:
    return folder / RUNS / subjects.folder_name(network)


def _cited(network: Subject) -> Step:
    """Published ImageNet accuracies, where nothing is trained here."""
    known = {"data": "imagenet"}
    return Step("cited accuracy", network.name, "top1", known, partial(cited.records, network.name))


def _training(arguments: Arguments, data: Dataset, folder: Path, listeners: Listeners) -> Step:
    name, recipe = arguments.network, arguments.recipe

    def trained() -> list[Record]:
        place = _run_folder(folder, name)
        return run.execute(arguments, data, place, resume=True, listeners=listeners)

    images = len(data.training(with_validation=recipe.with_validation).labels)
    known = {
        "data": data.name,
        "split": "test",
        "recipe": recipe.name,
        "steps": recipe.length(images),
        "seed": arguments.seed,
    }
    return Step(f"training on {data.name}", name, "top1", known, trained)
