"""What a comparison's networks learn, in units that are done one by one, each with a lock and a result of its own in the folder.

runs/NETWORK/     the training run of each network; NETWORK-CHECKSUM for further runs of one network
fitted/           networks whose classifiers are fitted on features of all photos, or that are fine-tuned on all photos
folds/            the trainings of a network that is fine-tuned in the folds of its cross-validation
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from atalho.comparison.crossvalidated import Photos
from atalho.comparison.folds import FoldTrainings
from atalho.comparison.rehearsal import Rehearsal
from atalho.comparison.training import Training
from atalho.features.crossvalidation import Settings
from atalho.recipes.changes import RecipeChanges
from atalho.record import Record
from atalho.training.listeners import Listeners
from atalho.training.resolution import Resolved

RUNS, FITTED, FOLDS = "runs", "fitted", "folds"


@dataclass(frozen=True)
class Unit:
    """A training or a cross-validation, whose result is kept in the comparison's folder whoever does it.

    Args:
        name: for people; no other unit of the comparison has it.
        like: units for which it is equal take about the same time, memory and disk.
        finished: returns whether the result is there.
        run: does the work; raises IN-USE (exit 2) while another process does it.
        rehearse: does a little of it, and returns what all of it would take.
    """

    name: str
    like: str
    finished: Callable[[], bool]
    run: Callable[[], object]
    rehearse: Callable[[], Rehearsal]


@dataclass(frozen=True)
class Learning:
    """How the networks of a comparison learn.

    Args:
        photos: those that are cross-validated on their features.
        trainings: of all others by name, one for each seed.
        folder: the comparison's.
    """

    photos: Photos
    trainings: Mapping[str, Sequence[Training]]
    folder: Path

    @classmethod
    def of(
        cls,
        networks: Sequence[Resolved],
        seeds: Sequence[int],
        settings: Settings,
        folder: Path,
        listeners: Listeners,
    ) -> "Learning":
        """Of some networks, in a comparison's folder; arguments as of `Comparison`."""
        learners = [each for each in networks if each.data and not each.as_published]
        cross_validated = [each for each in learners if each.cross_validated]
        trainings = {
            each.network.name: [
                Training(replace(each.arguments, seed=seed), each.data, folder / RUNS, listeners)
                for seed in seeds or [each.arguments.seed]
            ]
            for each in learners
            if each.data and not each.cross_validated
        }
        return cls(Photos(cross_validated, settings, folder / FITTED, listeners), trainings, folder)

    def units(self, records: Sequence[Record] = ()) -> list[Unit]:
        """All that is learned before the networks are measured, but for what there are records of."""
        photos = self.photos
        return [
            *(
                Unit(
                    f"{each.arguments.network}: cross-validation",
                    each.arguments.network,
                    partial(photos.finished, each),
                    partial(photos.run, each),
                    partial(photos.rehearse, each),
                )
                for each in photos.networks
                if not photos.step(each).done(records)
            ),
            *(
                _of_training(
                    each, f"training on {each.data.name}, seed {each.arguments.seed}", "training"
                )
                for of_network in self.trainings.values()
                for each in of_network
                if not each.step().done(records)
            ),
        ]

    def in_folds(self, network: Resolved, changes: RecipeChanges) -> FoldTrainings:
        """The trainings by which a cross-validated network is fine-tuned; `changes` are to their recipe."""
        return FoldTrainings(self.photos, network, changes, self.folder / FOLDS)

    def fine_tuning(self, changes: RecipeChanges) -> list[Unit]:
        """The units of fine-tuning every network that is cross-validated."""
        return [
            unit
            for network in self.photos.networks
            for unit in units_in_folds(self.in_folds(network, changes))
        ]


def units_in_folds(trainings: FoldTrainings) -> list[Unit]:
    """The units of fine-tuning a network in the folds of its cross-validation, and on all photos."""
    *in_folds, on_all = trainings.every()
    count = len(in_folds)
    return [
        *(
            _of_training(each, f"fine-tuning without fold {number} of {count}", "fine-tuning")
            for number, each in enumerate(in_folds, start=1)
        ),
        _of_training(on_all, "fine-tuning on all photos", "fine-tuning"),
    ]


def _of_training(training: Training, what: str, like: str) -> Unit:
    network = training.arguments.network
    return Unit(
        f"{network}: {what}",
        f"{network}: {like}",
        lambda: training.finished,
        training.run,
        training.rehearse,
    )
