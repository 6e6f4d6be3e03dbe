"""What a system says of photos that it has not seen → records, its calibration, and the system in a folder with what it promises."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from atalho.data.dataset import Dataset, Images
from atalho.evaluation import accuracy as evaluation
from atalho.evaluation import calibrating, outcomes
from atalho.features.embedding import by_content
from atalho.features.head import Floats
from atalho.features.objective import balanced_accuracy
from atalho.record import Record
from atalho.weights import trained
from atalho.weights.calibration import Calibration
from atalho.weights.out_of_fold import OutOfFold
from atalho.weights.trained import Trained

SPLIT = "out-of-fold"


@dataclass(frozen=True)
class HeldOut:
    """A system's logits of photos, each by a fit to other photos.

    Args:
        network: its name.
        data: the photos, in the network's framing.
        logits: (N, classes), in the order of `images_of`.
    """

    network: str
    data: Dataset
    logits: Floats

    @cached_property
    def images(self) -> Images:
        """The photos."""
        return images_of(self.data)

    @cached_property
    def calibration(self) -> Calibration | None:
        """The calibration of the system's probabilities by these photos."""
        return calibrating.calibrated([self._batch], len(self.images.labels), SPLIT)

    @cached_property
    def accuracy(self) -> evaluation.Accuracy:
        """The accuracy, with calibrated probabilities."""
        temperature = self.calibration.temperature if self.calibration else 1.0
        return evaluation.tally([self._batch], temperature=temperature)

    @property
    def _batch(self) -> evaluation.Classified:
        return torch.from_numpy(self.logits), self.images.labels

    def records(self, conditions: Mapping[str, Any]) -> Iterator[Record]:
        """The accuracy, loss and calibration, and the balanced accuracy with that of every class."""
        measured, classes = self.accuracy, {each: each for each in self.data.classes}
        of_images = outcomes.document(measured.outcomes, self.images, classes)
        yield from records(self.network, self.data.classes, measured, conditions, of_images)

    def write(self, folder: Path, system: Trained) -> None:
        """Writes the system that is fitted on all these photos, with what it promises of them."""
        own = replace(
            system,
            classes={each: each for each in self.data.classes},
            framing=self.data.framing,
            data=self.data.identity,
            precision="float32",
            calibration=self.calibration,
        )
        keys = b"".join(self.images.checksums())
        promised = OutOfFold(
            torch.frombuffer(bytearray(keys), dtype=torch.uint8).reshape(-1, 32),
            torch.from_numpy(self.logits),
        )
        folder.mkdir(parents=True, exist_ok=True)
        promised.write(folder)
        trained.write(folder, own.model.state_dict(), own.config)


def records(
    network: str,
    classes: Sequence[str],
    measured: evaluation.Accuracy,
    conditions: Mapping[str, Any],
    of_images: Mapping[str, Any] | None = None,
) -> Iterator[Record]:
    """An accuracy as records, with the balanced accuracy; arguments as of `accuracy.records`."""
    yield from evaluation.records(network, measured, of_images, **conditions)
    right, labels = measured.outcomes.right.numpy(), measured.outcomes.truth.numpy()
    per_class = zip(classes, measured.per_class, strict=True)
    yield Record.of(
        network,
        "balanced_accuracy",
        balanced_accuracy(right, labels),
        "measured",
        **conditions,
        images=measured.images,
        per_class={name: share for name, share in per_class if share is not None},
    )


def images_of(data: Dataset) -> Images:
    """All images, but for a test split that the data came with, in the order of their content."""
    images = data.training(with_validation=True)
    return by_content(images if data.own_test else images.join(data.splits["test"]))
