"""Networks compared on photos as they are: their weights know the photos' classes already, and nothing is trained."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from atalho.conditions import digest
from atalho.data.dataset import Batched, Dataset, Images, Split
from atalho.data.folder import labels_among
from atalho.data.image import Framing
from atalho.engines.choosing import Sample
from atalho.evaluation import accuracy, outcomes
from atalho.record import OF_A_SPLIT, Record
from atalho.runtime.device import Device
from atalho.tasks import Step
from atalho.training import stated
from atalho.weights.trained import Inference, Trained

SPLIT = "all"
"""What records call the images that weights are tried on as they are."""


@dataclass(frozen=True)
class Relabelled:
    """Images whose labels are those of a network's classes.

    Args:
        labels: the network's index for each of the data's classes.
    """

    images: Batched
    labels: tuple[int, ...]

    @property
    def framing(self) -> Framing:
        return self.images.framing

    def batches(self, size: int) -> Iterator[Split]:
        own = torch.tensor(self.labels)
        for batch in self.images.batches(size):
            yield Split(batch.images, own[batch.labels])


@dataclass(frozen=True)
class AsPublished:
    """A network with its weights on all photos.

    Args:
        data: in its framing; its classes are some of the network's, by label or by a name that is one class's alone.

    Raises:
        AtalhoError: DATA-CLASSES (exit 3), where the network does not know one of the classes.
    """

    trained: Trained
    data: Dataset
    device: Device

    def __post_init__(self) -> None:
        self.labels()

    def labels(self) -> tuple[int, ...]:
        """The network's index for each of the data's classes."""
        trained, data = self.trained, self.data
        return labels_among(data.classes, trained.classes, trained.network.name, Path(data.name))

    @property
    def identity(self) -> Mapping[str, Any]:
        """The conditions by which whatever is measured of the network is known to be of these weights."""
        decided = {"as published": self.trained.weights, "data": self.data.checksum}
        return {"arguments": f"sha256:{digest(decided)}"}

    def sample(self, of_data: Sample) -> Sample:
        """The data's sample for engines, with the network's labels."""
        if of_data.labels is None:
            return of_data
        return replace(of_data, labels=torch.tensor(self.labels())[of_data.labels])

    def step(self) -> Step:
        """The step that classifies every photo once."""
        name = f"accuracy on {self.data.name}"
        subject = self.trained.network.name
        return Step(name, subject, OF_A_SPLIT, partial(dict, self._conditions()), self._measured)

    def _conditions(self) -> dict[str, Any]:
        return {
            **stated.of_data(self.data.identity),
            **self.identity,
            "recipe": "as published",
            "weights": f"sha256:{self.trained.weights}",
            "split": SPLIT,
            "protocol": accuracy.PROTOCOL,
            "dtype": "float32",
        }

    def _measured(self) -> list[Record]:
        every = images_of(self.data)
        running = self.trained.to(self.device.torch)
        measured = accuracy.accuracy(
            running.model,
            Relabelled(every, self.labels()),
            self.trained.preprocessing,
            Inference(self.device.torch, "float32"),
        )
        of_images = outcomes.document(measured.outcomes, every, self.trained.classes)
        return accuracy.records(
            self.trained.network.name, measured, of_images, **self._conditions()
        )


def images_of(data: Dataset) -> Images:
    """All images of a data set: those to train on, to validate on and to test on, one after the other."""
    return data.training(with_validation=True).join(data.splits["test"])
