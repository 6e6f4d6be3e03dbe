"""Energy of an image and power by batch, above what the machine takes at rest."""

from dataclasses import asdict

from atalho.benchmark import busy
from atalho.benchmark.child import MeasureRequest
from atalho.benchmark.system import System
from atalho.record import Record
from atalho.runtime.child import Child, Ended

WINDOW = 3.0
"""Seconds of work, and of rest before it: NVML's counter moves every 20 to 100 ms, RAPL's every 1 ms."""

ATTEMPTS = 3  # on a machine where others are at work

PROTOCOL = (
    f"own process, warm-up until stable, {WINDOW:g} s of runs less what {WINDOW:g} s at rest before them took; "
    "taken again where others used the machine"
)


def records(child: Child, system: System, batch: int) -> list[Record]:
    """Joules an image and watts, above what the machine takes at rest.

    Raises:
        Ended: where the network's process ends before that, or takes no more power than the machine at rest.
    """
    for _ in range(ATTEMPTS):
        window = child.ask(asdict(MeasureRequest("energy", batch, WINDOW)))
        if not busy.disturbed(window["other_cores"]):
            break
    watts = window["joules"] / window["seconds"] - window["idle"]
    if watts <= 0:
        raise Ended(1, f"the sensor shows {watts:.3g} W above rest, which is no measurement")
    conditions = {
        **system.record_conditions(),
        "batch": batch,
        "sensor": window["sensor"],
        "idle": window["idle"],
        "window": window["seconds"],
        "protocol": PROTOCOL,
        **busy.conditions(window["other_cores"]),
    }
    joules = watts * window["seconds"] / window["images"]
    return [
        Record.of(system.name, "energy", joules, "measured", **conditions),
        Record.of(system.name, "power", watts, "measured", **conditions),
    ]
