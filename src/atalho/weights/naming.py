"""Names of tensors that differ only by what is put around a network: brought to the names that are wanted."""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from atalho.weights.layouts import COUNTER

State = Mapping[str, Tensor]

WRAPS = frozenset(("module", "_orig_mod", "model", "backbone"))
"""Parts of names that come from what is put around a network: DataParallel, torch.compile, Lightning, mmpretrain."""

AVERAGED = "n_averaged"
"""What `torch.optim.swa_utils.AveragedModel` counts beside the weights."""

_TRAINING_HEAD = re.compile(r"aux(iliary|_?logits|_?classifier|_?head|_?\d*)?", re.IGNORECASE)
"""The first part of the name of a head that only training uses."""


def agreement(wanted: Iterable[str], state: State) -> int:
    """How well the names of weights are those that are wanted: how many there are, less how many are missing."""
    wanted = set(wanted)
    given = fitted(wanted, state).keys()
    return len(wanted & given) - len(wanted - given)


def fitted(wanted: Iterable[str], state: State) -> dict[str, Tensor]:
    """Weights under the names that are wanted, where they are the same but for what is put around a network.

    Parts of names in `WRAPS` are passed over on both sides. BatchNorm's counter, which a fixed momentum never reads, is zero
    where the statistics come without it: as in files from before torch 0.4.1. Heads for training are left out where the
    network has none. All other names stay as they are, for `load` to refuse.
    """
    wanted = set(wanted)
    bare = {_bare(key): key for key in wanted}
    named = {bare.get(_bare(key), _bare(key)): tensor for key, tensor in state.items()}
    if len(bare) < len(wanted) or len(named) < len(state):  # the wraps tell names apart
        named = dict(state)
    counters = {
        key: torch.tensor(0)
        for key in wanted - named.keys()
        if key.endswith(COUNTER) and f"{key.removesuffix(COUNTER)}running_mean" in named
    }
    unwanted = {key for key in named.keys() - wanted if key == AVERAGED or training_head(key)}
    return {key: tensor for key, tensor in named.items() if key not in unwanted} | counters


def _bare(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in WRAPS)


def training_head(key: str) -> bool:
    """Whether a name is of a tensor of a head that only training uses: `aux1.fc1.weight`, `AuxLogits.fc.bias`."""
    return any(_TRAINING_HEAD.fullmatch(part) for part in key.split(".")[:-1])
