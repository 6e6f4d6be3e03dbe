"""Networks × data × machine → records, in a folder that a second call goes on with.

records.jsonl     everything computed and measured, a line a record
runs/NETWORK/     the training run of each network; NETWORK-CHECKSUM, where a network has several
engines/          each network with its engine's files, ready for `predict`; not kept for networks without data
chosen/           the chosen one of them
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from atalho.benchmark.bench import Bench
from atalho.benchmark.entry import Entry
from atalho.comparison import cited
from atalho.comparison.training import Training
from atalho.data.image import Framing
from atalho.engines import deploy, samples
from atalho.engines.choosing import EngineRequest, Sample
from atalho.networks.subjects import Subject
from atalho.record import Query, Record
from atalho.tasks import Round, Step, carry_out, parts
from atalho.training.listeners import SILENT, Listeners
from atalho.training.resolution import Resolved

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


@dataclass(frozen=True)
class Measured:
    """What a comparison came to.

    Attributes:
        records: all of the folder, also of earlier calls.
        queries: which of them this call was for.
        engines: by network, the folder in which it lies with its engine's files; none without data.
    """

    records: list[Record]
    queries: tuple[Query, ...]
    engines: Mapping[str, Path]


def compare(
    comparison: Comparison,
    folder: Path,
    *,
    say: Say = lambda message: None,
    listeners: Listeners = SILENT,
) -> Measured:
    """Measures what is missing in `folder`.

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
            training = Training(each.arguments, each.data, folder / RUNS, listeners)
            steps += training.steps()
            entries.append(
                Entry(
                    network.without_auxiliary(),
                    training.trained,
                    partial(sample, each.data.framing),
                    calibrated=True,
                    training=training.identity,
                )
            )
    with Bench(comparison.engine, folder / ENGINES, say) as bench:
        steps += bench.steps(entries, comparison.batches)
        records = carry_out(steps, folder, say)
        queries = tuple(step.query for step in parts(steps))
        engines = {each.network.name: bench.engine_folder(each) for each in entries}
    if not datasets:
        shutil.rmtree(folder / ENGINES, ignore_errors=True)  # weights that nobody trained
    return Measured(records, queries, engines if datasets else {})


def keep(network: str | None, measured: Measured, folder: Path) -> bool:
    """Puts a copy of a network on its engine into `chosen`, in the place of the last; none where the choice is none.

    False for networks without weights of their own.
    """
    kept = folder / CHOSEN
    if kept.exists():
        shutil.rmtree(kept)
    chosen = measured.engines.get(network) if network else None
    if chosen is None or not chosen.exists():
        return False
    deploy.copy(chosen, kept)
    return True


def _cited(network: Subject) -> Step:
    """Published ImageNet accuracies, where nothing is trained here."""
    conditions, records = {"data": "imagenet"}, partial(cited.records, network.name)
    quantities = ("top1", "top5")
    return Step("cited accuracy", network.name, quantities, partial(dict, conditions), records)
