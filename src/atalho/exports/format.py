"""What an export format is: how a network is written in it, and how the file is read back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from atalho.errors import AtalhoError, Exit
from atalho.grammar.network import Network
from atalho.grammar.shape import text
from atalho.networks.subjects import Subject
from atalho.weights import statedict
from atalho.weights.layouts import Library, library_name
from atalho.weights.trained import Trained, restore

OTHERS = "--to safetensors, onnx or pt2, which take any network"


class Reader(NamedTuple):
    """A file as its users read it, with their own library.

    Attributes:
        logits: from (N, H, W, C) 8-bit images to (N, classes), preprocessed as the file states.
        classes: the labels in the order of the logits; None for a file that cannot hold them.
    """

    logits: Callable[[Tensor], Tensor]
    classes: tuple[str, ...] | None


@dataclass(frozen=True)
class Format:
    """A format that networks are exported to.

    Args:
        write: writes the network to a path; raises AtalhoError where the format cannot hold this network.
        read: reads the written file in the way of the line that `usage` returns.
        usage: the line of Python, or of the shell, that reads the file.
        folder: whether it is a folder of files.
        needs: packages beyond atalho's own requirements.
        extra: the extra that installs them; the one of the format's name unless given.
    """

    write: Callable[[Trained, Path], None]
    read: Callable[[Trained, Path], Reader]
    usage: Callable[[Trained, Path], str]
    folder: bool = False
    needs: tuple[str, ...] = ()
    extra: str = ""


def for_inference(trained: Trained) -> Trained:
    """The network without its auxiliary heads."""
    network = trained.network
    if not isinstance(network, Network):
        return trained  # its module returns logits alone
    state = statedict.without_auxiliary(network, trained.model.state_dict())
    alone, model = restore(network, state)
    return replace(trained, network=alone, model=model)


def name_in(library: Library, network: Subject) -> str:
    """A library's name for a network of its own, or for one of the catalogue with the same arithmetic."""
    if isinstance(network, Network):
        return library_name(network.name)
    return network.name.removeprefix(f"{library}:").partition(".")[0]


def state_in(library: Library, trained: Trained) -> dict[str, Tensor]:
    """The weights under a library's names.

    Raises:
        AtalhoError: CHECKPOINT-LAYOUT (exit 4), where it has no network with this arithmetic.
    """
    network, state = trained.network, trained.model.state_dict()
    if isinstance(network, Network):
        convert = statedict.to_timm if library == "timm" else statedict.to_torchvision
        return convert(network, state)
    if not network.name.startswith(f"{library}:"):
        raise AtalhoError(
            "CHECKPOINT-LAYOUT",
            network.name,
            f"is no network of {library}'s",
            next_step=OTHERS,
            exit=Exit.CHECKPOINT,
        )
    return dict(state)


def unallocated(construct: Callable[[], nn.Module]) -> nn.Module:
    """A library's module, whose weights have shapes but no memory."""
    with torch.device("meta"):
        return construct()


def check_shapes(
    trained: Trained, library: Library, theirs: nn.Module, state: Mapping[str, Tensor]
) -> None:
    """Checks that a library's module has tensors of the same shapes, and so takes the same images and has as many classes.

    Raises:
        AtalhoError: EXPORT-SHAPE (exit 4), which names the first tensor that differs.
    """
    expected = theirs.state_dict()
    for key, tensor in state.items():
        if tensor.shape != expected[key].shape:
            network = trained.network
            raise AtalhoError(
                "EXPORT-SHAPE",
                network.name,
                f"for {text(network.input)} images is not {library}'s {name_in(library, network)}: "
                f"{key} is {text(tensor.shape)}, theirs {text(expected[key].shape)}",
                next_step=OTHERS,
                exit=Exit.CHECKPOINT,
            )
