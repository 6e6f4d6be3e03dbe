"""What an engine is: a way to run a network that lies in a folder, in a precision, on a device.

The folder holds `model.safetensors` and `config.json`, as a finished run has them, and the files that engines have written.
Images and logits are passed as numpy arrays, so that an engine that does not need torch runs without it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from atalho.runtime.device import Device
from atalho.runtime.precision import Precision

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from atalho.weights.trained import Trained

Dtype = Literal[Precision, "int8"]
MemoryFormat = Literal["channels_last", "contiguous"]
Floats = NDArray[np.float32]

USUAL: MemoryFormat = "channels_last"
"""The memory format that records do not mention."""


def torch_format(name: MemoryFormat) -> "torch.memory_format":
    """A memory format as torch's own object."""
    import torch

    return torch.channels_last if name == "channels_last" else torch.contiguous_format


@dataclass(frozen=True)
class Placement:
    """Where a network runs, and how its numbers lie in memory there.

    Attributes:
        named: the network that the user named; a Python function that a folder names is called only if the user named it.
        memory_format: of images and weights in torch's engines; the others choose their own.
        streams: requests that run at once, in the engine's throughput mode; one has its latency mode.
    """

    device: Device
    named: str = ""
    memory_format: MemoryFormat = USUAL
    streams: int = 1

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Placement":
        """The placement from the JSON object of its `dataclasses.asdict`."""
        return cls(**{**document, "device": Device(**document["device"])})

    @property
    def threads_a_request(self) -> int:
        """The processor's threads that each of the streams has."""
        return max(1, self.device.threads // self.streams)

    def record_conditions(self) -> dict[str, Any]:
        """The conditions that records state beside device and threads: memory format and streams, where they are not the usual ones."""
        usual = Placement(self.device, self.named)
        stated = {"memory_format": self.memory_format, "streams": self.streams}
        return {name: each for name, each in stated.items() if each != getattr(usual, name)}


class Session(Protocol):
    """A network on an engine, ready to run, by as many threads at once as its placement has streams."""

    def put(self, images: Floats) -> Any:
        """Moves (N, C, H, W) preprocessed images to where the engine reads them, in its own memory layout."""

    def run(self, images: Any) -> Any:
        """Runs the network on images from `put` and returns when the logits are computed, in the engine's own type."""

    def get(self, logits: Any) -> Floats:
        """Converts what `run` returned to (N, classes) logits."""


@dataclass(frozen=True)
class Engine:
    """An engine.

    Args:
        needs: by precision, packages beyond atalho's own requirements, all in the extra of the engine's name.
        devices: torch's names of the types of devices that it runs on.
        write: writes the engine's files into the network's folder; for int8 it is called with (N, C, H, W) preprocessed images
            to calibrate on.
        open: loads the network of a folder, ready to run.
        files: by precision, the names of the files that it reads, without config.json.
    """

    name: str
    needs: Mapping[Dtype, tuple[str, ...]]
    devices: frozenset[str]
    write: Callable[["Trained", Path, Dtype, "Tensor | None"], None]
    open: Callable[[Path, Dtype, Placement], Session]
    files: Callable[[Dtype], tuple[str, ...]]
