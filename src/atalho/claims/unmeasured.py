"""What an unmeasured claim says: what it would take to decide it, and the nearest records that there are.

A record of another schedule never decides a claim of the paper's protocol; it is shown beside it, with its schedule.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import log
from statistics import fmean

from atalho import networks
from atalho.claims import evidence
from atalho.claims.basis import basis
from atalho.claims.claim import Result
from atalho.claims.evidence import Protocol, Records
from atalho.grammar.cost import totals
from atalho.networks.resnet import CIFAR
from atalho.record import Record

IMAGES = 64_000 * 128
"""Of the paper's schedule, each as often as it is seen."""


def trained(records: Records, subjects: Sequence[str], protocol: Protocol) -> str:
    """What training `subjects` as the paper did takes, and the nearest errors that are known.

    Args:
        records: those that there are, in which times and nearest errors are looked up.
        protocol: of the claim; the nearest errors are of the same quantity on CIFAR-10.
    """
    return f"{training(records, subjects)}; {_nearest(records, subjects, protocol)}"


def training(records: Records, subjects: Sequence[str]) -> str:
    """The commands that train `subjects` as the paper did, and how long they take."""
    one, *more = subjects
    network = "NETWORK" if more else one
    command = f"`atalho train {network} --data cifar10 --recipe he2015_cifar`"
    each = f" for each of {', '.join(subjects)}" if more else ""
    times = _hours(records, subjects)
    return f"it would take {command}{each}" + (f" (about {times})" if times else "")


def _nearest(records: Records, subjects: Sequence[str], protocol: Protocol) -> str:
    """The errors under the schedule that most of `subjects` share, of several the longest."""
    schedules: dict[tuple[str, int], set[str]] = defaultdict(set)
    known = {"data": "cifar10"} | ({"split": "test"} if protocol.quantity == "top1" else {})
    for each in filter(replace(protocol, conditions=known, since=0).counts, records):
        match each.conditions:
            case {"recipe": str(recipe), "steps": int(steps)} if each.subject in subjects:
                schedules[recipe, steps].add(each.subject)
    if not schedules:
        return f"there is no record of {' or '.join(subjects)} on CIFAR-10 by any schedule"
    recipe, steps = max(schedules, key=lambda schedule: (len(schedules[schedule]), schedule[1]))
    conditions = {**known, "recipe": recipe, "steps": steps}
    curve = protocol.quantity != "top1"
    nearest = replace(protocol, conditions=conditions, since=9 * steps // 10 if curve else 0)
    errors = {name: evidence.errors(records, name, nearest) for name in subjects}
    stated = {name: error for name, error in errors.items() if error}
    kind = "training error over the last tenth of the steps" if curve else "test error"
    used = [record for error in stated.values() for record in error.records]
    means = ", ".join(f"{name} {error}" for name, error in stated.items())
    return f"nearest, by another schedule: mean {kind} of {means} ({basis(used)})"


def _hours(records: Records, subjects: Sequence[str]) -> str:
    """How long all of `subjects` take one after another on every machine that trained one of He's networks for CIFAR-10, as in
    `4.1 h on NVIDIA H200`: at the speed of the network that is nearest in operations."""
    trained: dict[str, list[Record]] = defaultdict(list)
    for each in records:
        on_cifar = each.quantity == "train_throughput" and each.conditions.get("data") == "cifar10"
        if on_cifar and each.device and each.subject in CIFAR:
            trained[each.device].append(each)
    hours = {
        device: sum(IMAGES / _speed(own, name) for name in subjects) / 3600
        for device, own in trained.items()
    }
    return ", ".join(f"{_rounded(value)} h on {device}" for device, value in hours.items())


def _speed(trained: Sequence[Record], subject: str) -> float:
    """Images a second of `subject`, by those of the network that is nearest in operations."""
    macs = _macs(subject)
    apart = {name: abs(log(_macs(name) / macs)) for name in {each.subject for each in trained}}
    nearest = min(sorted(apart), key=lambda name: (apart[name], name != subject))
    values = [each.value for each in trained if each.subject == nearest]
    return fmean(values) * _macs(nearest) / macs


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


@cache
def _macs(subject: str) -> int:
    return totals(networks.get(subject)).macs


def shorter(result: Result | None) -> str:
    """A result by another schedule, in words; empty where there is none."""
    if result is None:
        return ""
    return f"nearest, by another schedule: {result.value}, {result.note} ({basis(result.records)})"


BENCH = "`atalho bench alexnet googlenet resnet18 resnet50 vgg16 -b 1 -b 4 -b 16 -o records.jsonl`"


def costs(records: Records) -> str:
    """What measuring latency and memory takes."""
    return f"it would take {BENCH}: minutes"


def power(records: Records) -> str:
    """What measuring power takes."""
    sensor = "a machine whose power can be read (an NVIDIA GPU, or a processor with RAPL)"
    return f"it would take {sensor}, `pip install 'atalho[energy]'` and {BENCH}"


def heads(records: Records) -> str:
    """What training with and without auxiliary heads takes."""
    train = "atalho train googlenet.small --data cifar10 --recipe quick --epochs 10 -b 128"
    return f"it would take `{train} --auxiliary-weight 0.3`, and the same with 0, for each seed"


def degradation(records: Records) -> str:
    """What training plain and residual networks under one schedule of our own takes."""
    names, epochs = ", ".join(evidence.DEGRADING), evidence.LEAST_EPOCHS
    train = f"atalho train NETWORK --data cifar10 --recipe quick --epochs {epochs} -b 128"
    return f"it would take `{train}` for each of {names}"


def gradients(records: Records) -> str:
    """What measuring gradients at initialisation takes."""
    return "it would take `atalho diagnose plain56 resnet56 --data cifar10`: a minute"
