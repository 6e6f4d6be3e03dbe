"""State dicts in and out: renamed from and to torchvision's and timm's layouts, loaded strictly, kept in safetensors files."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor, nn

from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.grammar.module import Model
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape, text
from atalho.weights.layouts import COUNTER, RULES, Library, keys, pairs

State = Mapping[str, Tensor]
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
    """Whose names the keys of `state` are; torchvision, where timm's are the same.

    Raises:
        AtalhoError: CHECKPOINT-LAYOUT (exit 4), where none of them is known for this network.
    """
    given = plain(state).keys()
    known: dict[Layout, set[str]] = {"atalho": set(keys(network))}
    for library, rules in RULES.items():
        if network.name in rules:
            known[library] = {theirs for _, theirs in pairs(network, library)}
    best = max(known, key=lambda name: len(known[name] & given))
    if not known[best] & given:
        raise AtalhoError(
            "CHECKPOINT-LAYOUT",
            network.name,
            f"these weights ({_some(given)}) are named as in no layout of this network: {', '.join(known)}",
            next_step=f"atalho show {network.name}, and compare the names of its rows",
            exit=Exit.CHECKPOINT,
        )
    return best


def to_atalho(network: Network, state: State) -> dict[str, Tensor]:
    """Weights in any known layout under the table's names, which `load` checks."""
    found = layout(network, state)
    return plain(state) if found == "atalho" else _from(found, network, state)


def without_auxiliary(network: Network, state: State) -> dict[str, Tensor]:
    """Weights under the table's names without those of its auxiliary heads: for `network.without_auxiliary()`."""
    heads = _heads(network)
    return {key: tensor for key, tensor in state.items() if not key.startswith(heads)}


def plain(state: State) -> dict[str, Tensor]:
    """The state dict without the prefixes of DistributedDataParallel and torch.compile.

    Raises:
        AtalhoError: CHECKPOINT-KEYS (exit 4), where a value is no tensor: a whole checkpoint in place of its weights.
    """
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise AtalhoError(
                "CHECKPOINT-KEYS",
                key,
                f"holds a {type(value).__name__} and no tensor; this is no state dict",
                next_step="give the state dict inside, often under `model` or `state_dict`",
                exit=Exit.CHECKPOINT,
            )
    stripped = dict(state)
    for prefix in ("module.", "_orig_mod.", "module."):  # either may be outside
        if all(key.startswith(prefix) for key in stripped):
            stripped = {key.removeprefix(prefix): tensor for key, tensor in stripped.items()}
    return stripped


def load(model: nn.Module, state: State) -> None:
    """Puts weights into a model, all or nothing: the same keys, shapes and dtypes, and finite numbers.

    Raises:
        AtalhoError: (exit 4) CHECKPOINT-KEYS, CHECKPOINT-SHAPE, CHECKPOINT-DTYPE or CHECKPOINT-NUMBERS; the first few keys are named.
    """
    state = plain(state)
    check_shapes(model, state)
    name, own = _name(model), model.state_dict()
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


def check_shapes(model: nn.Module, state: State) -> None:
    """Whether weights are a model's by their keys and shapes, which asks for no memory on either side.

    Raises:
        AtalhoError: (exit 4) CHECKPOINT-KEYS or CHECKPOINT-SHAPE; the first few keys are named.
    """
    own = model.state_dict()
    _check_keys(_name(model), own, state)
    _refuse(
        "SHAPE",
        _name(model),
        (
            f"{key} is {_size(tensor)}, the network's {_size(own[key])}"
            for key, tensor in state.items()
            if tensor.shape != own[key].shape
        ),
        "give the --num-classes and --input that the weights were trained for",
    )


def save(path: Path, state: State, metadata: Mapping[str, str]) -> None:
    """Writes weights as safetensors; the file appears whole or not at all.

    Raises:
        AtalhoError: CHECKPOINT-WRITE (exit 6), where the disk refuses.
    """
    data = safetensors.torch.save(
        {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}, dict(metadata)
    )
    try:
        write_atomically(path, data)
    except OSError as error:
        raise AtalhoError(
            "CHECKPOINT-WRITE",
            path,
            f"cannot be written ({error.strerror}); nothing was left behind",
            next_step="another --output",
            exit=Exit.RESOURCES,
        ) from error


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights of a safetensors file and its metadata.

    Raises:
        AtalhoError: CHECKPOINT-READ (exit 4), where there is no such file or it is no whole safetensors file.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise AtalhoError(
            "CHECKPOINT-READ",
            path,
            f"cannot be read as safetensors ({error})",
            next_step="give a file that `atalho export --to safetensors` wrote",
            exit=Exit.CHECKPOINT,
        ) from error


