"""Converts state dicts from and to the layouts of libraries, and loads them strictly."""

import shlex
from collections.abc import Iterable
from itertools import islice
from typing import Literal

import torch
from torch import Tensor, nn

from atalho.errors import AtalhoError, Exit
from atalho.grammar.module import Model
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape, text
from atalho.networks import CATALOGUE, subjects
from atalho.networks.subjects import Subject
from atalho.weights.layouts import PADS_BOTH_SIDES, RULES, Library, keys, pairs
from atalho.weights.naming import State as State
from atalho.weights.naming import agreement, fitted
from atalho.weights.resnets import both_sides

Layout = Literal["atalho"] | Library

SHOWN = 3
"""How many keys an error names."""


def from_torchvision(network: Network, state: State) -> dict[str, Tensor]:
    """torchvision's weights under the table's names; they may lack the auxiliary heads.

    Raises:
        AtalhoError: CHECKPOINT-LAYOUT as in `pairs`; CHECKPOINT-KEYS (exit 4), keys are missing or unexpected.
    """
    return _from("torchvision", network, state)


def to_torchvision(network: Network, state: State) -> dict[str, Tensor]:
    """The network's weights under torchvision's names; the inverse of `from_torchvision`."""
    return _to("torchvision", network, state)


def from_timm(network: Network, state: State) -> dict[str, Tensor]:
    """timm's weights under the table's names; otherwise as `from_torchvision`."""
    return _from("timm", network, state)


def to_timm(network: Network, state: State) -> dict[str, Tensor]:
    """The network's weights under timm's names; the inverse of `from_timm`."""
    return _to("timm", network, state)


def layout(network: Network, state: State) -> Layout:
    """The layout that the keys of `state` are named in; torchvision's, where timm's is the same.

    Raises:
        AtalhoError: CHECKPOINT-LAYOUT (exit 4), where the keys fit no layout of this network.
    """
    keys_by_layout: dict[Layout, list[str]] = {"atalho": keys(network)}
    for library, rules in RULES.items():
        if network.name in rules:
            keys_by_layout[library] = [theirs for _, theirs in pairs(network, library)]
    best = max(keys_by_layout, key=lambda name: agreement(keys_by_layout[name], state))
    if not fitted(keys_by_layout[best], state).keys() & set(keys_by_layout[best]):
        raise AtalhoError(
            "CHECKPOINT-LAYOUT",
            network.name,
            f"these weights ({_some(state)}) are named as in no layout of this network: {', '.join(keys_by_layout)}",
            next_step=_compare(network.name),
            exit=Exit.CHECKPOINT,
        )
    return best


def to_atalho(network: Network, state: State) -> dict[str, Tensor]:
    """Weights in any known layout, renamed to the table's names; `load` then checks them."""
    source = layout(network, state)
    return fitted(keys(network), state) if source == "atalho" else _from(source, network, state)


def to_own(network: Subject, state: State) -> dict[str, Tensor]:
    """Weights renamed to the names of the network's own module; `load` then checks them."""
    if isinstance(network, Network):
        return to_atalho(network, state)
    return fitted(subjects.skeleton(network).state_dict(), state)


def num_classes(network: Subject, state: State) -> int:
    """The number of classes of weights under the network's own names: the length of tensors that differ in length alone."""
    own = subjects.skeleton(network).state_dict()
    lengths = {
        len(tensor)
        for key, tensor in state.items()
        if key in own
        and tensor.dim() == own[key].dim() > 0
        and len(own[key]) == network.num_classes != len(tensor)
        and tensor.shape[1:] == own[key].shape[1:]
    }
    return lengths.pop() if len(lengths) == 1 else network.num_classes


def has_auxiliary(network: Network, state: State) -> bool:
    """Whether weights under the table's names have those of the network's auxiliary heads."""
    return any(key.startswith(_heads(network)) for key in state)


def without_auxiliary(network: Network, state: State) -> dict[str, Tensor]:
    """Weights under the table's names without those of its auxiliary heads: for `network.without_auxiliary()`."""
    heads = _heads(network)
    return {key: tensor for key, tensor in state.items() if not key.startswith(heads)}


def load(model: nn.Module, state: State, name: str = "") -> None:
    """Puts weights into a model, all or nothing: the same keys, shapes and dtypes, and finite numbers.

    Args:
        name: the network's, for errors; by default the name of the model's table or, without one, of its class.

    Raises:
        AtalhoError: (exit 4) CHECKPOINT-KEYS, CHECKPOINT-SHAPE, CHECKPOINT-DTYPE or CHECKPOINT-NUMBERS; the first few keys are named.
    """
    check_shapes(model, state, name)
    name, own = name or _name(model), model.state_dict()
    _refuse(
        "DTYPE",
        name,
        (
            f"{key} is {tensor.dtype}, the network's {own[key].dtype}"
            for key, tensor in state.items()
            if tensor.dtype != own[key].dtype
        ),
        "convert the weights or the model",
    )
    _refuse(
        "NUMBERS",
        name,
        (f"{key} holds {fault}" for key, tensor in state.items() if (fault := _fault(key, tensor))),
        "take an earlier checkpoint",
    )
    model.load_state_dict(state, strict=True)


