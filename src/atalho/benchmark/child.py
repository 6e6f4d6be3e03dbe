"""The process in which one network is measured: its time, its peak memory, its energy.

The engine's package is loaded and used once before memory is measured, and the network is opened after that, so the memory
measured is the network's. Nothing here loads torch unless the engine is torch, before the network is asked about files.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from atalho.benchmark import busy, sensor, serving, warming
from atalho.engines import ENGINES, Backend
from atalho.engines.engine import Placement, Session
from atalho.runtime import resident
from atalho.runtime.child import Parent

if TYPE_CHECKING:  # it loads torch
    from atalho.benchmark.from_files import Requests

PEAK_RUNS = 3

Run = Callable[[], list[float]]


@dataclass(frozen=True)
class MeasureRequest:
    """A measurement that the child is to make; it travels as a JSON object of these fields.

    Args:
        batch: images at a time.
        seconds: how long the network runs, for time, streams and energy.
        files: what it is asked about, for warm and time; it is run on noise where there are none.
    """

    measure: Literal["warm", "time", "streams", "peak", "energy"]
    batch: int
    seconds: float = 0.0
    files: Sequence[str] = ()


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
        self._requests: Requests | None = None
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

    def once(self) -> list[float]:
        """Runs the network once, and returns the seconds that it took."""
        session = self.open()
        begun = time.perf_counter()
        session.run(self.images)
        return [time.perf_counter() - begun]

    def run(self, request: MeasureRequest) -> Run:
        """What runs it once for a request, and returns the seconds of its parts: of a batch of noise, or of the next file."""
        if not request.files:
            self.put(request.batch)
            return self.once
        if self._requests is None:
            from atalho.benchmark.from_files import Requests

            self._requests = Requests(self.folder, self.backend, self.placement, request.files)
        return self._requests.once

    def measure(self, request: MeasureRequest) -> dict[str, Any]:
        """Carries out a request, and returns its result."""
        match request.measure:
            case "warm":
                return self.warm(request)
            case "time":
                return self.time(request)
            case "streams":
                return self.streams(request.batch, request.seconds)
            case "peak":
                return self.peak(request.batch)
            case "energy":
                return self.energy(request.batch, request.seconds)

    def warm(self, request: MeasureRequest) -> dict[str, Any]:
        """Runs until a run takes as long as the ones before it."""
        run = self.run(request)
        warming.until_stable(lambda: sum(run()))
        return {}

    def time(self, request: MeasureRequest) -> dict[str, Any]:
        """The `runs`, each with its parts' seconds, and `other_cores`, how many cores other processes used meanwhile.

        The first run is left out: the other networks' turns have emptied the caches. It runs for the whole time even where a few
        runs would suffice, since the clocks of the processes' work tick only a hundred times a second.
        """
        run = self.run(request)
        run()
        runs: list[list[float]] = []
        begun = busy.moment()
        ends = begun.wall + request.seconds
        while not runs or time.perf_counter() < ends:
            runs.append(run())
        return {"runs": runs, "other_cores": busy.other_cores(begun, busy.moment())}

    def streams(self, batch: int, seconds: float) -> dict[str, Any]:
        """As `time`, a single run: the seconds an image that all streams together take.

        Args:
            seconds: how long each stream takes one request after another.
        """
        self.put(batch)
        begun = busy.moment()
        rate = serving.rate(self.open(), self.images, self.placement.streams, seconds)
        other_cores = busy.other_cores(begun, busy.moment())
        return {"runs": [[1 / (rate * batch)]], "other_cores": other_cores}

    def peak(self, batch: int) -> dict[str, Any]:
        """Peaks of memory in bytes: `whole`, of the process, `added`, above the loaded engine, and `left_out`, that engine's.

        On a GPU `added` is the peak of torch's allocator, and `device_used` the bytes of the device's memory in use in all; what
        was in use before is known to the process that started this one.
        """
        loading = resident.peak()
        before = resident.reset_peak()
        self.open()
        gc.collect()
        opening = resident.peak()
        resident.reset_peak()  # excludes the memory that reading the files took
        self.put(batch)
        for _ in range(PEAK_RUNS):
            self.open().run(self.images)
        if self.cuda:
            import torch

            free, total = torch.cuda.mem_get_info(self.placement.device.torch)
            peak = torch.cuda.max_memory_allocated(self.placement.device.torch)
            return {"added": peak, "device_used": total - free}
        running = resident.peak()
        whole = max(loading, opening, running)
        return {"whole": whole, "added": running - before, "left_out": before}

    def energy(self, batch: int, seconds: float) -> dict[str, Any]:
        """The joules of a window of runs once they are stable, and as `idle` the watts of an equally long window at rest before it.

        `other_cores` is how many cores other processes used in the busier of both windows.
        """
        counter = sensor.sensor(self.placement.device)
        assert not isinstance(counter, str), counter  # the parent has checked
        self.warm(MeasureRequest("warm", batch))
        begun = busy.moment()
        idle = counter.joules(lambda: time.sleep(seconds))
        rested = busy.moment()
        runs = 0

        def work() -> None:
            nonlocal runs
            ends = time.perf_counter() + seconds
            while time.perf_counter() < ends:
                self.open().run(self.images)
                runs += 1

        spent = counter.joules(work)
        ended = busy.moment()
        return {
            "sensor": counter.name,
            "idle": idle.joules / idle.seconds,
            "joules": spent.joules,
            "seconds": spent.seconds,
            "images": runs * batch,
            "other_cores": max(busy.other_cores(begun, rested), busy.other_cores(rested, ended)),
        }


def _load(engine: str) -> None:
    """Loads an engine's package, and what the package loads itself when it is first used."""
    if engine == "onnxruntime":
        import onnxruntime  # noqa: F401
    elif engine == "openvino":
        from atalho.engines.openvino import core

        core()
    else:
        import torch

        import atalho.weights.trained  # noqa: F401

        torch.nn.Conv2d(3, 8, 3)(torch.randn(1, 3, 8, 8))


def main(parent: Parent) -> None:
    """Receives what `System.start` sends, then `MeasureRequest`s, and sends the result of each as a JSON object."""
    network = Network(parent.receive())
    while True:
        parent.send(network.measure(MeasureRequest(**parent.receive())))
