"""One set of functions for networks of the catalogue and for foreign modules."""

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from atalho import networks
from atalho.files import safe_name
from atalho.grammar.cost import network_depth, totals
from atalho.grammar.facts import Facts
from atalho.grammar.layers import BatchNorm
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape
from atalho.networks import foreign
from atalho.networks.foreign import Foreign

if TYPE_CHECKING:
    import torch
    from torch import nn

Subject = Network | Foreign


def runs_code(name: str) -> bool:
    """Whether a name is `FILE.py:FUNCTION`: code that is executed, and therefore must be named by the user."""
    return is_foreign(name) and not name.startswith(("timm:", "torchvision:"))


def is_foreign(name: str) -> bool:
    """Whether a name is `timm:NAME`, `torchvision:NAME` or `FILE.py:FUNCTION`."""
    return ":" in name


def folder_name(name: str) -> str:
    """The name of a network's folder, safe as in `files.safe_name` and different for every network.

    A name of the catalogue stays as it is, `timm:resnet18` becomes timm-resnet18, and `/x/net.py:make` becomes
    net.py-make-1a2b3c4d.
    """
    library, _, model = name.partition(":")
    if library in ("timm", "torchvision") and re.fullmatch(r"[a-z0-9][a-z0-9._-]{,79}", model):
        return f"{library}-{model}"
    return safe_name(name)


def predict_command(name: str, folder: Path) -> str:
    """The command that runs a network whose weights are in `folder`; it names a `FILE.py:FUNCTION`, whose code it executes."""
    where = shlex.quote(str(folder))
    if runs_code(name):
        return f"atalho predict {shlex.quote(name)} IMAGE --weights {where}"
    return f"atalho predict {where} IMAGE"


def get(name: str, *, input: Shape | None = None, num_classes: int | None = None) -> Subject:
    """The network called `name`, for its own input and classes unless `input` or `num_classes` is set.

    torch is loaded for foreign networks only.

    Raises:
        AtalhoError: as `networks.get` and `foreign.get`.
    """
    if is_foreign(name):
        return foreign.get(name, input=input, num_classes=num_classes)
    return networks.get(name, input=input, num_classes=num_classes)


def check_name(name: str) -> None:
    """Checks a name of the catalogue before torch is loaded; a foreign name can only be checked with torch.

    Raises:
        AtalhoError: as `networks.get`.
    """
    if not is_foreign(name):
        networks.get(name)


def check_trainable(subject: Subject) -> None:
    """Checks that a foreign module can be trained; every network of the catalogue can.

    Raises:
        AtalhoError: as `foreign.check_trainable`.
    """
    if isinstance(subject, Foreign):
        foreign.check_trainable(subject)


def build(subject: Subject, *, seed: int = 0, device: "torch.device | str" = "cpu") -> "nn.Module":
    """The module of a network, initialised from `seed` alone."""
    if isinstance(subject, Network):
        from atalho.grammar import module  # with torch

        return module.build(subject, seed=seed, device=device)
    return foreign.build(subject, seed=seed).to(device)


def skeleton(subject: Subject) -> "nn.Module":
    """A module for its names and shapes; that of a network of the catalogue has no values and takes no memory."""
    if not isinstance(subject, Network):
        return foreign.build(subject, seed=0)
    import torch

    from atalho.grammar.module import Model

    with torch.device("meta"):
        return Model(subject)


COSTS = ("params", "macs", "activations")
"""The quantities of `costs`."""


def code(name: str) -> str | None:
    """The SHA-256 of the file of a network `FILE.py:FUNCTION`; None for any other network."""
    if not runs_code(name):
        return None
    import hashlib

    file, _, _ = name.rpartition(":")
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def costs(subject: Subject) -> dict[str, int]:
    """`params`, `macs` and `activations` of one image at inference."""
    if isinstance(subject, Network):
        cost = totals(subject)
        return {"params": cost.params, "macs": cost.macs, "activations": cost.activations}
    return foreign.costs(subject)


def facts(subject: Subject) -> Facts:
    """The facts that recipes depend on."""
    if isinstance(subject, Network):
        normalised = BatchNorm in subject.has
        return Facts(subject.input, totals(subject).macs, normalised, network_depth(subject))
    from torch.nn import BatchNorm2d, GroupNorm, LayerNorm

    normalising = BatchNorm2d | GroupNorm | LayerNorm
    normalised = any(isinstance(part, normalising) for part in build(subject).modules())
    return Facts(subject.input, costs(subject)["macs"], normalised, None)
