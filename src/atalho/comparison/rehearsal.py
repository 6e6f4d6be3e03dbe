"""What a unit of a comparison's work would take, by a few steps of it that are measured and thrown away."""

from dataclasses import dataclass

import psutil
import torch

from atalho.runtime import resident
from atalho.runtime.device import Device


@dataclass(frozen=True)
class Rehearsal:
    """The time, memory and disk that a unit would take on the machine where it was rehearsed.

    Args:
        seconds: early stops apart.
        memory: the peak in bytes, of a GPU where it runs on one and else of the whole process.
        available: bytes of that memory that nothing else uses.
        disk: bytes that it needs in the comparison's folder.
        images: how many pass through the network, those of validation by their share of a step's work.
    """

    seconds: float
    memory: int
    available: int
    disk: int
    images: float


def measured(device: Device, seconds: float, images: float, disk: int) -> Rehearsal:
    """The rehearsal of a unit in this process, which has done a few of its steps and nothing else."""
    if device.type == "cuda":
        own = torch.cuda.max_memory_reserved(device.torch)
        free, _ = torch.cuda.mem_get_info(device.torch)
        used = torch.cuda.memory_reserved(device.torch)
    else:
        own, free = resident.peak(), psutil.virtual_memory().available
        used = psutil.Process().memory_info().rss
    return Rehearsal(seconds, own, free + used, disk, images)
