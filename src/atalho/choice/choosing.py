"""A comparison under limits → what keeps to them, the Pareto front, and the network to take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from atalho.choice.pairs import told_apart
from atalho.ranking import (
    FOR_ONE_IMAGE,
    HIGHER_IS_BETTER,
    Comparison,
    Row,
    loss,
)

COSTS = ("latency", "peak_memory", "energy", "size")
"""What the Pareto front weighs accuracy against, where it was measured."""

Limits = Mapping[str, float]
"""What a network may cost at most, or of `HIGHER_IS_BETTER` must reach at least, by quantity in the records' units:
`{"latency": 0.02, "top1": 0.9}`. Those of `FOR_ONE_IMAGE` are for a batch of one."""

NO_LIMITS: Limits = MappingProxyType({})


@dataclass(frozen=True)
class Miss:
    """A limit that a network does not meet, or is not known to.

    Attributes:
        value: what was measured; None where nothing was, or not for one image.
    """

    quantity: str
    limit: float
    value: float | None


@dataclass(frozen=True)
class Choice:
    """The network to take, and from among which.

    Attributes:
        best: the highest top-1 accuracy within the limits.
        alike: networks whose accuracy does not differ significantly from the best, which is one of them.
        within: all networks with an accuracy that meet the limits, the most accurate first.
        cost: the quantity by which `chosen` is the cheapest of `alike`: latency, or where none of them has one, operations;
            None where none has either.
        dimensions: top-1 accuracy, and those of `COSTS` that all of `within` have.
        front: the Pareto front of `within` in these.
    """

    chosen: Row
    best: Row
    alike: tuple[Row, ...]
    within: tuple[Row, ...]
    cost: str | None
    dimensions: tuple[str, ...]
    front: tuple[Row, ...]


def pareto_front(rows: Iterable[Row], quantities: Sequence[str]) -> tuple[Row, ...]:
    """The rows that no other is at least as good as in every quantity and better than in one.

    Rows without a ranked value of one of the quantities take no part; equal ones stand on the front together.
    """
    points = [
        (row, tuple(loss(row, quantity) for quantity in quantities))
        for row in rows
        if all(row.value(quantity) is not None for quantity in quantities)
    ]
    return tuple(
        row
        for row, point in points
        if not any(
            other != point and all(o <= p for o, p in zip(other, point, strict=True))
            for _, other in points
        )
    )


def misses(row: Row, limits: Limits) -> tuple[Miss, ...]:
    """The limits that a network is not known to meet: what was not measured meets none."""
    found = []
    for quantity, limit in limits.items():
        reading = row.readings.get(quantity)
        if reading and quantity in FOR_ONE_IMAGE and reading.condition("batch") not in (None, 1):
            reading = None
        value = reading.value if reading else None
        beyond = value is not None and (
            value < limit if quantity in HIGHER_IS_BETTER else value > limit
        )
        if value is None or beyond:
            found.append(Miss(quantity, limit, value))
    return tuple(found)


def choose(comparison: Comparison, limits: Limits = NO_LIMITS) -> Choice | None:
    """The cheapest network within the limits whose accuracy does not differ significantly from the best; None where none qualifies."""
    within = tuple(
        row for row in comparison.rows if "top1" in row.readings and not misses(row, limits)
    )
    if not within:
        return None
    best = within[0]  # the rows come most accurate first
    alike = tuple(row for row in within if row is best or not told_apart(row, best))
    known = (q for q in ("latency", "macs") if any(q in row.readings for row in alike))
    cost = next(known, None)
    chosen = min(alike, key=lambda row: loss(row, cost)) if cost else best
    dimensions = ("top1", *(q for q in COSTS if all(q in row.readings for row in within)))
    front = pareto_front(within, dimensions)
    return Choice(chosen, best, alike, within, cost, dimensions, front)
