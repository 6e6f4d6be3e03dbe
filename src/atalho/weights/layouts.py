"""The names that libraries and popular repositories give to a network's weights, by rule.

The table's own name of a tensor is its path (`conv2_1.sum.residual.conv1.weight`); a library's is another
(`layer1.0.conv1.weight`). One rule a family turns the path of a layer into the library's name for it; no key is listed by
hand. A library counts as having a network only where its arithmetic is the same: see `RULES`. Conversions of the authors' own
Caffe weights (Keras's are made from them too) have torchvision's names and the paper's arithmetic. Repositories for CIFAR
name the layers of a residual network in one of a few ways, and differ in two of the names.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal, get_args

from atalho.errors import AtalhoError, Exit
from atalho.grammar.layers import (
    AdaptiveAvgPool,
    BatchNorm,
    Conv,
    Flatten,
    Join,
    Layer,
    Linear,
    PReLU,
    walk,
)
from atalho.grammar.network import Network
from atalho.networks import resnet
from atalho.weights import resnets

Cifar = Literal["linear-shortcut", "linear-downsample", "fc-shortcut", "fc-downsample"]
"""How repositories for CIFAR name the last layer and the projections: akamaster's and kuangliu's are named as the first."""

Library = (
    Literal["torchvision", "timm", "caffe", "mmpretrain", "transformers", "weiaicunzai"] | Cifar
)
Rule = Callable[[Network], dict[str, str]]
"""Maps the path of every layer with weights to its name in a library."""

COUNTER = "num_batches_tracked"


def _numbered(network: Network) -> dict[str, str]:
    """AlexNet and VGG: layers are numbered in `features`, and from the first linear row on in `classifier`."""
    names = {}
    numbers: Counter[str] = Counter()
    for path, layer in _leaves(network):
        if not isinstance(layer, Flatten | AdaptiveAvgPool):  # these are in neither
            part = "classifier" if path.startswith("fc") else "features"
            names[path] = f"{part}.{numbers[part]}"
            numbers[part] += 1
    return names


def _vgg_timm(network: Network) -> dict[str, str]:
    """timm's VGG: fc6 and fc7 are convolutions."""
    head = {"fc6.linear": "pre_logits.fc1", "fc7.linear": "pre_logits.fc2", "fc8": "head.fc"}
    return {**_numbered(network), **head}


def _by_path(network: Network, rule: Callable[[list[str]], str]) -> dict[str, str]:
    return {path: rule(path.split(".")) for path, leaf in _leaves(network) if _tensors(leaf)}


def _kind(part: str) -> str:
    return "bn" if part.startswith("bn") else "conv"


def _googlenet(path: list[str]) -> str:
    kind = _kind(path[-1])
    reduces = path[-1].endswith("reduce")
    match path:
        case ["linear", _]:
            return "fc"
        case ["conv1", _]:
            return f"conv1.{kind}"
        case ["conv2", _]:
            return f"{'conv2' if reduces else 'conv3'}.{kind}"
        case [head, "fc" | "linear" as part]:
            return f"{head}.{'fc1' if part == 'fc' else 'fc2'}"
        case [head, _]:
            return f"{head}.conv.{kind}"
    row, branch, _ = path
    number = ["branch1x1", "branch3x3", "branch5x5", "branch_pool"].index(branch) + 1
    step = "" if number == 1 else ".0" if reduces else ".1"
    return f"{row.replace('_', '')}.branch{number}{step}.{kind}"


def _inception_v3(path: list[str]) -> str:
    row, kind = path[0].capitalize(), _kind(path[-1])
    match path[1:]:
        case ["linear"]:
            return "fc" if row == "Fc" else "AuxLogits.fc"
        case [part] if row == "Aux":
            return f"AuxLogits.conv{resnets.step(part) - 1}.{kind}"
        case [_]:
            return f"{row}.{kind}"
        case [branch, split, side, _]:
            return f"{row}.{branch}_{resnets.step(split)}{side}.{kind}"
    _, branch, part = path
    step = f"_{resnets.step(part)}" if resnets.step(part) else ""
    return f"{row}.{branch}{step}.{kind}"


def _inception_v4(network: Network) -> dict[str, str]:
    """timm's Inception-v4: rows and branches by number; the steps of a branch too, in one of two spellings."""
    rows = {row.name: number for number, row in enumerate(network.rows)}

    def rule(path: list[str]) -> str:
        row, kind = f"features.{rows[path[0]]}", _kind(path[-1])
        match path[1:]:
            case ["linear"]:
                return "last_linear"
            case [_]:
                return f"{row}.{kind}"
            case ["conv", _]:
                return f"{row}.conv.{kind}"
        block = network.row(path[0]).layer
        assert isinstance(block, Join)
        branches = dict(block.parts)
        branch = f"{row}.branch{list(branches).index(path[1])}"
        steps = [name for name, _ in walk(branches[path[1]])]
        match path[2:]:
            case [split, side, _]:
                return f"{branch}_{resnets.step(split) - 1}{side}.{kind}"
        if steps[0] == "pool":
            return f"{branch}.1.{kind}"
        if not resnets.step(path[2]):
            return f"{branch}.{kind}"
        splits = steps[-1].startswith("split")
        return f"{branch}{'_' if splits else '.'}{resnets.step(path[2]) - 1}.{kind}"

    return _by_path(network, rule)


