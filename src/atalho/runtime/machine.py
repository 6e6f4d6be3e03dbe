"""The machine that a measurement is taken on, as conditions of a record."""

from typing import Any

from atalho.record import now, versions
from atalho.runtime.device import Device


def conditions(device: Device) -> dict[str, Any]:
    """The device's hardware by name, its threads, the versions of Python and of the packages, and the time."""
    return {
        "device": device.model,
        "threads": device.threads,
        "versions": versions("torch", "torchvision"),
        "at": now(),
    }
