"""Compares networks on data and a machine, in a folder; a second call measures what is missing.

records.jsonl     everything computed and measured, a line a record
runs/NETWORK/     the training run of each network; NETWORK-CHECKSUM for further runs of one network
engines/          each network with its engine's files, ready for `predict`; removed when nothing is trained
chosen/           a copy of the chosen network's folder in engines/
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
    """The networks, batch sizes and engine of a comparison.

    Args:
        networks: each with its training, its weights to begin from and its framing of the data. Without data only costs and
            times are measured, at the networks' own inputs.
        batches: batch sizes at which latency, memory and energy are measured.
        engine: on which they are measured.
    """

    networks: Sequence[Resolved]
    batches: Sequence[int]
    engine: EngineRequest
    streams: int = 1


@dataclass(frozen=True)
class Measured:
    """The result of a comparison.

    Attributes:
        records: all of the folder, also those of earlier calls.
        queries: which of the records this call is about.
        engines: by network, the folder with its weights and its engine's files; empty without data.
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
    """Measures what is missing in `folder`, and returns all that is in it.

    Args:
        say: is called with a line before each step.
        listeners: of each training run.

    Raises:
        AtalhoError: for a folder that cannot be used, before anything is written; later as `run.execute`, where everything
            measured before is kept.
        Stopped: by a signal during training; a second call continues.
    """
    datasets = {each.data.framing: each.data for each in comparison.networks if each.data}

    @lru_cache(maxsize=1)  # it holds hundreds of photos; networks with equal framings share it
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
        steps += bench.steps(entries, comparison.batches, comparison.streams)
        records = carry_out(steps, folder, say)
        queries = tuple(step.query for step in parts(steps))
        engines = {each.network.name: bench.engine_folder(each) for each in entries}
    if not datasets:
        shutil.rmtree(folder / ENGINES, ignore_errors=True)  # of random weights
    return Measured(records, queries, engines if datasets else {})


def keep(network: str | None, measured: Measured, folder: Path) -> bool:
    """Replaces `chosen` by a copy of a network with its engine's files, or removes it where `network` is None.

    Returns:
        Whether `chosen` is there now; it is not for networks without trained weights.
    """
    target = folder / CHOSEN
    if target.exists():
        shutil.rmtree(target)
    source = measured.engines.get(network) if network else None
    if source is None or not source.exists():
        return False
    deploy.copy(source, target)
    return True


def _cited(network: Subject) -> Step:
    """The step that cites published ImageNet accuracies, in a comparison without training."""
    conditions, records = {"data": "imagenet"}, partial(cited.records, network.name)
    quantities = ("top1", "top5")
    return Step("cited accuracy", network.name, quantities, partial(dict, conditions), records)