_IMAGENET = ("resnet18.b", "resnet34.b", "resnet50.v1_5", "resnet101.v1_5", "resnet152.v1_5")
_SMALL = ("resnet18.small", "resnet34.small", "resnet50.small")
_CIFAR = [name for name in resnet.CIFAR if name.startswith("resnet")]


def _residual(names: Iterable[str], rule: resnets.Rule) -> dict[str, Rule]:
    return dict.fromkeys(names, partial(_by_path, rule=rule))


def _cifar(head: str, shortcut: str) -> dict[str, Rule]:
    rule = partial(resnets.numbered_layers, head=head, shortcut=shortcut)
    return _residual([*_CIFAR, *_SMALL], rule)


_VGGS = [f"vgg{depth}{variant}" for depth in (11, 13, 16, 19) for variant in ("", ".bn")]
_INCEPTION_V3 = {"inception_v3": partial(_by_path, rule=_inception_v3)}

RULES: Mapping[Library, Mapping[str, Rule]] = {
    "torchvision": {
        "alexnet.owt": _numbered,
        "googlenet.bn": partial(_by_path, rule=_googlenet),
        **_INCEPTION_V3,
        **_residual(_IMAGENET, resnets.numbered_layers),
        **dict.fromkeys(_VGGS, _numbered),
    },
    "timm": {
        "inception_v4": _inception_v4,
        **_INCEPTION_V3,
        **_residual(_IMAGENET, resnets.numbered_layers),
        **dict.fromkeys(_VGGS, _vgg_timm),
    },
    "caffe": _residual(("resnet50", "resnet101", "resnet152"), resnets.numbered_layers),
    "mmpretrain": _residual(_IMAGENET, resnets.mmpretrain),
    "transformers": _residual(_IMAGENET, resnets.transformers),
    "weiaicunzai": _residual([*_CIFAR, *_SMALL], resnets.weiaicunzai),
    "linear-shortcut": _cifar("linear", "shortcut"),
    "linear-downsample": _cifar("linear", "downsample"),
    "fc-shortcut": _cifar("fc", "shortcut"),
    "fc-downsample": _cifar("fc", "downsample"),
}
"""The networks that each library has with the same arithmetic, and how it names their weights."""

PADS_BOTH_SIDES = frozenset(get_args(Cifar))
"""The layouts whose shortcuts of option A pad zeros on both sides, see `resnets.both_sides`."""


def libraries(name: str) -> list[Library]:
    """The libraries whose names a network's file of weights can have.

    Caffe is left out: its names are torchvision's, and only a folder's config tells them apart.
    """
    return [library for library, rules in RULES.items() if name in rules and library != "caffe"]


def library_name(name: str) -> str:
    """What torchvision and timm call a network of theirs: `resnet50` for `resnet50.v1_5`."""
    base, _, variant = name.partition(".")
    return f"{base}_bn" if base.startswith("vgg") and variant else base


def variant(name: str) -> str | None:
    """The network that torchvision has under a name of the catalogue: `resnet50.v1_5` for `resnet50`; None without one."""
    ours = {library_name(own): own for own in RULES["torchvision"]}
    return name if name in RULES["torchvision"] else ours.get(name)


def pairs(network: Network, library: Library) -> list[tuple[str, str]]:
    """Every key of the network's weights with the library's, in the order of the table.

    Raises:
        AtalhoError: CHECKPOINT-LAYOUT (exit 4), where the library does not have this network; a variant that it has is named.
    """
    rules = RULES[library]
    if network.name not in rules:
        family = network.name.partition(".")[0]
        near = [name for name in rules if name.partition(".")[0] == family]
        raise AtalhoError(
            "CHECKPOINT-LAYOUT",
            network.name,
            f"{library} has no network with this arithmetic; its weights cannot be exchanged"
            + (f", those of {' or '.join(near)} can" if near else ""),
            next_step=f"atalho show {near[0]}" if near else "keep atalho's own layout",
            exit=Exit.CHECKPOINT,
        )
    names = rules[network.name](network)
    return [(f"{path}.{tensor}", f"{names[path]}.{tensor}") for path, tensor in _weights(network)]


def keys(network: Network) -> list[str]:
    """The keys of the network's weights in the order of the table: those of the built module's state dict."""
    return [f"{path}.{tensor}" for path, tensor in _weights(network)]


def _weights(network: Network) -> Iterator[tuple[str, str]]:
    """Every tensor, as the path of its layer and its name there."""
    for path, leaf in _leaves(network):
        for tensor in _tensors(leaf):
            yield path, tensor


def _leaves(network: Network) -> Iterator[tuple[str, Layer]]:
    for row in network.rows:
        yield from walk(row.layer, row.name)


def _tensors(layer: Layer) -> tuple[str, ...]:
    """Names of the tensors that a layer keeps, as torch has them."""
    match layer:
        case Conv() | Linear():
            return ("weight", "bias") if layer.bias else ("weight",)
        case BatchNorm():
            return "weight", "bias", "running_mean", "running_var", COUNTER
        case PReLU():
            return ("weight",)
        case _:
            return ()
