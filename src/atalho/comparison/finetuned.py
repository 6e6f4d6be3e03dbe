"""A network fine-tuned in the folds of its cross-validation, and kept where it is better on the same photos than its linear classifier.

folds/NETWORK, NETWORK-CHECKSUM, …   the training of each fold, and the one on all photos
fitted/NETWORK-CHECKSUM/             the network that was trained on all photos, and the out-of-fold answers that it promises
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from atalho import recipes
from atalho.choice.choosing import Choice
from atalho.choice.pairs import SIGNIFICANT
from atalho.comparison.crossvalidated import Photos, folder_of
from atalho.comparison.held_out import HeldOut, images_of
from atalho.comparison.training import Training
from atalho.conditions import digest
from atalho.data.dataset import Dataset, Images, divided
from atalho.evaluation.accuracy import classified, pack
from atalho.features.embedding import Places, folds
from atalho.features.head import NEVER, Floats
from atalho.networks import subjects
from atalho.recipes.changes import RecipeChanges
from atalho.record import Query, Record
from atalho.statistics import paired, quantile, wilson
from atalho.tasks import Step
from atalho.training import pace
from atalho.training.arguments import Arguments
from atalho.training.resolution import Resolved
from atalho.weights import trained
from atalho.weights.trained import Inference, Trained

RECIPE = "finetune"

OF_FOLDS = "finetuned_top1"
OF_SYSTEM = ("top1", "top5", "balanced_accuracy", "loss", "calibration_error")

PARTS = {"train": 0.85, "val": 0.15}
"""Of the photos of a training: those that are learned from, and those by which the best epoch is chosen."""


@dataclass(frozen=True)
class TimeBudget:
    """When fine-tuning must be over, and how it is done.

    Args:
        until: a time as `time.monotonic` returns it.
        changes: to the recipe.
    """

    until: float
    changes: RecipeChanges


@dataclass(frozen=True)
class FineTuned:
    """A network that is fine-tuned in the folds in which it was cross-validated.

    Args:
        photos: the networks that were cross-validated together.
        network: one of them.
        linear: the record of its top-1 accuracy with a linear classifier.
        changes: to the recipe.
        runs: the folder for the trainings.
    """

    photos: Photos
    network: Resolved
    linear: Record
    changes: RecipeChanges
    runs: Path

    # What the records say

    @property
    def name(self) -> str:
        """The network's name."""
        return self.network.arguments.network

    def step(self) -> Step:
        """The step that trains in every fold, and decides whether the result is kept."""
        return Step(
            f"fine-tuning in {self.photos.settings.folds} folds",
            self.name,
            (OF_FOLDS,),
            self._conditions,
            lambda: [self._compared()],
        )

    def system(self) -> Step:
        """The step that takes the out-of-fold accuracy as that of the network, where it is kept."""
        return Step(
            "accuracy after fine-tuning",
            self.name,
            OF_SYSTEM,
            self._conditions,
            lambda: self._held_out.records(self._conditions()),
        )

    def decision(self, records: Sequence[Record]) -> Record:
        """The newest record of its step, which must be done."""
        return [each for each in records if self.step().query.matches(each)][-1]

    def in_place_of_linear(self, queries: Sequence[Query]) -> list[Query]:
        """The queries without those of the network with its linear classifier, but for what was learned in cross-validation."""
        others = [each for each in queries if each.subject != self.name]
        of_linear = Query(self.name, ("learning_top1",), self.photos.conditions(self.network))
        return [*others, of_linear]

    @property
    def identity(self) -> Mapping[str, Any]:
        """The conditions by which whatever is measured of the network is known to be of it."""
        return {"arguments": self._conditions()["arguments"]}

    def _conditions(self) -> dict[str, Any]:
        linear, own = self.photos.conditions(self.network), self.arguments
        decided = {
            "folds": linear["arguments"],
            "recipe": asdict(own.recipe),
            "seed": own.seed,
            "precision": own.precision,
        }
        arguments = f"sha256:{digest(decided)}"
        return {**linear, "recipe": own.recipe.name, "arguments": arguments}

    # The trainings

    @cached_property
    def arguments(self) -> Arguments:
        """Of every training."""
        facts = subjects.facts(self.network.network)
        recipe = self.changes.apply(recipes.get(RECIPE, facts))
        return replace(self.network.arguments, recipe=recipe, new_head=True)

    def seconds(self) -> float:
        """About how long the trainings that are not finished take on this machine, early stops apart."""
        every = np.arange(len(self._images.labels))
        trainings = [
            self._training(places) for places in (*(train for train, _ in self._folds), every)
        ]
        left = [each for each in trainings if not each.finished]
        if not left:
            return 0.0
        of_one = pace.seconds_per_image(self.arguments, left[0].data, self.photos.listeners)
        return of_one * sum(pace.images(each.arguments, each.data) for each in left)

    def fitted(self) -> Trained:
        """The network that was trained on all photos; it is trained first, where that was not done."""
        folder = folder_of(self.photos.folder, self.name, self._conditions())
        if not (folder / trained.FILES[0]).exists():
            training = self._training(np.arange(len(self._images.labels)))
            training.run()
            self._held_out.write(folder, training.trained())
        return trained.read(folder, named=self.name)

    @property
    def _data(self) -> Dataset:
        assert self.network.data
        return self.network.data

    @cached_property
    def _images(self) -> Images:
        return images_of(self._data)

    @cached_property
    def _folds(self) -> list[tuple[Places, Places]]:
        images = self._images
        keys, labels, groups = images.checksums(), images.labels.tolist(), images.groups()
        return folds(keys, labels, groups, self.photos.settings.folds)

    def _training(self, places: Places) -> Training:
        """The training on the images at some places, which are divided into `PARTS`."""
        images = self._images.select(torch.from_numpy(places))
        parts = divided(images.checksums(), images.labels.tolist(), images.groups(), PARTS)
        splits = {name: images.select(part) for name, part in parts.items()}
        data = replace(self._data, splits=splits)
        return Training(self.arguments, data, self.runs, self.photos.listeners)

    @cached_property
    def _held_out(self) -> HeldOut:
        """What the networks of the folds say of the photos that they have not seen; they are trained first."""
        logits: Floats = np.full((len(self._images.labels), len(self._data.classes)), NEVER)
        for number, (train, test) in enumerate(self._folds, start=1):
            training = self._training(train)
            if not training.finished:
                self.photos.listeners.warn(f"{self.name}: fold {number} of {len(self._folds)}")
                training.run()
            logits[test] = self._logits(training.trained(), test)
        return HeldOut(self.name, self._data, logits)

    @torch.inference_mode()
    def _logits(self, network: Trained, places: Places) -> Floats:
        device = self.arguments.device.torch
        model, images = network.to(device).model, self._images.select(torch.from_numpy(places))
        batches = classified(model, images, network.preprocessing, Inference(device, "float32"))
        return np.concatenate([logits.double().cpu().numpy() for logits, _ in batches])

    def _compared(self) -> Record:
        """The out-of-fold accuracy, beside that of the linear classifier on the same photos."""
        measured, of_linear = self._held_out.accuracy, self.linear.conditions
        assert measured.outcomes
        right = pack(measured.outcomes.right)
        pairs = paired(right, of_linear["right"], measured.images)
        assert pairs
        beside = {
            "recipe": of_linear["recipe"],
            "top1": self.linear.value,
            "only_this": pairs.first,
            "only_other": pairs.second,
            "p": pairs.p,
            "kept": pairs.first > pairs.second and pairs.p < SIGNIFICANT,
        }
        return Record.of(
            self.name,
            OF_FOLDS,
            measured.top1,
            "measured",
            **self._conditions(),
            images=measured.images,
            # One of two systems is kept by these photos: the intervals of both hold together.
            interval=list(wilson(measured.top1, measured.images, quantile(2))),
            right=right,
            beside=beside,
        )


