"""The trainings by which a network is fine-tuned in the folds of its cross-validation."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from atalho import recipes
from atalho.comparison.crossvalidated import Photos
from atalho.comparison.held_out import images_of
from atalho.comparison.training import Training
from atalho.data.dataset import Dataset, Images, divided
from atalho.features.embedding import Places, folds
from atalho.networks import subjects
from atalho.recipes.changes import RecipeChanges
from atalho.training import pace
from atalho.training.arguments import Arguments
from atalho.training.resolution import Resolved

RECIPE = "finetune"

PARTS = {"train": 0.85, "val": 0.15}
"""Of the photos of a training: those that are learned from, and those by which the best epoch is chosen."""


@dataclass(frozen=True)
class FoldTrainings:
    """A network's training in each fold, and on all photos.

    Args:
        photos: the networks that were cross-validated together.
        network: one of them.
        changes: to the recipe.
        runs: the folder for the trainings.
    """

    photos: Photos
    network: Resolved
    changes: RecipeChanges
    runs: Path

    @property
    def name(self) -> str:
        """The network's name."""
        return self.network.arguments.network

    @property
    def data(self) -> Dataset:
        """The photos, in the network's framing."""
        assert self.network.data
        return self.network.data

    @cached_property
    def images(self) -> Images:
        """All of them, in the order of their content."""
        return images_of(self.data)

    @cached_property
    def folds(self) -> list[tuple[Places, Places]]:
        """For each fold, the places of the images that are trained on and of those that are tested."""
        images = self.images
        keys, labels, groups = images.checksums(), images.labels.tolist(), images.groups()
        return folds(keys, labels, groups, self.photos.settings.folds)

    @cached_property
    def arguments(self) -> Arguments:
        """Of every training."""
        facts = subjects.facts(self.network.network)
        recipe = self.changes.apply(recipes.get(RECIPE, facts))
        return replace(self.network.arguments, recipe=recipe, new_head=True)

    def training(self, places: Places) -> Training:
        """The training on the images at some places, which are divided into `PARTS`."""
        images = self.images.select(torch.from_numpy(places))
        parts = divided(images.checksums(), images.labels.tolist(), images.groups(), PARTS)
        splits = {name: images.select(part) for name, part in parts.items()}
        data = replace(self.data, splits=splits)
        return Training(self.arguments, data, self.runs, self.photos.listeners)

    def on_all(self) -> Training:
        """The training on all photos."""
        return self.training(np.arange(len(self.images.labels)))

    def every(self) -> list[Training]:
        """The trainings of all folds in order, and the one on all photos."""
        return [*(self.training(train) for train, _ in self.folds), self.on_all()]

    def seconds(self) -> float:
        """About how long the trainings that are not finished take on this machine, early stops apart."""
        left = [each for each in self.every() if not each.finished]
        if not left:
            return 0.0
        of_one = pace.seconds_per_image(self.arguments, left[0].data, self.photos.listeners)
        return of_one * sum(pace.images(each.arguments, each.data) for each in left)
