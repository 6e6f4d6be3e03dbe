"""The process in which one network is measured: its time, its peak memory, its energy.

The engine's package is loaded and used once before memory is measured, and the network is opened after that, so the memory
measured is the network's. Nothing here loads torch unless the engine is torch.
"""

import gc
import resource
import sys
import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Literal

import numpy as np

from atalho.benchmark import busy, sensor
from atalho.engines import ENGINES, Backend
from atalho.engines.engine import Placement, Session
from atalho.runtime.child import Parent

WARM_RUNS, WARM_SECONDS, MOST_WARM_SECONDS = 3, 0.3, 3.0
STABLE = 0.05  # by which the last runs may differ from those before them
PEAK_RUNS = 3


@dataclass(frozen=True)
class MeasureRequest:
    """A measurement that the child is to make; it travels as a JSON object of these fields.

    Args:
        batch: images at a time.
        seconds: how long the network runs, for time and energy.
        runs: the most samples to return, for time.
    """

    measure: Literal["warm", "time", "peak", "energy"]
    batch: int
    seconds: float = 0.0
    runs: int = 0


class Network:
    """A network on its engine, with the images that it is run on.

    Args:
        system: the fields of a `System` as JSON.
    """

    def __init__(self, system: dict[str, Any]) -> None:
        self.backend = Backend(*system["backend"])
        self.placement = Placement.of(system["placement"])
        self.folder = Path(system["folder"])
        self.input = tuple(system["input"])
        self.cuda = self.placement.device.type == "cuda"
        self._session: Session | None = None
        self.batch = 0
        self.images: Any = None
        _load(self.backend.engine)

    def open(self) -> Session:
        """The network on its engine, opened at the first call."""
        if self._session is None:
            engine = ENGINES[self.backend.engine]
            self._session = engine.open(self.folder, self.backend.dtype, self.placement)
        return self._session

    def put(self, batch: int) -> None:
        """Replaces the images by a batch of standard normal noise on the engine's device, unless they have that size already."""
        if batch != self.batch:
            self.images = None
            noise = np.random.default_rng(0).standard_normal((batch, *self.input), np.float32)
            self.images = self.open().put(noise)
            self.batch = batch

    def once(self) -> float:
        """Runs the network once, and returns the seconds that it took."""
        session = self.open()
        begun = time.perf_counter()
        session.run(self.images)
        return time.perf_counter() - begun

    def measure(self, request: MeasureRequest) -> dict[str, Any]:
        """Carries out a request, and returns its result."""
        match request.measure:
            case "warm":
                return self.warm(request.batch)
            case "time":
                return self.time(request.batch, request.seconds, request.runs)
            case "peak":
                return self.peak(request.batch)
            case "energy":
                return self.energy(request.batch, request.seconds)

    def warm(self, batch: int) -> dict[str, Any]:
        """Runs until the time of a run no longer changes, for some seconds at most."""
        self.put(batch)
        times: list[float] = []
        while sum(times) < MOST_WARM_SECONDS:
            times.append(self.once())
            enough = len(times) >= WARM_RUNS and sum(times) >= WARM_SECONDS
            if enough and abs(busy.drift(times[-busy.LEAST :])) < STABLE:
                break
        return {}

    def time(self, batch: int, seconds: float, runs: int) -> dict[str, Any]:
        """The seconds of single runs as `samples`, and `other_cores`, how many cores other processes used meanwhile.

        It runs for the whole time even where a few runs would suffice, since the clocks of the processes' work tick only a hundred
        times a second.

        Args:
            seconds: how long it runs.
            runs: the most samples; of more runs evenly spaced ones are returned.
        """
        self.put(batch)
        times: list[float] = []
        begun = busy.moment()
        ends = begun.wall + seconds
        while not times or time.perf_counter() < ends:
            times.append(self.once())
        other_cores = busy.other_cores(begun, busy.moment())
        return {"samples": times[:: ceil(len(times) / runs)], "other_cores": other_cores}

    def peak(self, batch: int) -> dict[str, Any]:
        """The peak of memory in bytes while it runs, above that of the loaded engine.

        On a GPU it is the peak of torch's allocator, with `device_used`, the bytes of the device's memory in use in all.
        """
        before = _reset_high_water()
        self.open()
        gc.collect()
        _reset_high_water()  # excludes the memory that reading the files took
        self.put(batch)
        for _ in range(PEAK_RUNS):
            self.open().run(self.images)
        if self.cuda:
            import torch

            free, total = torch.cuda.mem_get_info(self.placement.device.torch)
            peak = torch.cuda.max_memory_allocated(self.placement.device.torch)
            return {"peak": peak, "device_used": total - free}
        return {"peak": _high_water() - before}

    def energy(self, batch: int, seconds: float) -> dict[str, Any]:
        """The joules of a window of runs, and as `idle` the watts of an equally long window at rest before it."""
        counter = sensor.sensor(self.placement.device)
        assert not isinstance(counter, str), counter  # the parent has checked
        self.put(batch)
        idle = counter.joules(lambda: time.sleep(seconds))
        runs = 0

        def work() -> None:
            nonlocal runs
            ends = time.perf_counter() + seconds
            while time.perf_counter() < ends:
                self.open().run(self.images)
                runs += 1

        spent = counter.joules(work)
        return {
            "sensor": counter.name,
            "idle": idle.joules / idle.seconds,
            "joules": spent.joules,
            "seconds": spent.seconds,
            "images": runs * batch,
        }


def _load(engine: str) -> None:
    """Loads an engine's package, and what the package loads itself when it is first used."""
    if engine == "onnxruntime":
        import onnxruntime  # noqa: F401
    elif engine == "openvino":
        import openvino

        openvino.Core()
    else:
        import torch

        import atalho.weights.trained  # noqa: F401

        torch.nn.Conv2d(3, 8, 3)(torch.randn(1, 3, 8, 8))


def _resident(field: str) -> int:
    """`VmRSS` or `VmHWM` of this process in bytes, where there is /proc."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field} in /proc/self/status")


def _reset_high_water() -> int:
    """Resets the high-water mark of resident memory, where the system allows it, and returns the resident bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _resident("VmRSS")
    except OSError:
        return _high_water()


def _high_water() -> int:
    """The most bytes of memory that were resident since the last reset."""
    try:
        return _resident("VmHWM")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(parent: Parent) -> None:
    """Receives what `System.start` sends, then `MeasureRequest`s, and sends the result of each as a JSON object."""
    network = Network(parent.receive())
    while True:
        parent.send(network.measure(MeasureRequest(**parent.receive())))
