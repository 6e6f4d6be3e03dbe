"""Reads safetensors files, and prepares tensors for them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.seal import KEY
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


def write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors with a checksum of their names, types, shapes and numbers."""
    own = separate(tensors)
    write_atomically(path, safetensors.torch.save(own, {KEY: _checksum(own)}))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file by name, and its metadata.

    Raises:
        AtalhoError: CHECKPOINT-READ (exit 4), where there is no such file, it is not a complete safetensors file, or it was changed
            after `write` wrote it.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise _unreadable(path, str(error)) from error
    if metadata.get(KEY) not in (None, _checksum(tensors)):
        raise _unreadable(path, "it was changed after it was written")
    return tensors, metadata


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sha.update(f"{name} {tensor.dtype} {[*tensor.shape]} ".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()[:16]


def _unreadable(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "CHECKPOINT-READ",
        path,
        f"cannot be read as safetensors ({cause})",
        next_step="give a file that `atalho export --to safetensors` wrote",
        exit=Exit.CHECKPOINT,
    )
