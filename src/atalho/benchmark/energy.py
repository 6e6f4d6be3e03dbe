"""Energy of an image and power by batch, above what the machine takes at rest."""

from atalho.benchmark.system import System
from atalho.record import Record
from atalho.runtime.child import Child, Ended

WINDOW = 3.0
"""Seconds of work, and of rest before it: NVML's counter moves every 20 to 100 ms, RAPL's every 1 ms."""

PROTOCOL = f"own process, {WINDOW:g} s of runs less what {WINDOW:g} s at rest before them took"


def records(child: Child, system: System, batch: int) -> list[Record]:
    """Joules an image and watts of a network; where its process ends, a record of that instead."""
    try:
        found = child.ask({"measure": "energy", "batch": batch, "seconds": WINDOW})
    except Ended as ended:
        return [system.failure("energy", batch, ended)]
    watts = found["joules"] / found["seconds"] - found["idle"]
    given = {
        **system.record_conditions(),
        "batch": batch,
        "sensor": found["sensor"],
        "idle": found["idle"],
        "window": found["seconds"],
        "protocol": PROTOCOL,
    }
    joules = watts * found["seconds"] / found["images"]
    return [
        Record.of(system.name, "energy", joules, "measured", **given),
        Record.of(system.name, "power", watts, "measured", **given),
    ]
