"""Latency and throughput of networks by batch size, network by network in turns, and whether the machine was quiet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from atalho.benchmark import busy
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
class _Taken:
    """A network's samples so far.

    Attributes:
        busy: samples of turns in which others used the machine; `others` how many cores they kept busy then.
    """

    quiet: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)

    def add(self, samples: Sequence[float], others: float) -> None:
        if others > busy.OTHERS:
            self.busy += samples
            self.others.append(others)
        else:
            self.quiet += samples

    @property
    def hopeless(self) -> bool:
        """Whether the machine was busy for so long that it is not waited for."""
        return len(self.others) >= RETAKEN

    @property
    def done(self) -> bool:
        enough = len(self.quiet) >= SAMPLES or sum(self.quiet) >= SECONDS
        return (enough and len(self.quiet) >= LEAST) or self.hopeless

    @property
    def samples(self) -> list[float]:
        """What the median is of: the quiet turns', or where there were too few, all."""
        return self.busy + self.quiet if self.hopeless else self.quiet

    @property
    def noise(self) -> str:
        """Why the samples are not to be ranked with those of a quiet machine; empty where they are."""
        if self.hopeless:
            return f"other processes kept {median(self.others):.1f} cores busy"
        if self.drifted:
            drift = 100 * busy.drift(self.quiet)
            return f"the time drifted by {drift:+.0f} % between the first and the second half"
        return ""

    @property
    def drifted(self) -> bool:
        """Whether the time changed while nobody else was at work, as when a processor grows hot."""
        return not self.hopeless and abs(busy.drift(self.quiet)) > busy.DRIFT


def records(
    children: Mapping[str, Child], systems: Sequence[System], batch: int
) -> dict[str, list[Record] | Ended]:
    """Median latency of a batch with its quartiles, and the throughput that follows from it, by network.

    A network whose process ends has that instead, and the rest go on.

    Args:
        children: by the systems' names.
    """
    taken: dict[str, _Taken] = {}
    failed: dict[str, Ended] = {}

    def ask(system: System, measure: str, **settings: Any) -> Any:
        try:
            return children[system.name].ask({"measure": measure, "batch": batch, **settings})
        except Ended as ended:
            failed[system.name] = ended
            return None

    for each in systems:
        ask(each, "warm")
    again = systems
    for _ in range(ATTEMPTS):
        taken |= {each.name: _Taken() for each in again}
        while left := [s for s in again if s.name not in failed and not taken[s.name].done]:
            for each in left:
                own = taken[each.name]
                runs = max(LEAST, SAMPLES - len(own.quiet))
                if turn := ask(each, "time", seconds=TURN, runs=runs):
                    own.add(**turn)
        again = [s for s in again if s.name not in failed and taken[s.name].drifted]
    return {
        each.name: failed.get(each.name) or _records(each, taken[each.name], batch)
        for each in systems
    }


def _records(system: System, taken: _Taken, batch: int) -> list[Record]:
    samples = taken.samples
    middle = median(samples)
    first, third, p90, p99 = np.percentile(samples, [25, 75, 90, 99]).tolist()
    conditions = {**system.record_conditions(), "batch": batch, "protocol": PROTOCOL}
    if noise := taken.noise:
        conditions |= {"noisy": True, "noise": noise}
    spread = {"quartiles": [first, third], "p90": p90, "p99": p99}
    name = system.name
    return [
        Record.of(name, "latency", middle, "measured", samples, **conditions, **spread),
        Record.of(name, "throughput", batch / middle, "measured", **conditions),
    ]
