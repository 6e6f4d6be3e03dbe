"""Other people's accuracy on ImageNet, for networks of the catalogue: single central crops, cited, known here without torch."""

from dataclasses import dataclass
from typing import Any

from atalho import networks
from atalho.record import Record
from atalho.weights import layouts


@dataclass(frozen=True)
class Accuracy:
    """A published accuracy on ImageNet's 50,000 validation images, one view of each.

    Args:
        top1, top5: in per cent, as printed; None where that is not.
        reference: who, and of which weights.
        protocol: how each image was looked at.
    """

    top1: float | None
    top5: float | None
    reference: str
    protocol: str


_SINGLE = "single central 224 crop, shorter side 256"

_TORCHVISION = {
    "alexnet.owt": (56.522, 79.066),
    "vgg11": (69.020, 88.628),
    "vgg11.bn": (70.370, 89.810),
    "vgg13": (69.928, 89.246),
    "vgg13.bn": (71.586, 90.374),
    "vgg16": (71.592, 90.382),
    "vgg16.bn": (73.360, 91.516),
    "vgg19": (72.376, 90.876),
    "vgg19.bn": (74.218, 91.842),
    "googlenet.bn": (69.778, 89.530),
    "inception_v3": (77.294, 93.450),
    "resnet18.b": (69.758, 89.078),
    "resnet34.b": (73.314, 91.420),
    "resnet50.v1_5": (76.130, 92.862),
    "resnet101.v1_5": (77.374, 93.546),
    "resnet152.v1_5": (78.312, 94.046),
}
"""Top-1 and top-5 in per cent of the weights IMAGENET1K_V1, as torchvision states them; V2's come of a newer recipe, which
would be compared with the others' old ones."""

_HE = {"resnet50": (75.3, 92.2), "resnet101": (76.4, 92.9), "resnet152": (77.0, 93.3)}
"""100 % less the authors' errors of one crop, which the paper does not print and their page of the models does."""

CITED: dict[str, tuple[Accuracy, ...]] = {
    **{
        name: (
            Accuracy(
                *found,
                f"torchvision, {layouts.library_name(name)}, IMAGENET1K_V1",
                "single central 299 crop, shorter side 342" if name == "inception_v3" else _SINGLE,
            ),
        )
        for name, found in _TORCHVISION.items()
    },
    **{
        name: (
            Accuracy(
                *found, "He et al. 2015, github.com/KaimingHe/deep-residual-networks", _SINGLE
            ),
        )
        for name, found in _HE.items()
    },
    "alexnet": (
        Accuracy(
            57.1,
            80.2,
            "Caffe's replication bvlc_alexnet, trained without relighting",
            "single central crop",
        ),
    ),
    "googlenet": (
        Accuracy(
            68.7,
            None,
            "Caffe's replication bvlc_googlenet, trained without relighting, scales or aspects",
            "single central crop",
        ),
        Accuracy(None, 89.93, "Szegedy et al. 2014, Table 3", "single central crop, one model"),
    ),
}
"""By name of network, for its own arithmetic: authors first, then a replication, then torchvision."""


def records(name: str) -> list[Record]:
    """What is published of a catalogue's network on ImageNet, as cited records; empty where none is published.

    Of a network that has no published number of its own, those of the variant that torchvision has: with the conditions
    `of`, the variant's name, and `differs`, what is other about it.
    """
    of = name if name in CITED else layouts.variant(name)
    if of is None:
        return []
    variant: dict[str, Any] = {} if of == name else {"of": of, "differs": networks.get(of).changes}
    return [
        Record.of(
            name,
            quantity,
            round(percent / 100, 6),
            "cited",
            data="imagenet",
            split="val",
            protocol=found.protocol,
            reference=found.reference,
            **variant,
        )
        for found in CITED[of]
        for quantity, percent in (("top1", found.top1), ("top5", found.top5))
        if percent is not None
    ]
