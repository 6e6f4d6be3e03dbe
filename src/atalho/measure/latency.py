"""Latency and throughput of a network by batch size."""

import time
from statistics import median, quantiles
from typing import Any

import torch
from torch import nn

from atalho.measure import machine
from atalho.precision import Precision, autocast
from atalho.record import Record
from atalho.shape import Shape

WARM_RUNS, WARM_SECONDS = 3, 0.3
SAMPLES, SECONDS = 50, 5.0
PROTOCOL = (
    f"warm-up {WARM_RUNS} runs and {WARM_SECONDS} s, then {SAMPLES} runs or {SECONDS:g} s; median"
)


@torch.inference_mode()
def samples(
    model: nn.Module, input: Shape, batch: int, device: torch.device, precision: Precision
) -> list[float]:
    """Seconds of single forward passes of a batch of noise that lies on the device, in the order taken."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, *input, generator=generator).to(
        device, memory_format=torch.channels_last
    )

    def once() -> float:
        begun = time.perf_counter()
        with autocast(device, precision):
            model(images)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - begun

    def several(least_runs: int, least_seconds: float, *, both: bool) -> list[float]:
        taken: list[float] = []
        enough = all if both else any
        while not enough((len(taken) >= least_runs, sum(taken) >= least_seconds)):
            taken.append(once())
        return taken

    model.eval()
    several(WARM_RUNS, WARM_SECONDS, both=True)
    return several(SAMPLES, SECONDS, both=False)


def records(
    subject: str,
    model: nn.Module,
    input: Shape,
    batch: int,
    *,
    device: torch.device,
    precision: Precision,
) -> list[Record]:
    """Median latency of a batch with its quartiles, and the throughput that follows from it."""
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    taken = samples(model, input, batch, device, precision)
    middle = median(taken)
    given: dict[str, Any] = {
        "input": list(input),
        "batch": batch,
        "engine": "eager",
        "dtype": precision,
        **machine.conditions(device),
        "protocol": PROTOCOL,
    }
    first, _, third = quantiles(taken, n=4) if len(taken) > 1 else [middle] * 3
    return [
        Record.of(subject, "latency", middle, "measured", taken, **given, quartiles=[first, third]),
        Record.of(subject, "throughput", batch / middle, "measured", **given),
    ]
