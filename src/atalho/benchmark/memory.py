"""Peak memory of inference by batch, each in a process of its own.

On a CPU it is the process's high-water mark of resident memory above what it held before the network was opened, with
its engine's package loaded and warm; on a GPU it is the peak of torch's allocator, weights included, and the condition
`device_used` says what was taken of the device's memory in all.
"""

from atalho.benchmark.child import PEAK_RUNS
from atalho.benchmark.system import System
from atalho.record import Record
from atalho.runtime.child import Ended

PROTOCOL = f"process of its own, {PEAK_RUNS} runs; high-water mark above the loaded engine"


def records(system: System, batch: int) -> list[Record]:
    """Peak memory of a network; where its process ends, that instead."""
    with system.start() as child:
        try:
            found = child.ask({"measure": "peak", "batch": batch})
        except Ended as ended:
            return [system.failure("memory", batch, ended)]
    peak = found.pop("peak")
    given = {**system.record_conditions(), **found, "batch": batch, "protocol": PROTOCOL}
    return [Record.of(system.name, "peak_memory", peak, "measured", **given)]
