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
        named: the network that the user named; a function in a file is called for no other reason.
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
        """What a record says of the memory format: nothing where it is the usual one."""
        return {} if self.memory_format == USUAL else {"memory_format": self.memory_format}


class Session(Protocol):
    """A network that is ready to answer."""

    def put(self, images: Floats) -> Any:
        """(N, C, H, W) preprocessed images where the engine takes them from, in its own memory layout."""

    def run(self, images: Any) -> Any:
        """The logits of images that were put; it returns when they are there."""

    def get(self, logits: Any) -> Floats:
        """(N, classes) logits of `run`."""


@dataclass(frozen=True)
class Engine:
    """One way to run a network.

    Args:
        needs: by precision, the packages beside atalho's own, all in the extra of the engine's name.
        devices: on which it runs, as torch names their types.
        write: puts what the engine reads into the network's folder; for int8 it is given (N, C, H, W) preprocessed images
            to calibrate on.
        open: the network of a folder, ready to answer.
        files: by precision, the names of what it reads, config.json apart.
    """

    name: str
    needs: Mapping[Dtype, tuple[str, ...]]
    devices: frozenset[str]
    write: Callable[["Trained", Path, Dtype, "Tensor | None"], None]
    open: Callable[[Path, Dtype, Placement], Session]
    files: Callable[[Dtype], tuple[str, ...]]
