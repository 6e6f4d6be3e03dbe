"""Nested cross-validation: inside each fold a network is chosen as it is chosen on all photos, by the same limits and margin."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from atalho import ranking
from atalho.choice.choosing import Limits, choose, misses
from atalho.comparison.held_out import records
from atalho.conditions import digest
from atalho.data.dataset import Images
from atalho.evaluation.accuracy import tally
from atalho.features.crossvalidation import CrossValidated
from atalho.features.embedding import Embedding, Places
from atalho.ranking import Comparison, Row
from atalho.record import OF_A_SPLIT, Record, read
from atalho.statistics import wilson
from atalho.tasks import Step
from atalho.weights import out_of_fold

FILE = "folds.jsonl"
"""Beside a network's weights: its accuracy in each fold, on photos that the fold does not test."""


def of_folds(
    network: str,
    classes: Sequence[str],
    labels: Places,
    outcome: CrossValidated,
    conditions: Mapping[str, Any],
) -> Iterator[Record]:
    """The accuracies on the photos that each fold leaves to fit on, as inner folds held them out: what `FILE` holds.

    Args:
        labels: (N,) of all photos.
        outcome: of the network on them.
        conditions: of its records.
    """
    for fold, head in enumerate(outcome.fold_heads):
        own = labels[outcome.fitted_on(fold)]
        measured = tally([(torch.from_numpy(head.held_out), torch.from_numpy(own))])
        yield from records(network, classes, measured, {**conditions, "fold": fold})


def within(ranked: Comparison, limits: Limits) -> list[Row]:
    """The networks whose costs keep to the limits, by name; limits on an accuracy are left to the choice."""
    of_costs = {name: limit for name, limit in limits.items() if name not in OF_A_SPLIT}
    rows = [row for row in ranked.rows if "top1" in row.readings and not misses(row, of_costs)]
    return sorted(rows, key=lambda row: row.network)


@dataclass(frozen=True)
class Competition:
    """Networks that were cross-validated on the same photos, and how one of them is chosen.

    Args:
        accuracies: of each of them in each fold, on photos that the fold does not test.
        costs: the records of all else that they are compared by.
        limits, margin: as of `choose`.
    """

    accuracies: Sequence[Record]
    costs: Sequence[Record]
    limits: Limits
    margin: float

    def chosen_in(self, fold: int) -> str:
        """The network that is chosen on the photos that a fold does not test.

        Where the choice on these photos alone would be none, for they tell too little, it is the most accurate one.
        """
        accuracies = [each for each in self.accuracies if each.conditions["fold"] == fold]
        compared = ranking.comparison([*accuracies, *self.costs])
        choice = choose(compared, self.limits, self.margin)
        return (choice.chosen if choice else compared.rows[0]).network

    def predicted(self, photos: Embedding, classes: Mapping[str, Places], folds: int) -> Places:
        """(N,) the class for which each photo is taken by the network that its fold chooses without it.

        Args:
            photos: their features do not matter.
            classes: by network, (N,) the class for which it takes each photo in the fold that tests it.
        """
        predicted = np.zeros(len(photos.labels), np.int64)
        for fold, (_, test) in enumerate(photos.folds(folds)):
            predicted[test] = classes[self.chosen_in(fold)][test]
        return predicted


@dataclass(frozen=True)
class Nested:
    """The choice on all photos, to be made inside the folds too.

    Args:
        chosen: the network that is chosen on all photos.
        folders: of the networks that it is chosen among, by name, each with `FILE` and its out-of-fold answers.
        ranked: the networks side by side, with their costs.
        limits, margin: as of `choose`.
    """

    chosen: str
    folders: Mapping[str, Path]
    ranked: Comparison
    limits: Limits
    margin: float

    def step(self, images: Images, shared: Mapping[str, Any]) -> Step:
        """The step that measures how accurate it is to choose, on every photo once.

        Args:
            images: all photos, as they were cross-validated.
            shared: the conditions of the cross-validation that all networks share.
        """
        decided = {
            "networks": [folder.name for folder in self.folders.values()],
            "costs": [each.value for each in self._costs()],
            "limits": dict(self.limits),
            "margin": self.margin,
        }
        conditions = {**shared, "arguments": f"sha256:{digest(decided)}"}
        return Step(
            "choosing inside the folds",
            self.chosen,
            ("nested_top1",),
            partial(dict, conditions),
            partial(self._measured, images, conditions),
        )

    def _measured(self, images: Images, conditions: Mapping[str, Any]) -> Iterator[Record]:
        photos = Embedding.of(images, np.zeros((len(images.labels), 0), np.float32))
        accuracies = [each for folder in self.folders.values() for each in read(folder / FILE)]
        competition = Competition(accuracies, self._costs(), self.limits, self.margin)
        classes = {name: _classes(folder, photos) for name, folder in self.folders.items()}
        right = competition.predicted(photos, classes, conditions["folds"]) == photos.labels
        top1 = float(right.mean())
        yield Record.of(
            self.chosen,
            "nested_top1",
            top1,
            "measured",
            **conditions,
            images=len(right),
            interval=list(wilson(top1, len(right))),
            competitors=[*self.folders],
            limits=dict(self.limits),
        )

    def _costs(self) -> list[Record]:
        return costs(self.ranked, self.folders)


def costs(ranked: Comparison, networks: Collection[str]) -> list[Record]:
    """The records of all that some networks are compared by beside their accuracies."""
    return [
        each
        for row in ranked.rows
        if row.network in networks
        for quantity, reading in row.readings.items()
        if quantity not in OF_A_SPLIT
        for each in reading.records
    ]


def _classes(folder: Path, photos: Embedding) -> Places:
    """(N,) the class for which a network takes each photo in the fold that tests it."""
    answers = out_of_fold.read(folder)
    assert answers
    logits = answers.by_image()
    classes: Places = torch.stack([logits[each] for each in photos.images]).argmax(1).numpy()
    return classes
