"""Joules of an image and watts, by the sensors that zeus knows: NVML, RAPL, Jetson's and Apple's."""

from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any, NamedTuple

from atalho.runtime.device import Device

EXTRA = "pip install 'atalho[energy]'"


class Spent(NamedTuple):
    """The energy and the time of a window of work."""

    joules: float
    seconds: float


class Sensor:
    """A counter of joules.

    Args:
        monitor: a `zeus.monitor.ZeusMonitor`.
        part: takes the joules from one of its measurements.
    """

    def __init__(self, name: str, monitor: Any, part: Callable[[Any], float]) -> None:
        self.name = name
        self.monitor = monitor
        self.part = part

    def joules(self, work: Callable[[], None]) -> Spent:
        """Calls `work` and returns the energy and the time that it took."""
        # Runs return when the device has done them.
        self.monitor.begin_window("work", sync_execution=False)
        work()
        window = self.monitor.end_window("work", sync_execution=False)
        return Spent(self.part(window), window.time)


def sensor(device: Device) -> Sensor | str:
    """The sensor of a device, or in words why there is none."""
    if find_spec("zeus") is None:
        return f"zeus is not installed ({EXTRA})"
    from zeus.monitor import ZeusMonitor

    monitor = ZeusMonitor()
    number = device.name.partition(":")[2]
    if device.type == "cuda":
        index = int(number or 0)
        if index in monitor.gpu_indices:
            return Sensor("NVML via zeus", monitor, lambda window: float(window.gpu_energy[index]))
        return "the GPU tells zeus no energy"
    if monitor.cpu_indices:
        return Sensor(
            "RAPL via zeus", monitor, lambda window: float(sum(window.cpu_energy.values()))
        )
    monitor.begin_window("probe", sync_execution=False)
    if monitor.end_window("probe", sync_execution=False).soc_energy is not None:
        return Sensor("the system on a chip's, via zeus", monitor, _soc)
    return "the processor tells zeus no energy (no RAPL that may be read, no Jetson, no Apple chip)"


def _soc(window: Any) -> float:
    """Joules of all of a system on a chip: Jetson's total, or Apple's parts that do not hold one another."""
    parts = (
        "total_energy_mj",
        *(f"{part}_mj" for part in ("cpu_total", "gpu", "gpu_sram", "dram", "ane")),
    )
    energy = asdict(window.soc_energy)
    return float(sum(energy.get(part) or 0 for part in parts)) / 1000