def check_shapes(model: nn.Module, state: State, name: str = "") -> None:
    """Checks that weights have a model's keys and shapes; neither side needs memory for its numbers.

    Raises:
        AtalhoError: (exit 4) CHECKPOINT-KEYS or CHECKPOINT-SHAPE; the first few keys are named.
    """
    own, name = model.state_dict(), name or _name(model)
    _check_keys(name, own, state)
    _refuse(
        "SHAPE",
        name,
        (
            f"{key} is {_size(tensor)}, the network's {_size(own[key])}"
            for key, tensor in state.items()
            if tensor.shape != own[key].shape
        ),
        "name the network that the weights are of; for other images than its paper's, a folder with config.json says so",
    )


def _heads(network: Network) -> tuple[str, ...]:
    return tuple(f"{row.name}." for row in network.taps)


def _kernels(network: Network, library: Library) -> dict[str, Shape]:
    """Weights of linear layers that the library has as convolutions, each with the shape of its input."""
    if library != "timm" or not network.name.startswith("vgg"):
        return {}
    shapes = {row.name: shape for row, shape in zip(network.rows, network.shapes, strict=True)}
    return {"fc6.linear.weight": shapes["fc6"], "fc7.linear.weight": (*shapes["fc7"], 1, 1)}


def _from(library: Library, network: Network, state: State) -> dict[str, Tensor]:
    names = pairs(network, library)
    heads = _heads(network)
    matched = fitted([theirs for _, theirs in names], state)
    if not any(theirs in matched for own, theirs in names if own.startswith(heads)):
        names = [(own, theirs) for own, theirs in names if not own.startswith(heads)]
    _check_keys(network.name, [theirs for _, theirs in names], matched)
    kernels = _kernels(network, library)
    converted = {
        own: matched[theirs].flatten(1) if own in kernels else matched[theirs]
        for own, theirs in names
    }
    return {**converted, **_reordered(library, network, converted)}


def _reordered(library: Library, network: Network, state: State) -> dict[str, Tensor]:
    """The tensors whose channels have another order in layouts that pad zeros on both sides, in the paper's order."""
    reordered: dict[str, Tensor] = {}
    if library in PADS_BOTH_SIDES:
        for key, axis, order in both_sides(network):
            tensor = reordered.get(key, state[key])
            # A tensor with another number of channels is left as it is: `load` refuses its shape.
            if tensor.dim() > axis and tensor.shape[axis] == len(order):
                reordered[key] = tensor.index_select(axis, torch.tensor(order))
    return reordered


def _to(library: Library, network: Network, state: State) -> dict[str, Tensor]:
    names = dict(pairs(network, library))
    required = [own for own in names if own in state or not own.startswith(_heads(network))]
    _check_keys(network.name, required, state)
    kernels = _kernels(network, library)
    return {
        names[own]: state[own].unflatten(1, kernels[own]) if own in kernels else state[own]
        for own in required
    }


def _check_keys(name: str, expected: Iterable[str], state: State) -> None:
    expected = list(expected)
    missing = [key for key in expected if key not in state]
    unexpected = state.keys() - set(expected)
    if missing or unexpected:
        faults = [
            f"{len(keys)} {fault} ({_some(keys)})"
            for fault, keys in (("missing", missing), ("unexpected", sorted(unexpected)))
            if keys
        ]
        raise AtalhoError(
            "CHECKPOINT-KEYS",
            name,
            f"keys {' and '.join(faults)}; nothing was loaded",
            next_step=_compare(name),
            exit=Exit.CHECKPOINT,
        )


def _compare(name: str) -> str:
    """The next step for keys that are not the network's: a command, for a network that has a name."""
    if name in CATALOGUE or subjects.is_foreign(name):
        return f"atalho show {shlex.quote(name)}, and compare the names of its rows"
    return "compare them with the keys of the module's state_dict()"


def _refuse(code: str, name: str, faults: Iterable[str], next_step: str) -> None:
    """Raises an AtalhoError that names the first few faults, if there are any."""
    if listed := ", ".join(islice(faults, SHOWN)):
        raise AtalhoError(
            f"CHECKPOINT-{code}",
            name,
            f"{listed}; nothing was loaded",
            next_step=next_step,
            exit=Exit.CHECKPOINT,
        )


def _some(keys: Iterable[str]) -> str:
    """The first few keys, with an ellipsis where there are more."""
    keys = list(keys)
    return ", ".join(keys[:SHOWN] + ["…"] * (len(keys) > SHOWN))


def _name(model: nn.Module) -> str:
    return model.network.name if isinstance(model, Model) else type(model).__name__


def _fault(key: str, tensor: Tensor) -> str:
    """What is wrong with a tensor's numbers; empty where they can be used."""
    if not tensor.numel():
        return ""
    # The minimum and maximum show NaN and infinity, 30 times as fast as a test of every number.
    least, most = tensor.aminmax()
    if not (least.isfinite() and most.isfinite()):
        return "NaN or infinity"
    return "negative variances" if key.endswith("running_var") and least < 0 else ""


def _size(tensor: Tensor) -> str:
    return text(tensor.shape) or "a single number"
