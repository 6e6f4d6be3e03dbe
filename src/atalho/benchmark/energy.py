"""Energy an image and power by batch size, above what the machine takes at rest."""

from dataclasses import asdict

from atalho.benchmark.child import MeasureRequest
from atalho.benchmark.system import System
from atalho.record import Record
from atalho.runtime.child import Child

WINDOW = 3.0
"""Seconds of work, and of rest before it: NVML's counter moves every 20 to 100 ms, RAPL's every 1 ms."""

PROTOCOL = f"own process, {WINDOW:g} s of runs less what {WINDOW:g} s at rest before them took"


def records(child: Child, system: System, batch: int) -> list[Record]:
    """Joules an image and watts, above what the machine takes at rest.

    Raises:
        Ended: where the network's process ends before that.
    """
    window = child.ask(asdict(MeasureRequest("energy", batch, WINDOW)))
    watts = window["joules"] / window["seconds"] - window["idle"]
    conditions = {
        **system.record_conditions(),
        "batch": batch,
        "sensor": window["sensor"],
        "idle": window["idle"],
        "window": window["seconds"],
        "protocol": PROTOCOL,
    }
    joules = watts * window["seconds"] / window["images"]
    return [
        Record.of(system.name, "energy", joules, "measured", **conditions),
        Record.of(system.name, "power", watts, "measured", **conditions),
    ]
