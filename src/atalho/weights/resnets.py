"""How libraries and popular repositories name the weights of residual networks, and in which order their channels are.

A rule turns the path of a layer in the table, as `["conv2_1", "sum", "residual", "conv1"]`, into the library's name for it.
"""

import re
from collections.abc import Callable, Iterator

from atalho.grammar.layers import PadShortcut, walk
from atalho.grammar.network import Network

Rule = Callable[[list[str]], str]


def step(part: str) -> int:
    """The number at the end of a part's name: 2 of `conv2`; 0 where it has none."""
    digits = re.search(r"\d*$", part)
    return int(digits[0] or 0) if digits else 0


def numbered_layers(path: list[str], *, head: str = "fc", shortcut: str = "downsample") -> str:
    """`conv1`, `layer1.0.conv1`, `fc`: torchvision, timm and most repositories for CIFAR."""
    match path:
        case ["fc", _]:
            return head
        case ["conv1", part]:
            return f"{part}1"
    stage, block, branch, part = _block(path)
    name = part if branch == "residual" else f"{shortcut}.{int(part == 'bn')}"
    return f"layer{stage - 1}.{block - 1}.{name}"


def mmpretrain(path: list[str]) -> str:
    """As torchvision, in a backbone with a head."""
    name = numbered_layers(path, head="head.fc")
    return name if path[0] == "fc" else f"backbone.{name}"


def transformers(path: list[str]) -> str:
    """Hugging Face's `ResNetForImageClassification`."""
    kind = "normalization" if path[-1].startswith("bn") else "convolution"
    match path:
        case ["fc", _]:
            return "classifier.1"
        case ["conv1", _]:
            return f"resnet.embedder.embedder.{kind}"
    stage, block, branch, part = _block(path)
    layer = f"layer.{step(part) - 1}" if branch == "residual" else "shortcut"
    return f"resnet.encoder.stages.{stage - 2}.layers.{block - 1}.{layer}.{kind}"


def weiaicunzai(path: list[str]) -> str:
    """`conv2_x.0.residual_function.0`: weiaicunzai/pytorch-cifar100."""
    normalises = int(path[-1].startswith("bn"))
    match path:
        case ["fc", _]:
            return "fc"
        case ["conv1", _]:
            return f"conv1.{normalises}"
    stage, block, branch, part = _block(path)
    layer = (
        f"residual_function.{3 * (step(part) - 1) + normalises}"
        if branch == "residual"
        else f"shortcut.{normalises}"
    )
    return f"conv{stage}_x.{block - 1}.{layer}"


def _block(path: list[str]) -> tuple[int, int, str, str]:
    """The stage (2 is the first), the block in it (from 1), its branch, and the layer's name there."""
    row, _, branch, part = path
    stage, block = row.removeprefix("conv").split("_")
    return int(stage), int(block), branch, part


def both_sides(network: Network) -> Iterator[tuple[str, int, list[int]]]:
    """How to reorder the channels of a network whose option A pads zeros on both sides: the paper pads at the end.

    The repositories that name their layers as `numbered_layers` put half of the new channels before the old ones and half
    behind. The two networks are the same but for the order of the channels that blocks add to.

    Yields:
        The key of a tensor, an axis of it, and for every position on the axis the index of the channel to put there. Nothing for
        a network without option A.
    """
    order: list[int] = []
    padded = False
    for row in network.rows:
        leaves = dict(walk(row.layer, row.name))
        residual = f"{row.name}.sum.residual"
        shortcut = leaves.get(f"{row.name}.sum.shortcut")
        before = order
        if isinstance(shortcut, PadShortcut):
            padded = True
            first = (shortcut.channels - len(before)) // 2
            last = range(first + len(before), shortcut.channels)
            order = [*(first + index for index in before), *range(first), *last]
        if row.name == "conv1":
            order = list(range(leaves["conv1.conv"].filters))  # type: ignore[attr-defined]
        elif padded and f"{residual}.conv1" in leaves:
            yield f"{residual}.conv1.weight", 1, before
            yield f"{residual}.conv2.weight", 0, order
            for tensor in ("weight", "bias", "running_mean", "running_var"):
                yield f"{residual}.bn2.{tensor}", 0, order
        elif padded and row.name == "fc":
            yield "fc.linear.weight", 1, order
