"""What an engine is: a way to run a network that lies in a folder, in a precision, on a device.

The folder holds `model.safetensors` and `config.json`, as a finished run has them, and what engines have put beside them.
Images and logits cross the border as numpy arrays, so that an engine that does without torch runs without it.
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
    from torch import Tensor

    from atalho.weights.trained import Trained

Dtype = Literal[Precision, "int8"]
MemoryFormat = Literal["channels_last", "contiguous"]
Floats = NDArray[np.float32]

USUAL: MemoryFormat = "channels_last"
"""The memory format that records do not mention."""


@dataclass(frozen=True)
class Placement:
    """Where a network runs, and how its numbers lie in memory there.

    Attributes:
        named: the name by which the user named the network: code that a folder names is only run where the user named it too.
        memory_format: of images and weights in torch's engines; the others choose their own.
    """

    device: Device
    named: str = ""
    memory_format: MemoryFormat = USUAL

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Placement":
        """The placement whose `dataclasses.asdict` came as JSON."""
        return cls(**{**document, "device": Device(**document["device"])})

    def record_conditions(self) -> dict[str, str]:
        """The conditions that records state beside device and threads: the memory format, where it is not the usual one."""
        return {} if self.memory_format == USUAL else {"memory_format": self.memory_format}


class Session(Protocol):
    """A network on an engine, ready to run."""

    def put(self, images: Floats) -> Any:
        """(N, C, H, W) preprocessed images, moved to where the engine reads them, in its own memory layout."""

    def run(self, images: Any) -> Any:
        """Runs the network on images from `put` and returns when the logits are computed, in the engine's own type."""

    def get(self, logits: Any) -> Floats:
        """What `run` returned as (N, classes) logits."""


@dataclass(frozen=True)
class Engine:
    """An engine.

    Args:
        needs: by precision, the packages beside atalho's own, all in the extra of the engine's name.
        devices: on which it runs, as torch names their types.
        write: puts what the engine reads into the network's folder; for int8 it is called with (N, C, H, W) preprocessed images
            to calibrate on.
        open: the network of a folder, ready to run.
        files: by precision, the names of what it reads, config.json apart.
    """

    name: str
    needs: Mapping[Dtype, tuple[str, ...]]
    devices: frozenset[str]
    write: Callable[["Trained", Path, Dtype, "Tensor | None"], None]
    open: Callable[[Path, Dtype, Placement], Session]
    files: Callable[[Dtype], tuple[str, ...]]
