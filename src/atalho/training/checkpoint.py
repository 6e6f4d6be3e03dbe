"""Atomic, checksummed state of a training run.

A checkpoint is one safetensors file whose name carries its step and the beginning of its SHA-256. It is written under a
temporary name, flushed to the disk and renamed, so a file under its final name is whole; one that is damaged later no longer
has the checksum of its name. The last few are kept, and those that `--keep-every` names in a folder of their own.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self

import safetensors.torch
import torch
from torch import Tensor

from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically

KEEP = 3
NAME = re.compile(r"step-(\d{9})-([0-9a-f]{16})\.safetensors")


class Checkpoint(NamedTuple):
    """All that a run needs to go on.

    Attributes:
        step: number of steps done.
        tensors: weights, statistics, optimiser state, averages and running sums, by dotted name.
        facts: everything that is not a tensor, as JSON values.
    """

    step: int
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


def save(folder: Path, state: Checkpoint, most: int | None = KEEP) -> Path:
    """Adds a checkpoint to `folder`, in place of one of the same step, and removes all but the last `most`, if not None.

    Args:
        state: with contiguous tensors in the host's memory.
    """
    metadata = {"step": str(state.step), "facts": json.dumps(state.facts)}
    data = safetensors.torch.save(dict(state.tensors), metadata)
    checksum = hashlib.sha256(data).hexdigest()[:16]
    path = folder / f"step-{state.step:09}-{checksum}.safetensors"
    folder.mkdir(exist_ok=True)
    write_atomically(path, data)
    for old in folder.glob(f"step-{state.step:09}-*"):
        if old != path:
            old.unlink()
    for old in files(folder)[most:] if most else ():
        old.unlink()
    return path


class Writer:
    """Writes checkpoints in a thread of its own while training goes on, one at a time, in order.

    Used in a `with` statement, at whose end, for whatever reason, nothing is being written any more.

    Args:
        folder: of the last few, to continue from.
        kept: folder of those that are kept for good.
    """

    def __init__(self, folder: Path, kept: Path) -> None:
        self.folder, self.kept = folder, kept
        self.thread = ThreadPoolExecutor(1)
        self.writing: Future[Path] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        # Where training failed, its error is the one to raise, whatever becomes of the last checkpoint.
        self.thread.shutdown()

    def save(self, state: Checkpoint) -> None:
        """Copies `state`, begins to write it and returns.

        Raises:
            OSError: where the checkpoint before it could not be written.
            AtalhoError: STATE-NOT-FINITE (exit 7), where a number of the network or of its optimiser is NaN or infinite, as after
                an update that overflows, though loss and gradient were finite.
        """
        self._begin(self.folder, state, KEEP)

    def keep(self, state: Checkpoint) -> None:
        """Does the same with a state that is kept for good."""
        self._begin(self.kept, state, None)

    def _begin(self, folder: Path, state: Checkpoint, most: int | None) -> None:
        self.wait()
        # Made contiguous here: in the other thread that would start a team of OpenMP threads, as in `data.decoding`.
        tensors = {
            name: tensor.to("cpu", copy=True, memory_format=torch.contiguous_format)
            for name, tensor in state.tensors.items()
        }
        _check_finite(folder.parent, state.step, tensors)
        self.writing = self.thread.submit(save, folder, state._replace(tensors=tensors), most)

    def wait(self) -> None:
        """Waits until the last checkpoint is on the disk.

        Raises:
            OSError: where it could not be written.
        """
        writing, self.writing = self.writing, None
        if writing:
            writing.result()


def _check_finite(run: Path, step: int, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise AtalhoError(
                "STATE-NOT-FINITE",
                run,
                f"after step {step} {name} is not finite; this state was not saved, and earlier ones are kept",
                next_step="train again into another --output with a lower --lr",
                exit=Exit.NUMBERS,
            )


def load(folder: Path) -> tuple[Checkpoint, list[Path]] | None:
    """The newest undamaged checkpoint, and the paths of newer, damaged ones; None where there are no checkpoints.

    Raises:
        AtalhoError: CHECKPOINT-DAMAGED (exit 4), where all of them are damaged.
    """
    damaged: list[Path] = []
    for path in files(folder):
        if (state := read(path)) is not None:
            return state, damaged
        damaged.append(path)
    if damaged:
        raise AtalhoError(
            "CHECKPOINT-DAMAGED",
            folder,
            f"none of {len(damaged)} checkpoints has the checksum in its name; nothing was changed",
            next_step="train anew into another --output",
            exit=Exit.CHECKPOINT,
        )
    return None


def read(path: Path) -> Checkpoint | None:
    """The checkpoint in a file; None where the file does not have the checksum in its name."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest()[:16] != path.stem.rpartition("-")[2]:
        return None
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    facts = json.loads(header["facts"])
    return Checkpoint(int(header["step"]), safetensors.torch.load(data), facts)


def digest(state: Checkpoint) -> str:
    """The SHA-256 of everything in a state but the time that it took: a repetition on a like machine has the same."""
    sha = hashlib.sha256(str(state.step).encode())
    for name, tensor in sorted(state.tensors.items()):
        sha.update(f"{name} {tensor.dtype} {[*tensor.shape]}".encode())
        sha.update(bits(tensor).numpy().data)
    facts = {name: value for name, value in state.facts.items() if name != "seconds"}
    sha.update(json.dumps(facts, sort_keys=True).encode())
    return sha.hexdigest()


def bits(tensor: Tensor) -> Tensor:
    """The bytes of a tensor, (N,)."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)


def files(folder: Path) -> list[Path]:
    """The paths of the folder's checkpoints, the newest first."""
    return sorted(
        (path for path in folder.glob("step-*") if NAME.fullmatch(path.name)), reverse=True
    )
