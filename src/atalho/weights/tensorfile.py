"""Tensors by name in safetensors files."""

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from torch import Tensor

from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.weights.naming import State


def save(path: Path, state: State, metadata: Mapping[str, str]) -> None:
    """Writes weights as safetensors; the file appears whole or not at all.

    Raises:
        AtalhoError: CHECKPOINT-WRITE (exit 6), where the disk refuses.
    """
    data = safetensors.torch.save(separate(state), dict(metadata))
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


def separate(state: State) -> dict[str, Tensor]:
    """The tensors as safetensors takes them: on the processor, dense, and each with memory of its own, tied ones too."""
    taken: set[int] = set()
    own = {}
    for key, tensor in state.items():
        own[key] = tensor.detach().cpu().contiguous()
        if own[key].untyped_storage().data_ptr() in taken:
            own[key] = own[key].clone()
        taken.add(own[key].untyped_storage().data_ptr())
    return own


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
