"""A network's name → its family, its depth and the colour that it has in every chart."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from atalho.page.chart.style import mixed
from atalho.ranking import Comparison

#            the family's name; its colours from shallow to deep on a light page; the same on a dark page
FAMILIES = {
    "plain": ("plain", ("#cf7a14", "#5c2606"), ("#b5691f", "#ffd9a8")),
    "resnet": ("residual", ("#3d93d4", "#0c2654"), ("#3a7bb8", "#c8e4ff")),
    "googlenet": ("GoogLeNet", ("#2b9a69", "#073d26"), ("#2c8a5f", "#aef0cd")),
    "inception": ("Inception", ("#858f24", "#3b410a"), ("#858f3c", "#e8efb4")),
    "vgg": ("VGG", ("#9a74d6", "#331763"), ("#8563c4", "#e0d2ff")),
    "alexnet": ("AlexNet", ("#d65f80", "#61112b"), ("#bd5370", "#ffccd8")),
}
OTHER = ("other", ("#858585", "#404040"), ("#808080", "#dadada"))

COMPARED = ("plain", "residual")
"""The families that He et al. 2015 compare; each has a panel of its own in figures that have panels for families."""


@dataclass(frozen=True)
class Style:
    """How a network is drawn.

    Attributes:
        family: `plain`, `residual`, `GoogLeNet`, …
        depth: layers with weights; 0 where it is not known.
        light, dark: its colour on a light and on a dark page, `#rrggbb`.
    """

    family: str
    depth: int
    light: str
    dark: str


def styles(
    comparison: Comparison, others: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Style]:
    """Returns the style of every network: a hue for each family, and a darker or lighter shade for each depth.

    Families stand together, and in a family the shallow networks come before the deep ones.

    Args:
        others: networks that are diagnosed but not compared, each with the depth that its records state.
    """
    stated = dict(others)
    for row in comparison.rows:
        params = row.readings.get("params")
        stated[row.network] = params.condition("depth") if params else stated.get(row.network)
    families: dict[str, list[tuple[int, str]]] = {}
    for network, depth in stated.items():
        families.setdefault(_key(network), []).append((_depth(network, depth), network))
    by_network = {}
    for key in [*FAMILIES, ""]:
        name, light, dark = FAMILIES.get(key, OTHER)
        members = sorted(families.get(key, []))
        for index, (depth, network) in enumerate(members):
            share = index / (len(members) - 1) if len(members) > 1 else 0.5
            by_network[network] = Style(name, depth, mixed(*light, share), mixed(*dark, share))
    return by_network


def of_family(styles: Mapping[str, Style], family: str, networks: Sequence[str]) -> list[str]:
    """Returns those of `networks` that belong to the family, the shallow before the deep."""
    return [name for name, style in styles.items() if style.family == family and name in networks]


def _key(network: str) -> str:
    """`resnet` for `resnet20` and for `timm:resnet50.a1_in1k`; empty for a family without a hue of its own."""
    letters = re.match(r"[a-z]*", network.rpartition(":")[2])
    return letters[0] if letters and letters[0] in FAMILIES else ""


def _depth(network: str, stated: Any) -> int:
    """The depth that a record states, or the number in the name."""
    if isinstance(stated, int):
        return stated
    number = re.match(r"[a-z]+(\d+)", network.rpartition(":")[2])
    return int(number[1]) if number else 0
