"""The classes and preprocessing that are assumed for a file of weights alone: those usual for its network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor
from statistics import fmean
from typing import Any

from atalho.data import cifar, imagenet
from atalho.data.batches import Preprocessing
from atalho.data.image import RESAMPLING, Framing
from atalho.grammar.network import Network
from atalho.networks.subjects import Subject
from atalho.weights import config
from atalho.weights.config import Classes
from atalho.weights.layouts import PADS_BOTH_SIDES, Library

Statistics = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation of a channel's pixels in [0, 1]."""

IMAGENET: Statistics = imagenet.MEAN, imagenet.STD

CIFAR: dict[int, tuple[str, tuple[str, ...], Statistics]] = {
    10: ("CIFAR-10", cifar.CLASSES, ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010])),
    100: ("CIFAR-100", cifar.CLASSES_100, ([0.5071, 0.4865, 0.4409], [0.2673, 0.2564, 0.2762])),
}
"""By number of classes: the name, the classes in the order of the labels, and the statistics that most repositories use."""

CENTRED = ("googlenet", "inception_v3")
"""torchvision's networks that were trained on pixels in [-1, 1]; its models convert their input (`transform_input`)."""


@dataclass(frozen=True)
class Presumed:
    """The classes and preprocessing that are assumed for weights.

    Args:
        described: the classes, in words.
        pictures: how pictures are prepared, in words.
    """

    framing: Framing
    preprocessing: Preprocessing
    classes: Classes
    described: str
    pictures: str


def presumed(network: Subject, layout: Library | str | None) -> Presumed:
    """The classes and preprocessing that are usual for a network.

    Args:
        layout: the one that the weights are named in; None for a module that is not in the catalogue.
    """
    prefix, _, name = network.name.partition(":")
    if prefix == "timm":
        return _timm(network, name)
    if prefix == "torchvision":
        return _torchvision(network, name)
    if network.input == (3, 32, 32) and network.num_classes in CIFAR:
        return _cifar(network, layout)
    return _imagenet(network)


def _imagenet(network: Subject) -> Presumed:
    """ImageNet's; for images of one channel, its statistics averaged over the three."""
    mean, std = ([fmean(each)] if network.input[0] == 1 else each for each in IMAGENET)
    framing = Framing(network.input, 0.875)
    return numbered(network, framing, Preprocessing.per_channel(mean, std))


def numbered(
    network: Subject, framing: Framing, preprocessing: Preprocessing, whose: str = "ImageNet"
) -> Presumed:
    """Classes by number, or ImageNet's where there are as many, and pictures prepared in a given way."""
    count = network.num_classes
    return Presumed(
        replace(framing, input=network.input),
        preprocessing,
        config.numbered(count),
        f"{count} classes {'of ImageNet' if count == 1000 else 'by number'}",
        f"as for {whose}",
    )


def _cifar(network: Subject, layout: Library | str | None) -> Presumed:
    """CIFAR's; akamaster/pytorch_resnet_cifar10, whose names for a network with option A are its own, normalises as for ImageNet."""
    data, classes, statistics = CIFAR[network.num_classes]
    whose = f"as is usual for {data}"
    if layout in PADS_BOTH_SIDES and isinstance(network, Network) and "." not in network.name:
        statistics, whose = IMAGENET, "as in akamaster/pytorch_resnet_cifar10"
    mean, std = (" ".join(map(str, each)) for each in statistics)
    return Presumed(
        Framing(network.input, 1.0),
        Preprocessing.per_channel(*statistics),
        {name: name for name in classes},
        f"the {len(classes)} classes of {data}",
        f"normalised {whose} (mean {mean}, std {std})",
    )


def _timm(network: Subject, name: str) -> Presumed:
    import timm  # an optional package, which a network of timm's needs

    pretrained_cfg = timm.models.get_pretrained_cfg(name)
    if pretrained_cfg is None:
        return _imagenet(network)
    framing = Framing(
        network.input,
        pretrained_cfg.crop_pct,
        "squash" if pretrained_cfg.crop_mode == "squash" else "center",
        next((each for each in RESAMPLING if each == pretrained_cfg.interpolation), "bicubic"),
    )
    preprocessing = Preprocessing.per_channel([*pretrained_cfg.mean], [*pretrained_cfg.std])
    return numbered(network, framing, preprocessing, f"timm's {name}")


def _torchvision(network: Subject, name: str) -> Presumed:
    from torchvision.models import get_model_weights  # type: ignore[import-untyped]  # 2 s

    framing, preprocessing = of_torchvision(name, next(iter(get_model_weights(name))))
    return numbered(network, framing, preprocessing, f"torchvision's {name}")


def of_torchvision(name: str, entry: Any) -> tuple[Framing, Preprocessing]:
    """How pictures are prepared for weights of torchvision's, by torchvision's names for the network and the weights."""
    transforms = entry.transforms()
    (crop,), (resized,) = transforms.crop_size, transforms.resize_size
    mean, std = ([0.5] * 3, [0.5] * 3) if name in CENTRED else (transforms.mean, transforms.std)
    # With three decimals, rounded down, a division returns the exact size that pictures are resized to.
    crop_pct = floor(1000 * crop / resized) / 1000
    framing = Framing((3, crop, crop), crop_pct, interpolation=transforms.interpolation.value)
    return framing, Preprocessing.per_channel(mean, std)
