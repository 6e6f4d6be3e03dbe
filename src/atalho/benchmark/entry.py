"""A network that is to be measured, with trained or random weights, and the conditions of its records."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from atalho.data import imagenet
from atalho.data.batches import Preprocessing
from atalho.data.image import Framing
from atalho.engines import samples
from atalho.engines.choosing import Sample
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.record import Record
from atalho.weights.config import numbered
from atalho.weights.trained import Trained


@dataclass(frozen=True)
class Entry:
    """A network that is to be measured.

    Args:
        trained: loads it with its weights; is called only where an engine has to be chosen.
        sample: loads real images on which engines are compared.
        calibrated: whether the sample has images to calibrate int8 on.
        training: the conditions that identify its training.
    """

    network: Subject
    trained: Callable[[], Trained]
    sample: Callable[[], Sample]
    calibrated: bool
    training: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def untrained(cls, network: Subject) -> "Entry":
        """A network with random weights, and the photos that come with scikit-learn."""
        alone = network.without_auxiliary()
        photos = cache(partial(samples.of_photos, Framing(alone.input)))
        return cls(alone, partial(untrained, alone), photos, calibrated=False)

    @property
    def conditions(self) -> dict[str, Any]:
        """The conditions of all its records: its input, its training, and the checksum of the code of a network from a file."""
        code = subjects.code(self.network.name)
        own = {"code": f"sha256:{code}"} if code else {}
        return {"input": list(self.network.input), **self.training, **own}

    def cost_conditions(self) -> dict[str, Any]:
        """The conditions of the records of its cost."""
        return {**self.conditions, "num_classes": self.network.num_classes}

    def cost(self) -> list[Record]:
        """Parameters, multiply-accumulates and activations, from the table or counted on the module."""
        depth = subjects.facts(self.network).depth
        stated = self.cost_conditions() | ({} if depth is None else {"depth": depth})
        costs = subjects.costs(self.network)
        return [
            Record.of(self.network.name, quantity, value, "computed", **stated)
            for quantity, value in costs.items()
        ]


def untrained(network: Subject) -> Trained:
    """A network with random weights and ImageNet's preprocessing, for measurements that do not depend on weights."""
    channels = network.input[0]
    mean, std = (imagenet.MEAN, imagenet.STD) if channels == 3 else ((0.5,), (0.25,))
    model = subjects.build(network).eval()
    return Trained(
        network,
        model,
        Framing(network.input),
        Preprocessing.per_channel(mean, std),
        numbered(network.num_classes),
        "",
    )
