"""Peak memory of inference, measured in a process of its own.

On a CPU it is the process's high-water mark of resident memory above what it held before the network was built, with
torch loaded and warm; on a GPU it is the peak of torch's allocator, weights included.
"""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from atalho import subjects
from atalho.errors import AtalhoError, Exit
from atalho.measure import machine
from atalho.precision import Precision, autocast
from atalho.record import Record
from atalho.shape import Shape
from atalho.subjects import Subject

RUNS = 3
PROTOCOL = f"process of its own, {RUNS} forward passes; high-water mark above the loaded framework"


def records(
    network: Subject, batch: int, *, device: torch.device, precision: Precision
) -> list[Record]:
    """Peak memory of a network at `batch`, from a child process that uses as many threads as this one.

    Raises:
        AtalhoError: MEASURE-FAILED (exit 6), when the child ends without an answer.
    """
    question = {
        "network": network.name,
        "input": network.input,
        "num_classes": network.num_classes,
        "batch": batch,
        "device": str(device),
        "precision": precision,
        "threads": torch.get_num_threads(),
    }
    child = subprocess.run(
        [sys.executable, "-m", "atalho.measure.memory", json.dumps(question)],
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        last = (child.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise AtalhoError(
            "MEASURE-FAILED",
            network.name,
            f"the process that measures memory ended with {child.returncode}: {last}",
            next_step="a smaller --batch-size",
            exit=Exit.RESOURCES,
        )
    answer = json.loads(child.stdout)
    value = answer.pop("peak")
    return [Record.of(network.name, "peak_memory", value, "measured", **answer, protocol=PROTOCOL)]


def _resident(field: str) -> int:
    """`VmRSS` or `VmHWM` of this process in bytes, where there is /proc."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field} in /proc/self/status")


def _reset_high_water() -> int:
    """Resident bytes now; the high-water mark starts from here where the system allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _resident("VmRSS")
    except OSError:
        return _high_water()


def _high_water() -> int:
    try:
        return _resident("VmHWM")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    """What the child measures."""
    torch.set_num_threads(question["threads"])
    device = torch.device(question["device"])
    shape: Shape = tuple(question["input"])
    batch = question["batch"]
    # Libraries that load themselves at the first convolution belong to the framework.
    torch.nn.Conv2d(3, 8, 3)(torch.randn(1, 3, 8, 8))
    before = _reset_high_water()
    network = subjects.get(question["network"], input=shape, num_classes=question["num_classes"])
    model = subjects.build(network.without_auxiliary(), device=device).eval()
    model.to(memory_format=torch.channels_last)
    images = torch.randn(batch, *shape, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), autocast(device, question["precision"]):
        for _ in range(RUNS):
            model(images)
    cuda = device.type == "cuda"
    peak = torch.cuda.max_memory_allocated(device) if cuda else _high_water() - before
    return {
        "peak": peak,
        "input": list(shape),
        "batch": batch,
        "engine": "eager",
        "dtype": question["precision"],
        **machine.conditions(device),
    }


if __name__ == "__main__":
    print(json.dumps(_answer(json.loads(sys.argv[1]))))
