"""Chooses a network from a comparison under limits: the networks within them, the Pareto front, and the chosen one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from atalho.choice.pairs import differ_significantly
from atalho.ranking import Comparison, Row, loss
from atalho.record import FOR_ONE_IMAGE, HIGHER_IS_BETTER

COSTS = ("latency", "peak_memory", "energy", "size")
"""The costs that the Pareto front weighs accuracy against, as far as they were measured."""

Limits = Mapping[str, float]
"""By quantity, the most that a network may cost, or for `HIGHER_IS_BETTER` the least that it must reach, in the records' units:
`{"latency": 0.02, "top1": 0.9}`. Limits on a quantity of `FOR_ONE_IMAGE` are for a batch of one."""

NO_LIMITS: Limits = MappingProxyType({})


@dataclass(frozen=True)
class Miss:
    """A limit that a network does not meet, or that cannot be checked.

    Attributes:
        value: the measured value; None where the quantity was not measured, or not for one image.
    """

    quantity: str
    limit: float
    value: float | None


@dataclass(frozen=True)
class Choice:
    """The chosen network, and the networks that it was chosen from.

    Attributes:
        chosen: the cheapest network of `alike`.
        best: the network with the highest top-1 accuracy within the limits.
        alike: the networks whose accuracy does not differ significantly from that of `best`, and `best` itself.
        within: all networks with an accuracy that meet the limits, the most accurate first.
        cost: the quantity by which `chosen` is the cheapest: latency, or operations where no network of `alike` has a latency;
            None where none has either.
        dimensions: top-1 accuracy, and the quantities of `COSTS` that all networks of `within` have.
        front: the Pareto front of `within` in these dimensions.
    """

    chosen: Row
    best: Row
    alike: tuple[Row, ...]
    within: tuple[Row, ...]
    cost: str | None
    dimensions: tuple[str, ...]
    front: tuple[Row, ...]


def pareto_front(rows: Iterable[Row], quantities: Sequence[str]) -> tuple[Row, ...]:
    """The rows that no other row dominates; a row dominates another if it is at least as good in every quantity and better in one.

    Rows without a ranked value of one of the quantities are left out; equal rows are on the front together.
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
    """The limits that a network does not meet; one on a quantity that was not measured is not met."""
    missed = []
    for quantity, limit in limits.items():
        reading = row.readings.get(quantity)
        if reading and quantity in FOR_ONE_IMAGE and reading.condition("batch") not in (None, 1):
            reading = None
        value = reading.value if reading else None
        beyond = value is not None and (
            value < limit if quantity in HIGHER_IS_BETTER else value > limit
        )
        if value is None or beyond:
            missed.append(Miss(quantity, limit, value))
    return tuple(missed)


def choose(comparison: Comparison, limits: Limits = NO_LIMITS) -> Choice | None:
    """Chooses the cheapest of the networks within the limits whose accuracy does not differ significantly from the best.

    Returns None where no network with an accuracy is within the limits.
    """
    within = tuple(
        row for row in comparison.rows if "top1" in row.readings and not misses(row, limits)
    )
    if not within:
        return None
    best = within[0]  # the rows come most accurate first
    alike = tuple(row for row in within if row is best or not differ_significantly(row, best))
    measured = (q for q in ("latency", "macs") if any(q in row.readings for row in alike))
    cost = next(measured, None)
    chosen = min(alike, key=lambda row: loss(row, cost)) if cost else best
    dimensions = ("top1", *(q for q in COSTS if all(q in row.readings for row in within)))
    front = pareto_front(within, dimensions)
    return Choice(chosen, best, alike, within, cost, dimensions, front)
