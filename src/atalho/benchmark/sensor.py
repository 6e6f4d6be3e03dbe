"""Energy in joules, read from the sensors that zeus supports: NVML, RAPL, Jetson's and Apple's."""

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
        name: of the sensor, for records.
        monitor: a `zeus.monitor.ZeusMonitor`.
        part: returns the device's joules from one of its measurements.
    """

    def __init__(self, name: str, monitor: Any, part: Callable[[Any], float]) -> None:
        self.name = name
        self.monitor = monitor
        self.part = part

    def joules(self, work: Callable[[], None]) -> Spent:
        """Calls `work` and returns the energy and the time that it took."""
        # Runs return only when the device has finished them.
        self.monitor.begin_window("work", sync_execution=False)
        work()
        window = self.monitor.end_window("work", sync_execution=False)
        return Spent(self.part(window), window.time)


def sensor(device: Device) -> Sensor | str:
    """The sensor of a device; where there is none, a sentence that says why."""
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
    """Joules of a whole system on a chip: Jetson's total, or the sum of Apple's separate parts."""
    parts = (
        "total_energy_mj",
        *(f"{part}_mj" for part in ("cpu_total", "gpu", "gpu_sram", "dram", "ane")),
    )
    energy = asdict(window.soc_energy)
    return float(sum(energy.get(part) or 0 for part in parts)) / 1000
