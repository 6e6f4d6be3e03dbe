"""Peak memory of inference, each network and batch size in a new process, one after another.

`peak_memory` is the whole process's, with the interpreter, its engine and what opening the network's files takes for a moment: what
a machine must have. `added_memory` is what the network adds to its engine, with the condition `left_out` for the rest.

On a processor both are high-water marks of resident memory, the second above what the process held with its engine's package
loaded and warm. On a GPU the first is what the process takes of the device, the CUDA context included, and the second the peak
of torch's allocator, weights included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from atalho.benchmark.child import PEAK_RUNS, MeasureRequest
from atalho.benchmark.system import System
from atalho.benchmark.workload import Workload
from atalho.record import Record
from atalho.runtime.child import Child, Ended

PROTOCOL = f"process of its own, {PEAK_RUNS} runs; high-water mark of the whole process, and above the loaded engine"


def records(
    children: Mapping[str, Child], systems: Sequence[System], workload: Workload
) -> dict[str, list[Record] | Ended]:
    """Peak memory in bytes, of the whole process and what the network adds, by network.

    A network whose process ends has that instead, and the rest go on.

    Args:
        children: processes in which nothing has run yet, by the systems' names.
    """
    return {each.name: _measured(children[each.name], each, workload) for each in systems}


def _measured(child: Child, system: System, workload: Workload) -> list[Record] | Ended:
    before = _device_used(system)
    try:
        peaks = child.ask(asdict(MeasureRequest("peak", workload.batch)))
    except Ended as ended:
        return ended
    if (used := peaks.get("device_used")) is not None:
        peaks["whole"] = max(used - before, peaks["added"])
        peaks["left_out"] = peaks["whole"] - peaks["added"]
    return _records(system, workload.batch, **peaks)


def _records(
    system: System, batch: int, whole: int, added: int, left_out: int, **device: int
) -> list[Record]:
    stated = {**system.record_conditions(), **device, "batch": batch, "protocol": PROTOCOL}
    return [
        Record.of(system.name, "peak_memory", whole, "measured", **stated),
        Record.of(system.name, "added_memory", added, "measured", **stated, left_out=left_out),
    ]


def _device_used(system: System) -> int:
    """Bytes that are taken of a GPU, by this process too; 0 for a processor."""
    device = system.placement.device
    if device.type != "cuda":
        return 0
    import torch

    free, total = torch.cuda.mem_get_info(device.torch)
    return int(total - free)
