"""Compares networks on data and a machine, in a folder; a second call measures what is missing.

records.jsonl     everything computed and measured, a line a record
runs/, fitted/, folds/   what the networks have learned: see `learning`
engines/          each network with its engine's files, ready for `predict`; removed when nothing is trained
chosen/           a copy of the chosen network's folder in engines/, with what it promises and a script that runs it without atalho
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from atalho import ranking
from atalho.benchmark.bench import Bench
from atalho.benchmark.entry import Entry
from atalho.benchmark.workload import PhotoFiles
from atalho.choice.choosing import MARGIN, Choice, Limits, choose
from atalho.choice.limits import from_files
from atalho.comparison import cited, finetuned
from atalho.comparison.answers import Answers
from atalho.comparison.finetuned import TimeBudget
from atalho.comparison.learning import Learning, Unit, units_in_folds
from atalho.comparison.published import AsPublished
from atalho.data.image import Framing
from atalho.engines import engine_config, samples
from atalho.engines.choosing import EngineRequest, Sample
from atalho.features.crossvalidation import PLAIN, Settings
from atalho.networks.subjects import Subject
from atalho.record import Query, Record
from atalho.tasks import Begin, Round, Step, Work, parts
from atalho.training.listeners import SILENT, Listeners
from atalho.training.resolution import Resolved
from atalho.weights.trained import Trained

ENGINES, CHOSEN = "engines", "chosen"

Say = Callable[[str], None]
Ahead = Callable[[Sequence[Unit]], None]


@dataclass(frozen=True)
class Comparison:
    """The networks, batch sizes and engine of a comparison.

    Args:
        networks: each with its training, its weights to begin from and its framing of the data. Without data only costs and
            times are measured, at the networks' own inputs.
        batches: batch sizes at which latency, memory and energy are measured.
        engine: on which they are measured.
        limits: what the chosen network may cost at most, by quantity in the records' units.
        margin: the accuracy that it may lose for a lower cost, as a fraction.
        seeds: of each network's trainings; the weights of the first are measured and may be chosen. The networks' own unless
            given.
        photos: how networks are fitted and chosen that are cross-validated on their features.
        budget: of time, for fine-tuning the best of these; without it none is.
    """

    networks: Sequence[Resolved]
    batches: Sequence[int]
    engine: EngineRequest
    streams: int = 1
    limits: Limits = field(default_factory=dict)
    margin: float = MARGIN
    seeds: Sequence[int] = ()
    photos: Settings = PLAIN
    budget: TimeBudget | None = None

    def learning(self, folder: Path, listeners: Listeners) -> Learning:
        """How the networks learn in the comparison's folder."""
        return Learning.of(self.networks, self.seeds, self.photos, folder, listeners)


@dataclass(frozen=True)
class Measured:
    """The result of a comparison.

    Attributes:
        records: all of the folder, also those of earlier calls.
        queries: which of the records this call is about.
        ranked: the networks side by side.
        limits: as of the call; that on latency is from file to label where the data are in files.
        choice: the network to take; None where none is known to keep to the limits.
        engines: by network, the folder with its weights and its engine's files; empty without data.
        steps: how many there were, with the two that follow: the chosen network's folder, and the page.
    """

    records: list[Record]
    queries: tuple[Query, ...]
    ranked: ranking.Comparison
    limits: Limits
    choice: Choice | None
    engines: Mapping[str, Path]
    steps: int = 0


