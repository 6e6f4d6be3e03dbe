"""From file to label: single requests about a user's own photo files, network by network in turns, and what their parts take."""

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from atalho.benchmark.latency import spread, thinned
from atalho.benchmark.system import System
from atalho.benchmark.turns import Plan, Turns, companions, take_turns
from atalho.benchmark.workload import Workload
from atalho.record import Record
from atalho.runtime.child import Child, Ended

PLAN = Plan("time", runs=100, seconds=20.0)
PARTS = ("request_decoding", "request_framing", "request_network")
QUANTITIES = ("request_latency", "request_p90", *PARTS)
PROTOCOL = (
    f"own process, files in the system's cache, warm-up until stable, {PLAN}, the first request of each turn left out; "
    "a file is read and decoded, framed, and classified, one after another; median and percentiles of all requests"
)


def records(
    children: Mapping[str, Child], systems: Sequence[System], workload: Workload
) -> dict[str, list[Record] | Ended]:
    """Seconds from a file to its label, by network: the median, the 90th percentile, and the medians of the parts.

    Where a network's process ends, the value is that `Ended`; the other networks are measured all the same.

    Args:
        children: by the systems' names.
    """
    outcomes = take_turns(children, systems, PLAN, workload.batch)
    by_name = {each.name: each for each in systems}
    stated = {**workload.conditions(), "protocol": PROTOCOL}
    return {
        name: outcome
        if isinstance(outcome, Ended)
        else _records(by_name[name], outcome, **stated, **companions(by_name[name], systems))
        for name, outcome in outcomes.items()
    }


def _records(system: System, turns: Turns, **conditions: object) -> list[Record]:
    stated = {**system.record_conditions(), **conditions, **turns.noise_conditions}
    totals = [sum(run) for run in turns.runs]
    p90 = float(np.percentile(totals, 90))
    seconds = {"request_latency": totals}
    seconds |= {name: [run[place] for run in turns.runs] for place, name in enumerate(PARTS)}
    medians = [
        Record.of(
            system.name, name, median(each), "measured", thinned(each), **stated, **spread(each)
        )
        for name, each in seconds.items()
    ]
    return [
        medians[0],
        Record.of(system.name, "request_p90", p90, "measured", **stated),
        *medians[1:],
    ]
