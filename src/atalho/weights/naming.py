"""Renames tensors whose names differ from the expected ones only by wrappers around a network."""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from atalho.weights.layouts import COUNTER

State = Mapping[str, Tensor]

WRAPS = frozenset(("module", "_orig_mod", "model", "backbone"))
"""Parts of names that come from wrappers around a network: DataParallel, torch.compile, Lightning, mmpretrain."""

AVERAGED = "n_averaged"
"""The counter that `torch.optim.swa_utils.AveragedModel` keeps beside the weights."""

_TRAINING_HEAD = re.compile(r"aux(iliary|_?logits|_?classifier|_?head|_?\d*)?", re.IGNORECASE)
"""The first part of the name of a head that only training uses."""


def agreement(expected: Iterable[str], state: State) -> int:
    """How well the names of weights agree with the expected ones: the number present less the number missing."""
    expected = set(expected)
    actual = fitted(expected, state).keys()
    return len(expected & actual) - len(expected - actual)


def fitted(expected: Iterable[str], state: State) -> dict[str, Tensor]:
    """Weights under the expected names, where their own differ only by wrappers around a network.

    Parts of names in `WRAPS` are ignored on both sides. BatchNorm's counter, which a fixed momentum never reads, becomes zero
    where the statistics come without it, as in files from before torch 0.4.1. Heads for training are left out where the
    network has none. All other names stay as they are, and `load` refuses them.
    """
    expected = set(expected)
    bare = {_bare(key): key for key in expected}
    named = {bare.get(_bare(key), _bare(key)): tensor for key, tensor in state.items()}
    if len(bare) < len(expected) or len(named) < len(state):  # some names differ only by a wrapper
        named = dict(state)
    counters = {
        key: torch.tensor(0)
        for key in expected - named.keys()
        if key.endswith(COUNTER) and f"{key.removesuffix(COUNTER)}running_mean" in named
    }
    ignored = {key for key in named.keys() - expected if key == AVERAGED or training_head(key)}
    return {key: tensor for key, tensor in named.items() if key not in ignored} | counters


def _bare(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in WRAPS)


def training_head(key: str) -> bool:
    """Whether a name is of a tensor of a head that only training uses: `aux1.fc1.weight`, `AuxLogits.fc.bias`."""
    return any(_TRAINING_HEAD.fullmatch(part) for part in key.split(".")[:-1])
