"""The machine that a measurement is taken on, as conditions of a record."""

from typing import Any

import torch

from atalho.record import now, processor, versions


def conditions(device: torch.device) -> dict[str, Any]:
    """The device by name, threads, versions and the time."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else processor(),
        "threads": torch.get_num_threads(),
        "versions": versions("torch", "torchvision"),
        "at": now(),
    }
