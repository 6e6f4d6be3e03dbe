"""Peak memory of inference, each network and batch size in a new process.

On a CPU it is the process's high-water mark of resident memory above what it held before the network was opened, with
its engine's package loaded and warm; on a GPU it is the peak of torch's allocator, weights included, and the condition
`device_used` says how much of the device's memory is in use in all.
"""

from dataclasses import asdict

from atalho.benchmark.child import PEAK_RUNS, MeasureRequest
from atalho.benchmark.system import System
from atalho.record import Record

PROTOCOL = f"process of its own, {PEAK_RUNS} runs; high-water mark above the loaded engine"


def records(system: System, batch: int) -> list[Record]:
    """Peak memory in bytes.

    Raises:
        Ended: where the network's process ends before that.
    """
    with system.start() as child:
        measured = child.ask(asdict(MeasureRequest("peak", batch)))
    peak = measured.pop("peak")
    conditions = {**system.record_conditions(), **measured, "batch": batch, "protocol": PROTOCOL}
    return [Record.of(system.name, "peak_memory", peak, "measured", **conditions)]
