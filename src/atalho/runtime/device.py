"""The device that networks run on, with the threads that its processor may use; resolved once from the user's choice."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from atalho.errors import AtalhoError, Exit
from atalho.runtime.processor import processor

if TYPE_CHECKING:  # a process that runs another engine than torch's does not import it
    import torch


@dataclass(frozen=True)
class Device:
    """A device and the processor's threads.

    Attributes:
        name: as torch names it: `cpu`, `cuda:0`.
        threads: of the processor, for one operation; at least 1.
    """

    name: str
    threads: int

    @property
    def type(self) -> str:
        """Its name without a number: `cpu`, `cuda`."""
        return self.name.partition(":")[0]

    @property
    def torch(self) -> "torch.device":
        """The same as torch's own object."""
        import torch

        return torch.device(self.name)

    @property
    def model(self) -> str:
        """The hardware's name as its maker gives it; a processor's with the number of its cores."""
        if self.type != "cuda":
            return processor()
        import torch

        return torch.cuda.get_device_name(self.torch)


def resolve_device(name: str = "auto", threads: int | None = None) -> Device:
    """The device that a user named, once torch can use it in this process with so many threads.

    Args:
        name: auto, cpu, cuda or cuda:N. Auto is the GPU where there is one; under torchrun, cuda is this process's own GPU.
        threads: by default torch's own: one for each core that this process may use.

    Raises:
        AtalhoError: DEVICE (exit 6), for a device that torch does not know or that this machine does not have, or that is neither
            a processor nor a CUDA GPU.
    """
    import torch

    from atalho.runtime.precision import whole_float32

    if threads is not None:
        torch.set_num_threads(threads)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    try:
        device = torch.device(name)
        if device.type not in ("cpu", "cuda"):
            raise RuntimeError("atalho runs on processors and CUDA GPUs alone")
        torch.empty(0, device=device)
        if device.type == "cuda":
            torch.cuda.set_device(device)
            whole_float32()
    except (RuntimeError, AssertionError) as error:
        raise AtalhoError(
            "DEVICE",
            name,
            f"cannot be used ({str(error).splitlines()[0]})",
            next_step="--device cpu",
            exit=Exit.RESOURCES,
        ) from error
    return Device(str(device), torch.get_num_threads())