def _heads(network: Network) -> tuple[str, ...]:
    return tuple(f"{row.name}." for row in network.taps)


def _kernels(network: Network, library: Library) -> dict[str, Shape]:
    """Weights of linear layers that the library keeps as convolutions, with the shape that each looks at."""
    if library != "timm" or not network.name.startswith("vgg"):
        return {}
    seen = {row.name: shape for row, shape in zip(network.rows, network.shapes, strict=True)}
    return {"fc6.linear.weight": seen["fc6"], "fc7.linear.weight": (*seen["fc7"], 1, 1)}


def _from(library: Library, network: Network, state: State) -> dict[str, Tensor]:
    state = plain(state)
    wanted = pairs(network, library)
    if not any(theirs in state for own, theirs in wanted if own.startswith(_heads(network))):
        wanted = [(own, theirs) for own, theirs in wanted if not own.startswith(_heads(network))]
    # Files from before torch 0.4.1 lack BatchNorm's counter, which a fixed momentum never reads.
    zeros = {theirs: torch.tensor(0) for _, theirs in wanted if theirs.endswith(COUNTER)}
    state = {**zeros, **state}
    _check_keys(network.name, [theirs for _, theirs in wanted], state)
    kernels = _kernels(network, library)
    return {
        own: state[theirs].flatten(1) if own in kernels else state[theirs] for own, theirs in wanted
    }


def _to(library: Library, network: Network, state: State) -> dict[str, Tensor]:
    state = plain(state)
    names = dict(pairs(network, library))
    required = [own for own in names if own in state or not own.startswith(_heads(network))]
    _check_keys(network.name, required, state)
    kernels = _kernels(network, library)
    return {
        names[own]: state[own].unflatten(1, kernels[own]) if own in kernels else state[own]
        for own in required
    }


def _check_keys(name: str, wanted: Iterable[str], state: State) -> None:
    wanted = list(wanted)
    missing = [key for key in wanted if key not in state]
    unexpected = state.keys() - set(wanted)
    if missing or unexpected:
        found = [
            f"{len(keys)} {what} ({_some(keys)})"
            for what, keys in (("missing", missing), ("unexpected", sorted(unexpected)))
            if keys
        ]
        raise AtalhoError(
            "CHECKPOINT-KEYS",
            name,
            f"keys {' and '.join(found)}; nothing was loaded",
            next_step=f"atalho show {name}, and compare the names of its rows",
            exit=Exit.CHECKPOINT,
        )


def _refuse(code: str, name: str, faults: Iterable[str], next_step: str) -> None:
    """AtalhoError where there are faults, which names the first few."""
    if listed := ", ".join(islice(faults, SHOWN)):
        raise AtalhoError(
            f"CHECKPOINT-{code}",
            name,
            f"{listed}; nothing was loaded",
            next_step=next_step,
            exit=Exit.CHECKPOINT,
        )


def _some(keys: Iterable[str]) -> str:
    """The first few keys, and a sign that there are more."""
    keys = list(keys)
    return ", ".join(keys[:SHOWN] + ["…"] * (len(keys) > SHOWN))


def _name(model: nn.Module) -> str:
    return model.network.name if isinstance(model, Model) else type(model).__name__


def _fault(key: str, tensor: Tensor) -> str:
    """What is wrong with a tensor's numbers; nothing where they can be used."""
    if not tensor.numel():
        return ""
    # The extremes show NaN and infinity, 30 times as fast as asking every number.
    least, most = tensor.aminmax()
    if not (least.isfinite() and most.isfinite()):
        return "NaN or infinity"
    return "negative variances" if key.endswith("running_var") and least < 0 else ""


def _size(tensor: Tensor) -> str:
    return text(tensor.shape) or "a single number"
