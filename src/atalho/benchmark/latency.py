"""Latency and throughput of networks, measured by turns, and whether the machine was quiet meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import numpy as np

from atalho.benchmark import busy
from atalho.benchmark.child import MeasureRequest
from atalho.benchmark.system import System
from atalho.record import Record
from atalho.runtime.child import Child, Ended

SAMPLES, LEAST, SECONDS = 50, 3, 5.0
TURN = 0.5  # seconds of one network before the next one's turn
RETAKEN = 10  # turns that are taken again where the machine was busy
ATTEMPTS = 3  # of a network whose time drifts
PROTOCOL = (
    f"own process, warm-up until stable, networks in turns of {TURN} s, {SAMPLES} runs or {SECONDS:g} s at least; "
    "median; a turn in which others used the machine is taken again, and a network whose time drifts"
)


@dataclass
class Samples:
    """A network's samples so far, in seconds a run.

    Attributes:
        quiet: of turns in which the machine did nothing else.
        busy: of turns in which other processes used it too.
        other_cores: how many cores these processes kept busy, in each of the busy turns.
    """

    quiet: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    other_cores: list[float] = field(default_factory=list)

    def add(self, samples: Sequence[float], other_cores: float) -> None:
        """Adds a turn's samples, during which other processes kept so many cores busy."""
        if other_cores > busy.MOST_OTHER_CORES:
            self.busy += samples
            self.other_cores.append(other_cores)
        else:
            self.quiet += samples

    @property
    def hopeless(self) -> bool:
        """Whether the machine was busy in so many turns that a quiet one is no longer waited for."""
        return len(self.other_cores) >= RETAKEN

    @property
    def complete(self) -> bool:
        """Whether there are enough samples, or no hope of them."""
        enough = len(self.quiet) >= SAMPLES or sum(self.quiet) >= SECONDS
        return (enough and len(self.quiet) >= LEAST) or self.hopeless

    @property
    def samples(self) -> list[float]:
        """The samples that the median is taken of: those of quiet turns, or all where there were too few quiet ones."""
        return self.busy + self.quiet if self.hopeless else self.quiet

    @property
    def noise(self) -> str:
        """Why the samples must not be ranked with those of a quiet machine; empty where they may."""
        if self.hopeless:
            return f"other processes kept {median(self.other_cores):.1f} cores busy"
        if self.drifted:
            drift = 100 * busy.drift(self.quiet)
            return f"the time drifted by {drift:+.0f} % between the first and the second half"
        return ""

    @property
    def drifted(self) -> bool:
        """Whether the time of a run changed on a quiet machine, as when a processor grows hot."""
        return not self.hopeless and abs(busy.drift(self.quiet)) > busy.DRIFT


def records(
    children: Mapping[str, Child], systems: Sequence[System], batch: int
) -> dict[str, list[Record] | Ended]:
    """Median latency of a batch with its quartiles, and the throughput that follows from it, by network.

    Where a network's process ends, the value is that `Ended`; the other networks are measured all the same.

    Args:
        children: by the systems' names.
    """
    samples: dict[str, Samples] = {}
    failed: dict[str, Ended] = {}

    def result(system: System, request: MeasureRequest) -> Any:
        try:
            return children[system.name].ask(asdict(request))
        except Ended as ended:
            failed[system.name] = ended
            return None

    for each in systems:
        result(each, MeasureRequest("warm", batch))
    again = systems
    for _ in range(ATTEMPTS):
        samples |= {each.name: Samples() for each in again}
        while unfinished := [
            s for s in again if s.name not in failed and not samples[s.name].complete
        ]:
            for each in unfinished:
                of_network = samples[each.name]
                runs = max(LEAST, SAMPLES - len(of_network.quiet))
                if turn := result(each, MeasureRequest("time", batch, TURN, runs)):
                    of_network.add(turn["samples"], turn["other_cores"])
        again = [s for s in again if s.name not in failed and samples[s.name].drifted]
    return {
        each.name: failed.get(each.name) or _records(each, samples[each.name], batch)
        for each in systems
    }


def _records(system: System, of_network: Samples, batch: int) -> list[Record]:
    samples = of_network.samples
    middle = median(samples)
    first, third, p90, p99 = np.percentile(samples, [25, 75, 90, 99]).tolist()
    conditions = {**system.record_conditions(), "batch": batch, "protocol": PROTOCOL}
    if noise := of_network.noise:
        conditions |= {"noisy": True, "noise": noise}
    spread = {"quartiles": [first, third], "p90": p90, "p99": p99}
    name = system.name
    return [
        Record.of(name, "latency", middle, "measured", samples, **conditions, **spread),
        Record.of(name, "throughput", batch / middle, "measured", **conditions),
    ]
