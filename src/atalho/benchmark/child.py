"""The process in which one network is measured: its time, its peak memory, its energy.

The engine's package is loaded and warm before anything is weighed, and the network is opened after that: the memory that is
measured is the network's. Nothing here loads torch unless the engine is torch.
"""

import gc
import resource
import sys
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from atalho.benchmark import busy, sensor
from atalho.engines import ENGINES, Backend
from atalho.engines.engine import Placement, Session
from atalho.runtime.child import Parent

WARM_RUNS, WARM_SECONDS, MOST_WARM_SECONDS = 3, 0.3, 3.0
STABLE = 0.05  # by which the last runs may differ from those before them
PEAK_RUNS = 3


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
        """Moves standard normal noise in place of images to the engine, and frees the last batch's."""
        if batch != self.batch:
            self.images = None
            shown = np.random.default_rng(0).standard_normal((batch, *self.input), np.float32)
            self.images = self.open().put(shown)
            self.batch = batch

    def once(self) -> float:
        """Seconds of one run."""
        session = self.open()
        begun = time.perf_counter()
        session.run(self.images)
        return time.perf_counter() - begun

    def warm(self, batch: int) -> dict[str, Any]:
        """Runs until the time of a run no longer changes, for some seconds at most."""
        self.put(batch)
        taken: list[float] = []
        while sum(taken) < MOST_WARM_SECONDS:
            taken.append(self.once())
            enough = len(taken) >= WARM_RUNS and sum(taken) >= WARM_SECONDS
            if enough and abs(busy.drift(taken[-busy.LEAST :])) < STABLE:
                break
        return {}

    def time(self, batch: int, seconds: float, runs: int) -> dict[str, Any]:
        """The seconds of single runs, and how many cores other processes used meanwhile.

        It runs for the whole time also where a few runs would do: the clocks that tell who used the machine tick a hundred
        times a second.

        Args:
            seconds: how long it runs.
            runs: to how many samples the runs are thinned out, at most.
        """
        self.put(batch)
        taken: list[float] = []
        begun = busy.moment()
        ends = begun.wall + seconds
        while not taken or time.perf_counter() < ends:
            taken.append(self.once())
        others = busy.others(begun, busy.moment())
        return {"samples": taken[:: ceil(len(taken) / runs)], "others": others}

    def peak(self, batch: int) -> dict[str, Any]:
        """The peak of memory in bytes while it runs, above the loaded framework.

        On a GPU it is the peak of torch's allocator, with `device_used`, the bytes that are taken of the device in all.
        """
        before = _reset_high_water()
        self.open()
        gc.collect()
        _reset_high_water()  # what reading the files took is over
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
        """The joules of a window of runs, and the watts of a window as long at rest before it."""
        counter = sensor.sensor(self.placement.device)
        assert not isinstance(counter, str), counter  # the parent has checked
        self.put(batch)
        rest = counter.joules(lambda: time.sleep(seconds))
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
            "idle": rest.joules / rest.seconds,
            "joules": spent.joules,
            "seconds": spent.seconds,
            "images": runs * batch,
        }


def _load(engine: str) -> None:
    """Loads an engine's package, and what it loads itself when it first works."""
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


def main(parent: Parent) -> None:
    """Receives what `System.start` sends, then requests `{"measure": name, ...}`, and sends what each measured as one object."""
    network = Network(parent.receive())
    measures: dict[str, Callable[..., dict[str, Any]]] = {
        "warm": network.warm,
        "time": network.time,
        "peak": network.peak,
        "energy": network.energy,
    }
    while True:
        request = parent.receive()
        parent.send(measures[request.pop("measure")](**request))