def compare(
    comparison: Comparison,
    folder: Path,
    *,
    say: Say = lambda message: None,
    begin: Begin = lambda begun: None,
    listeners: Listeners = SILENT,
    ahead: Ahead | None = None,
) -> Measured:
    """Measures what is missing in `folder`, chooses by the validation images, and tests the chosen network.

    Args:
        say, begin: are called with a line before each step, and with the step as it begins.
        listeners: of each training run.
        ahead: is called with the units of work that come next and are not finished, and may finish any of them elsewhere.

    Raises:
        AtalhoError: for a folder that cannot be used, before anything is written; later as `run.execute`, where everything
            measured before is kept.
        Stopped: by a signal during training; a second call continues.
    """
    datasets = {each.data.framing: each.data for each in comparison.networks if each.data}

    @lru_cache(maxsize=1)  # it holds hundreds of photos; networks with equal framings share it
    def sample(framing: Framing) -> Sample:
        return samples.of_dataset(datasets[framing])

    learning = comparison.learning(folder, listeners)
    photos = learning.photos
    steps: list[Step | Round] = [*photos.steps()]
    entries: list[Entry] = []
    for each in comparison.networks:
        network = each.network
        if each.data is None:
            if cited.records(network.name):
                steps.append(_cited(network))
            entries.append(Entry.untrained(network))
        elif each.as_published:
            assert each.arguments.start
            published = AsPublished(
                each.arguments.start, each.data, comparison.engine.placement.device
            )
            steps.append(published.step())
            entries.append(_published(published, partial(sample, each.data.framing)))
        elif each in photos.networks:
            entries.append(
                _entry(each, partial(photos.fitted, each), sample, photos.identity(each))
            )
        else:
            runs = learning.trainings[network.name]
            steps += [run.step() for run in runs]
            entries.append(_entry(each, runs[0].trained, sample, runs[0].identity))
    work = Work(folder, say, begin, after=2)
    with work, Bench(comparison.engine, folder / ENGINES, say) as bench:
        files = next(map(PhotoFiles.of_dataset, datasets.values()), None)
        steps += bench.steps(entries, comparison.batches, comparison.streams, files)
        answers = {
            entry.network.name: [
                Answers(bench, entry, run) for run in learning.trainings.get(entry.network.name, ())
            ]
            for entry in entries
        }
        steps += [each.step("val") for of_network in answers.values() for each in of_network]
        _offer(ahead, learning.units(work.records()))
        records = work.carry_out(steps)
        measured = _ranked(comparison, records, [step.query for step in parts(steps)])
        if tuned := finetuned.affordable(learning, measured.choice, comparison.budget, records):
            of_folds = tuned.step()
            if not of_folds.done(records):
                _offer(ahead, units_in_folds(tuned.trainings))
            records = work.carry_out([of_folds])
            decision = tuned.decision(records)
            say(finetuned.said(decision))
            queries = [*measured.queries, of_folds.query]
            if decision.conditions["beside"]["kept"]:
                entry = _entry(tuned.network, tuned.fitted, sample, tuned.identity)
                entries = [entry if e.network.name == tuned.name else e for e in entries]
                own = bench.steps([entry], comparison.batches, comparison.streams, files)
                further: list[Step | Round] = [tuned.system(), *own]
                records = work.carry_out(further)
                queries = [
                    *tuned.in_place_of_linear(measured.queries),
                    of_folds.query,
                    *(step.query for step in parts(further)),
                ]
            measured = _ranked(comparison, records, queries)
        choice = measured.choice
        if choice and (tested := answers.get(choice.chosen.network)):  # None of an earlier call's
            test = tested[0].step("test")
            records = work.carry_out([test])
            measured = _ranked(comparison, records, [*measured.queries, test.query])
        if choice and (
            inside := photos.nested(
                choice.chosen.network, measured.ranked, measured.limits, comparison.margin
            )
        ):
            records = work.carry_out([inside])
            measured = replace(measured, records=records, queries=(*measured.queries, inside.query))
        engines = {entry.network.name: bench.engine_folder(entry) for entry in entries}
    if not datasets:
        engine_config.remove(folder / ENGINES)  # of random weights
    return replace(measured, engines=engines if datasets else {}, steps=work.done + work.after)


def _offer(ahead: Ahead | None, units: Sequence[Unit]) -> None:
    if ahead and (left := [each for each in units if not each.finished()]):
        ahead(left)


def _ranked(comparison: Comparison, records: list[Record], queries: Sequence[Query]) -> Measured:
    return ranked(comparison.limits, comparison.margin, records, queries)


def ranked(
    limits: Limits, margin: float, records: list[Record], queries: Sequence[Query]
) -> Measured:
    """The choice from the records that the queries are about; limits and margin as of `Comparison`."""
    compared = ranking.comparison(records, queries)
    kept = from_files(limits, compared)
    return Measured(records, tuple(queries), compared, kept, choose(compared, kept, margin), {})


def _entry(
    resolved: Resolved,
    trained: Callable[[], Trained],
    sample: Callable[[Framing], Sample],
    identity: Mapping[str, Any],
) -> Entry:
    """A network that was trained on data, to be measured."""
    assert resolved.data
    images = partial(sample, resolved.data.framing)
    alone = resolved.network.without_auxiliary()
    return Entry(alone, trained, images, calibrated=True, training=identity)


def _published(published: AsPublished, sample: Callable[[], Sample]) -> Entry:
    """A network as it is published, to be measured."""
    return Entry(
        published.trained.network.without_auxiliary(),
        lambda: published.trained,
        lambda: published.sample(sample()),
        calibrated=True,
        training=published.identity,
    )


def _cited(network: Subject) -> Step:
    """The step that cites published ImageNet accuracies, in a comparison without training."""
    conditions, records = {"data": "imagenet"}, partial(cited.records, network.name)
    quantities = ("top1", "top5")
    return Step("cited accuracy", network.name, quantities, partial(dict, conditions), records)
