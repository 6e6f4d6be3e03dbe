"""Throughput of many requests at once, in the engine's throughput mode, network by network in turns."""

from collections.abc import Mapping, Sequence
from statistics import median

from atalho.benchmark.system import System
from atalho.benchmark.turns import Plan, Turns, companions, take_turns
from atalho.benchmark.workload import Workload
from atalho.record import Record
from atalho.runtime.child import Child, Ended

PLAN = Plan("streams", runs=10, turn=0.5)
PROTOCOL = (
    f"own process, warm-up until stable, {PLAN.turns} turns at least, in each of which every stream takes one request after another, "
    "its first left out; median of the turns"
)


def records(
    children: Mapping[str, Child], systems: Sequence[System], workload: Workload
) -> dict[str, list[Record] | Ended]:
    """Images a second of all streams together, by network; a network whose process ends has that instead.

    Args:
        children: by the systems' names.
        systems: whose placements have the streams.
    """
    outcomes = take_turns(children, systems, PLAN, workload.batch)
    by_name = {each.name: each for each in systems}
    return {
        name: outcome
        if isinstance(outcome, Ended)
        else [_record(by_name[name], outcome, workload, systems)]
        for name, outcome in outcomes.items()
    }


def _record(system: System, turns: Turns, workload: Workload, systems: Sequence[System]) -> Record:
    rates = [1 / sum(run) for run in turns.runs]
    stated = {
        **system.record_conditions(),
        **workload.conditions(),
        "protocol": PROTOCOL,
        "runs": len(rates),
        **companions(system, systems),
        **turns.noise_conditions,
    }
    return Record.of(system.name, "throughput", median(rates), "measured", rates, **stated)
