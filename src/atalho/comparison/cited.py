"""Published ImageNet accuracies of the catalogue's networks for single central crops, as cited records; needs no torch."""

from dataclasses import dataclass
from typing import Any

from atalho import networks
from atalho.record import Record
from atalho.weights import layouts


@dataclass(frozen=True)
class Accuracy:
    """A published accuracy on ImageNet's 50,000 validation images, one view of each.

    Args:
        top1, top5: in per cent, as printed; None where it is not printed.
        reference: its source, and of which weights it is.
        protocol: how each image was resized and cropped.
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
"""Top-1 and top-5 in per cent of the weights IMAGENET1K_V1, as torchvision states them; IMAGENET1K_V2 was trained
by a newer recipe, so it could not be compared fairly with the others."""

_HE = {"resnet50": (75.3, 92.2), "resnet101": (76.4, 92.9), "resnet152": (77.0, 93.3)}
"""100 % less the authors' errors of one crop, which are printed not in the paper but on their page of the models."""

CITED: dict[str, tuple[Accuracy, ...]] = {
    **{
        name: (
            Accuracy(
                *percentages,
                f"torchvision, {layouts.library_name(name)}, IMAGENET1K_V1",
                "single central 299 crop, shorter side 342" if name == "inception_v3" else _SINGLE,
            ),
        )
        for name, percentages in _TORCHVISION.items()
    },
    **{
        name: (
            Accuracy(
                *percentages, "He et al. 2015, github.com/KaimingHe/deep-residual-networks", _SINGLE
            ),
        )
        for name, percentages in _HE.items()
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
"""By network, for exactly that network: the authors' accuracy where there is one, else a replication's or torchvision's."""


def records(name: str) -> list[Record]:
    """The published accuracies of a catalogue's network on ImageNet, as cited records; empty where none is published.

    For a network without a published accuracy of its own they are those of torchvision's variant, with two conditions: `of`, the
    variant's name, and `differs`, in what it differs.
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
            protocol=accuracy.protocol,
            reference=accuracy.reference,
            **variant,
        )
        for accuracy in CITED[of]
        for quantity, percent in (("top1", accuracy.top1), ("top5", accuracy.top5))
        if percent is not None
    ]
