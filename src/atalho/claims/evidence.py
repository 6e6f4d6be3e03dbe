"""Which records count for a claim, and the statistics by which they decide it.

Errors are compared as proportions: two of them are *apart* where they differ by more than two standard errors of the
difference, from binomial variances over images times seeds. Since all networks see the same images, this bound is wider than
a paired one. Straight lines are judged by how well they predict each network from the others (R² by leaving one out), constants
by their relative standard deviation; the limits are ours. What was measured on a busy machine does not count.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from math import inf, isfinite, sqrt
from statistics import correlation, fmean, pstdev
from typing import Any, NamedTuple

from atalho import networks
from atalho.claims.claim import Result, percent
from atalho.conditions import Owner, identified, owned
from atalho.grammar.cost import Cost, totals
from atalho.grammar.shape import Shape
from atalho.record import Record
from atalho.statistics import predictive_r2

Records = Sequence[Record]

LEAST_R2 = 0.9
MOST_SPREAD = 0.1
LEAST_NETWORKS = 5
LEAST_BATCHES = 3
LEAST_EPOCHS = 20
"""The shortest schedule under which plain and residual networks are compared: a shorter one shows how fast a network learns,
not the error that it reaches."""


@dataclass(frozen=True)
class Protocol:
    """Which records give the error of a network: those of `quantity` under all of `conditions`, from step `since` on.

    `images` is the number of images in the split that the error is of.
    """

    name: str
    quantity: str
    images: int
    conditions: Mapping[str, Any]
    since: int = 0

    def counts(self, record: Record) -> bool:
        conditions = record.conditions
        return (
            record.quantity == self.quantity
            and record.provenance == "measured"
            and "seed" in conditions
            and all(conditions.get(key) == value for key, value in self.conditions.items())
            and conditions.get("step", self.since) >= self.since
        )


HE_CIFAR = {"data": "cifar10", "recipe": "he2015_cifar", "steps": 64_000}
TEST = Protocol("test error", "top1", 10_000, {**HE_CIFAR, "split": "test", "images": 10_000})
# A row of the training curve covers a part of an epoch; the mean over ten epochs of rows is steady.
TRAINING = Protocol(
    "training error over the last 4,000 steps", "train_top1", 50_000, HE_CIFAR, 60_000
)


DEGRADING = ("plain20", "plain56", "resnet20", "resnet56")


def schedules(records: Records) -> list[tuple[str, int]]:
    """Recipe and steps under which all of `DEGRADING` were trained on CIFAR-10 for at least `LEAST_EPOCHS`, the longest last."""
    tested = replace(TEST, conditions={"data": "cifar10", "split": "test", "images": TEST.images})
    subjects: dict[tuple[str, int], set[str]] = defaultdict(set)
    for record in filter(tested.counts, records):
        match record.conditions:
            case {"recipe": str(recipe), "steps": int(steps), "epochs": float(epochs)}:
                if epochs >= LEAST_EPOCHS * (1 - 1e-3):  # a length is rounded to whole steps
                    subjects[recipe, steps].add(record.subject)
    shared = [schedule for schedule, names in subjects.items() if names >= {*DEGRADING}]
    return sorted(shared, key=lambda schedule: schedule[1])


def degradation(records: Records) -> Result | None:
    """Whether plain networks get worse with depth and residual ones better, in test and in training, under one schedule.

    The lecture names no schedule; the longest that all four networks share decides, and the note names it. Training errors are
    means over the last tenth of the steps.
    """
    shared = schedules(records)
    if not shared:
        return None
    recipe, steps = shared[-1]
    trends = [
        rising(records, subjects, protocol)
        for protocol in at_the_end(recipe, steps)
        for subjects in (("plain20", "plain56"), ("resnet56", "resnet20"))
    ]
    measured = [trend for trend in trends if trend is not None]  # a run may have no curve
    plain, residual = measured[:2]
    return Result(
        f"plain {plain.value}; residual, from 56 to 20 layers, {residual.value}",
        "; ".join([f"schedule: {recipe}, {steps:,} steps", *(trend.note for trend in measured)]),
        all(trend.holds for trend in measured),
        [record for trend in measured for record in trend.records],
    )


def at_the_end(recipe: str, steps: int) -> tuple[Protocol, Protocol]:
    """The protocols of the test error on CIFAR-10 under a schedule, and of the training error over the last tenth of its steps."""
    trained = {"data": "cifar10", "recipe": recipe, "steps": steps}
    last = f"training error over the last {steps - 9 * steps // 10:,} steps"
    return (
        replace(TEST, conditions={**TEST.conditions, **trained}),
        Protocol(last, "train_top1", 45_000, trained, 9 * steps // 10),
    )


def needs(protocol: Protocol, *subjects: str) -> str:
    """In words, the records that a claim needs."""
    conditions = ", ".join(f"{key} {value}" for key, value in protocol.conditions.items())
    return f"{protocol.quantity} of {', '.join(subjects)} with {conditions}, at least one seed"


class Errors(NamedTuple):
    """The error of a network, as a fraction: the mean over `seeds` seeds, each tested on `images` images, from `records`."""

    mean: float
    seeds: int
    images: int
    records: Sequence[Record] = ()

    @property
    def variance(self) -> float:
        return self.mean * (1 - self.mean) / (self.images * self.seeds)

    def __str__(self) -> str:
        seeds = "one seed" if self.seeds == 1 else f"{self.seeds} seeds"
        return f"{percent(self.mean, 2)} ({seeds})"


def errors(records: Records, subject: str, protocol: Protocol) -> Errors | None:
    """The error of `subject` in the records that count for `protocol`; None where there are none."""
    counted = [each for each in records if each.subject == subject and protocol.counts(each)]
    by_seed = defaultdict(list)
    for record in counted:
        by_seed[record.conditions["seed"]].append(1 - record.value)
    if not by_seed:
        return None
    return Errors(fmean(map(fmean, by_seed.values())), len(by_seed), protocol.images, counted)


def apart(first: Errors, second: Errors) -> tuple[float, float]:
    """The second error minus the first, and two standard errors of this difference."""
    return second.mean - first.mean, 2 * sqrt(first.variance + second.variance)


def rising(records: Records, subjects: Sequence[str], protocol: Protocol = TEST) -> Result | None:
    """Whether errors rise along `subjects`: the last is apart from the first, and no neighbours fall by more than the bound."""
    means = [each for name in subjects if (each := errors(records, name, protocol))]
    if len(means) < len(subjects):
        return None
    difference, bound = apart(means[0], means[-1])
    steps = [apart(*neighbours) for neighbours in pairwise(means)]
    errors_by_name = ", ".join(f"{n} {e}" for n, e in zip(subjects, means, strict=True))
    return Result(
        " → ".join(percent(each.mean, 2) for each in means),
        f"mean {protocol.name}: {errors_by_name}; last minus first {100 * difference:+.2f} points, "
        f"two standard errors {100 * bound:.2f}",
        difference > bound and all(step >= -most for step, most in steps),
        [record for each in means for record in each.records],
    )


def printed_error(
    records: Records, subject: str, printed: float, *, runs: int = 1
) -> Result | None:
    """Whether the test error is not apart from the printed one.

    Args:
        printed: in percent.
        runs: over which the printed error is the mean, each on as many images.
    """
    if (measured := errors(records, subject, TEST)) is None:
        return None
    difference, bound = apart(Errors(printed / 100, runs, TEST.images), measured)
    return Result(
        round(100 * measured.mean, 4),
        f"mean {TEST.name} {measured}; {100 * difference:+.2f} points from the printed one, two standard "
        f"errors {100 * bound:.2f}",
        abs(difference) <= bound,
        measured.records,
    )


LIKE = (Owner.SYSTEM, Owner.MACHINE, Owner.DATA, Owner.PROTOCOL)
"""The owners whose conditions agree where networks or batches were measured alike."""


def alike(records: Records, quantity: str, along: str) -> list[list[Record]]:
    """Measured records of a quantity, in groups that differ in `along` alone: in `subject`, or in a condition of `LIKE`'s owners.

    Those of a busy machine are left out, and so is what is not above zero: a power below that of the machine at rest is none.
    """
    groups = defaultdict(list)
    for record in records:
        counts = record.provenance == "measured" and not record.conditions.get("noisy")
        if record.quantity == quantity and counts and record.value > 0:
            same = identified(owned(record.conditions, *LIKE))
            same = {"subject": record.subject, **same}
            same.pop(along, None)
            groups[json.dumps(same, sort_keys=True, default=str)].append(record)
    return list(groups.values())


def linear(records: Records, quantity: str, of: Callable[[Cost], float]) -> Result | None:
    """Whether a quantity grows on a straight line with `of` their cost, over the catalogue's networks that were measured alike.

    Every group of at least five networks must have a rising line that explains 0.9 of the variance of networks that it was not
    fitted to; the result is the least such R².
    """
    fits: list[tuple[float, int]] = []
    fitted: list[Record] = []
    for group in alike(records, quantity, "subject"):
        values = {r.subject: r for r in group if r.subject in networks.CATALOGUE}
        if len(values) >= LEAST_NETWORKS:
            x = [
                of(_cost(name, tuple(record.conditions.get("input") or ())))
                for name, record in values.items()
            ]
            y = [record.value for record in values.values()]
            rises = len({*x}) > 1 and len({*y}) > 1 and correlation(x, y) > 0
            fits.append((predictive_r2(x, y) if rises else -inf, len(values)))
            fitted += values.values()
    if not fits:
        return None
    least, count = min(fits)
    return Result(
        f"R² = {least:.3f}, n = {count}" if isfinite(least) else f"no rising line, n = {count}",
        f"each network predicted by a line through the others; the least R² of {len(fits)} groups measured alike, {count} "
        f"networks; {LEAST_R2} is asked for, with a rising line",
        least >= LEAST_R2,
        fitted,
    )


@cache
def _cost(name: str, input: Shape) -> Cost:
    """What a network of the catalogue costs for an input; an empty one is that of its paper."""
    return totals(networks.get(name, input=input or None))


def constant(records: Records, quantity: str, along: str, least: int) -> Result | None:
    """Whether a quantity stays within 10 % (relative standard deviation) along a condition, or along `subject`.

    It must in every group of at least `least` values; the result is the largest deviation.
    """
    spreads: list[tuple[float, int]] = []
    compared: list[Record] = []
    for group in alike(records, quantity, along):
        values = {r.subject if along == "subject" else r.conditions.get(along): r for r in group}
        if len(values) >= least:
            numbers = [record.value for record in values.values()]
            spreads.append((pstdev(numbers) / fmean(numbers), len(values)))
            compared += values.values()
    if not spreads:
        return None
    most, count = max(spreads)
    return Result(
        percent(most),
        f"the largest relative standard deviation of {len(spreads)} groups measured alike, {count} values; "
        f"at most {percent(MOST_SPREAD, 0)} is asked for",
        most <= MOST_SPREAD,
        compared,
    )


def auxiliary_heads(records: Records) -> Result | None:
    """Whether the test error of googlenet.small on CIFAR-10 is lower, and apart, with auxiliary losses of weight 0.3 than of 0.

    Trainings under the same recipe and length are compared (`auxiliary_weight` is the weight of a head's loss). The difference
    must show in every such pair; the result is the pair with the least.
    """
    pairs = []
    for recipe, steps in dict.fromkeys(
        (record.conditions.get("recipe"), record.conditions.get("steps")) for record in records
    ):
        same = {**TEST.conditions, "recipe": recipe, "steps": steps}
        with_heads, without = (
            errors(
                records,
                "googlenet.small",
                replace(TEST, conditions={**same, "auxiliary_weight": weight}),
            )
            for weight in (0.3, 0.0)
        )
        if with_heads and without:
            difference, bound = apart(with_heads, without)
            pairs.append((difference - bound, difference, with_heads, without))
    if not pairs:
        return None
    beyond, difference, with_heads, without = min(pairs, key=lambda pair: pair[0])
    return Result(
        f"{percent(with_heads.mean, 2)} against {percent(without.mean, 2)}",
        f"mean test error {with_heads} with the heads, {without} without: {100 * difference:+.2f} points, "
        f"two standard errors {100 * (difference - beyond):.2f}; the least of {len(pairs)} pairs trained alike",
        beyond > 0,
        [record for pair in pairs for each in pair[2:] for record in each.records],
    )
