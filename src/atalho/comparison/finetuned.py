"""A network fine-tuned in the folds of its cross-validation, and kept where it is better on the same photos than its linear classifier.

folds/NETWORK, NETWORK-CHECKSUM, …   the training of each fold, and the one on all photos
fitted/NETWORK-CHECKSUM/             the network that was trained on all photos, and the out-of-fold answers that it promises
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np
import torch

from atalho.choice.choosing import Choice
from atalho.choice.pairs import SIGNIFICANT
from atalho.comparison.crossvalidated import Photos, folder_of
from atalho.comparison.folds import FoldTrainings
from atalho.comparison.held_out import HeldOut
from atalho.comparison.learning import Learning
from atalho.conditions import digest
from atalho.evaluation.accuracy import classified, pack
from atalho.features.embedding import Places
from atalho.features.head import NEVER, Floats
from atalho.recipes.changes import RecipeChanges
from atalho.record import Query, Record
from atalho.statistics import paired, quantile, wilson
from atalho.tasks import Step
from atalho.training.resolution import Resolved
from atalho.weights import trained
from atalho.weights.trained import Inference, Trained

OF_FOLDS = "finetuned_top1"
OF_SYSTEM = ("top1", "top5", "balanced_accuracy", "loss", "calibration_error")


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
        trainings: in each fold, and on all photos.
        linear: the record of its top-1 accuracy with a linear classifier.
    """

    trainings: FoldTrainings
    linear: Record

    # What the records say

    @property
    def name(self) -> str:
        """The network's name."""
        return self.trainings.name

    @property
    def network(self) -> Resolved:
        """The network, with its weights to begin from."""
        return self.trainings.network

    @property
    def photos(self) -> Photos:
        """The networks that were cross-validated together."""
        return self.trainings.photos

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
        linear, own = self.photos.conditions(self.network), self.trainings.arguments
        decided = {
            "folds": linear["arguments"],
            "recipe": asdict(own.recipe),
            "seed": own.seed,
            "precision": own.precision,
        }
        arguments = f"sha256:{digest(decided)}"
        return {**linear, "recipe": own.recipe.name, "arguments": arguments}

    # What the trainings come to

    def fitted(self) -> Trained:
        """The network that was trained on all photos; it is trained first, where that was not done."""
        folder = folder_of(self.photos.folder, self.name, self._conditions())
        if not (folder / trained.FILES[0]).exists():
            training = self.trainings.on_all()
            training.run()
            self._held_out.write(folder, training.trained())
        return trained.read(folder, named=self.name)

    @cached_property
    def _held_out(self) -> HeldOut:
        """What the networks of the folds say of the photos that they have not seen; they are trained first."""
        data, folds = self.trainings.data, self.trainings.folds
        logits: Floats = np.full((len(self.trainings.images.labels), len(data.classes)), NEVER)
        for number, (train, test) in enumerate(folds, start=1):
            training = self.trainings.training(train)
            if not training.finished:
                self.photos.listeners.warn(f"{self.name}: fold {number} of {len(folds)}")
                training.run()
            logits[test] = self._logits(training.trained(), test)
        return HeldOut(self.name, data, logits)

    @torch.inference_mode()
    def _logits(self, network: Trained, places: Places) -> Floats:
        device = self.trainings.arguments.device.torch
        images = self.trainings.images.select(torch.from_numpy(places))
        model = network.to(device).model
        batches = classified(model, images, network.preprocessing, Inference(device, "float32"))
        return np.concatenate([logits.double().cpu().numpy() for logits, _ in batches])

    def _compared(self) -> Record:
        """The out-of-fold accuracy, beside that of the linear classifier on the same photos."""
        measured, of_linear = self._held_out.accuracy, self.linear.conditions
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
    learning: Learning,
    choice: Choice | None,
    budget: TimeBudget | None,
    records: Sequence[Record],
) -> FineTuned | None:
    """The most accurate network within the limits that was cross-validated, to be fine-tuned; None where time does not suffice.

    Args:
        choice: among the networks with linear classifiers; None where none is within the limits.
        records: those that there are; what is in them takes no time.
    """
    networks = {each.arguments.network: each for each in learning.photos.networks}
    best = next((row for row in choice.within if row.network in networks), None) if choice else None
    if budget is None or best is None:
        return None
    linear = best.readings["top1"].records[-1]
    tuned = FineTuned(learning.in_folds(networks[best.network], budget.changes), linear)
    if tuned.step().done(records):
        return tuned
    needed, left = tuned.trainings.seconds(), budget.until - time.monotonic()
    if needed <= left:
        return tuned
    learning.photos.listeners.warn(
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