def affordable(
    photos: Photos,
    choice: Choice | None,
    budget: TimeBudget | None,
    records: Sequence[Record],
    runs: Path,
) -> FineTuned | None:
    """The most accurate network within the limits that was cross-validated, to be fine-tuned; None where time does not suffice.

    Args:
        choice: among the networks with linear classifiers; None where none is within the limits.
        records: those that there are; what is in them takes no time.
        runs: the folder for the trainings.
    """
    networks = {each.arguments.network: each for each in photos.networks}
    best = next((row for row in choice.within if row.network in networks), None) if choice else None
    if budget is None or best is None:
        return None
    linear = best.readings["top1"].records[-1]
    tuned = FineTuned(photos, networks[best.network], linear, budget.changes, runs)
    if tuned.step().done(records):
        return tuned
    needed, left = tuned.seconds(), budget.until - time.monotonic()
    if needed <= left:
        return tuned
    photos.listeners.warn(
        f"{tuned.name} is not fine-tuned: all folds would take about {_minutes(needed)} on this machine, and "
        f"{_minutes(max(0.0, left))} of the budget are left; --time-budget {ceil(1.1 * needed / 60) + 1}m would do"
    )
    return None


def said(decision: Record) -> str:
    """What fine-tuning came to, in a line."""
    beside = decision.conditions["beside"]
    kept = (
        "kept" if beside["kept"] else "not kept, since these photos do not show that it is better"
    )
    return (
        f"{decision.subject} fine-tuned: {decision.value:.2%} of {decision.conditions['images']} photos out of fold, with the linear "
        f"classifier {beside['top1']:.2%}; {beside['only_this']} photos only the first recognises, {beside['only_other']} only the "
        f"second (p = {beside['p']:.2g}): {kept}"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
