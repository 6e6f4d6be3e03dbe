"""Latency and throughput of networks by batch size, network by network in turns, and whether the machine was quiet."""

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median

import numpy as np

from atalho.benchmark.system import System
from atalho.benchmark.turns import Plan, Turns, companions, take_turns
from atalho.benchmark.workload import Workload
from atalho.record import Record
from atalho.runtime.child import Child, Ended

PLAN = Plan("time")
KEPT = 50
"""Runs that a record keeps, evenly spaced among all."""

PROTOCOL = (
    f"own process, warm-up until stable, {PLAN}, the first run of each turn left out; "
    "median and percentiles of all runs; a turn in which others used the machine is taken again, and a network whose time drifts"
)


def records(
    children: Mapping[str, Child], systems: Sequence[System], workload: Workload
) -> dict[str, list[Record] | Ended]:
    """Median latency of a batch with its percentiles, and the throughput that follows from it, by network.

    A network whose process ends has that instead, and the rest go on.

    Args:
        children: by the systems' names.
    """
    outcomes = take_turns(children, systems, PLAN, workload.batch)
    by_name = {each.name: each for each in systems}
    return {
        name: outcome
        if isinstance(outcome, Ended)
        else _records(
            by_name[name],
            outcome,
            **workload.conditions(),
            protocol=PROTOCOL,
            **companions(by_name[name], systems),
        )
        for name, outcome in outcomes.items()
    }


def spread(seconds: Sequence[float]) -> dict[str, object]:
    """The conditions that tell how all runs lie around their median, and how many they are."""
    first, third, p90, p99 = np.percentile(seconds, [25, 75, 90, 99]).tolist()
    return {"quartiles": [first, third], "p90": p90, "p99": p99, "runs": len(seconds)}


def thinned(seconds: Sequence[float]) -> Sequence[float]:
    """At most `KEPT` runs, evenly spaced."""
    return seconds[:: ceil(len(seconds) / KEPT)]


def _records(system: System, turns: Turns, **conditions: object) -> list[Record]:
    seconds = [sum(run) for run in turns.runs]
    middle = median(seconds)
    stated = {**system.record_conditions(), **conditions, **turns.noise_conditions}
    name, batch = system.name, stated["batch"]
    return [
        Record.of(
            name, "latency", middle, "measured", thinned(seconds), **stated, **spread(seconds)
        ),
        Record.of(name, "throughput", batch / middle, "measured", **stated),
    ]
