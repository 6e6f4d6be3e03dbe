"""Reads safetensors files, and prepares tensors for them."""

from pathlib import Path

import safetensors.torch
from torch import Tensor

from atalho.errors import AtalhoError, Exit
from atalho.weights.naming import State


def separate(state: State) -> dict[str, Tensor]:
    """The tensors as safetensors can write them: on the processor, contiguous, and copied where two share memory."""
    storages: set[int] = set()
    own = {}
    for key, tensor in state.items():
        own[key] = tensor.detach().cpu().contiguous()
        if own[key].untyped_storage().data_ptr() in storages:
            own[key] = own[key].clone()
        storages.add(own[key].untyped_storage().data_ptr())
    return own


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file by name, and its metadata.

    Raises:
        AtalhoError: CHECKPOINT-READ (exit 4), where there is no such file or it is not a complete safetensors file.
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
