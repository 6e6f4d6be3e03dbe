"""Chooses a network from a comparison under limits: the networks within them, the Pareto front, and the chosen one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from atalho.choice.aims import aim, merit
from atalho.choice.pairs import SIGNIFICANT, difference, less_accurate, p_value
from atalho.ranking import Comparison, Row, loss
from atalho.record import FOR_ONE_IMAGE, HIGHER_IS_BETTER
from atalho.statistics import Difference, holm, quantile, wilson

COSTS = ("latency", "peak_memory", "energy", "size")
"""The costs that the Pareto front weighs accuracy against, as far as they were measured."""

Limits = Mapping[str, float]
"""By quantity, the most that a network may cost, or for `HIGHER_IS_BETTER` the least that it must reach, in the records' units:
`{"latency": 0.02, "top1": 0.9}`. Limits on a quantity of `FOR_ONE_IMAGE` are for a batch of one."""

NO_LIMITS: Limits = MappingProxyType({})

MARGIN = 0.01
"""The accuracy that a cheaper network may lose unless another margin is named, as a fraction: one point."""


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
        alike: `best`, and the networks that may stand in for it: the interval of the difference shows that they are less
            accurate by no more than `margin`, and they are not significantly less accurate than any network of `within`.
        worse: the networks that are significantly less accurate than `best`, corrected for their number (Holm).
        rivals: the networks that may be more accurate than `chosen` by more than `margin`, as far as the images show.
        within: all networks with an accuracy that have learned something and meet the limits, the most accurate first.
        unlearned: the networks with an accuracy that meet the limits and have learned nothing.
        margin: the accuracy that may be lost for a lower cost, as a fraction.
        differences: by network of `within` but `best`, its accuracy less that of `best`, with intervals that are corrected
            for their number (Bonferroni).
        interval: of the accuracy of `chosen`, corrected for having been chosen among the networks of `within`; None where its
            records have none.
        cost: the quantity by which `chosen` is the cheapest: latency, or operations where no network of `alike` has a latency;
            None where none has either.
        dimensions: top-1 accuracy, and the quantities of `COSTS` that all networks of `within` have.
        front: the Pareto front of `within` in these dimensions.
    """

    chosen: Row
    best: Row
    alike: tuple[Row, ...]
    worse: tuple[Row, ...]
    rivals: tuple[Row, ...]
    within: tuple[Row, ...]
    unlearned: tuple[Row, ...]
    margin: float
    differences: Mapping[str, Difference]
    interval: tuple[float, float] | None
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


def choose(
    comparison: Comparison, limits: Limits = NO_LIMITS, margin: float = MARGIN
) -> Choice | None:
    """Chooses the cheapest of the networks within the limits that may stand in for the most accurate one, or that one.

    Returns None where no network with an accuracy is within the limits. An accuracy on a test split does not count, nor does
    a network that has learned nothing.

    Args:
        margin: the accuracy that may be lost for a lower cost, as a fraction.
    """
    able = [row for row in comparison.rows if _decides(row) and not misses(row, limits)]
    within = tuple(row for row in able if not learned_nothing(row))
    if not within:
        return None
    aimed = bool(aim(within))
    if aimed:
        within = tuple(sorted(within, key=lambda row: merit(row) or (), reverse=True))
    best = within[0]  # else the rows come most accurate first
    z = quantile(len(within) - 1)
    # The intervals are of the plain accuracy: under another aim nothing stands in for the best.
    alike = tuple(
        row
        for row in within
        if row is best or (not aimed and _may_stand_in(row, best, within, margin, z))
    )
    measured = (q for q in ("latency", "macs") if any(q in row.readings for row in alike))
    cost = next(measured, None)
    chosen = min(alike, key=lambda row: loss(row, cost)) if cost else best
    dimensions = ("top1", *(q for q in COSTS if all(q in row.readings for row in within)))
    others = within[1:]
    corrected = zip(others, holm([p_value(row, best) for row in others]), strict=True)
    return Choice(
        chosen,
        best,
        alike,
        worse=tuple(row for row, p in corrected if p < SIGNIFICANT),
        rivals=tuple(
            row for row in within if row is not chosen and not _shown_close(chosen, row, margin, z)
        ),
        within=within,
        unlearned=tuple(row for row in able if row not in within),
        margin=margin,
        differences={
            row.network: between for row in others if (between := difference(row, best, z))
        },
        interval=_interval(chosen, quantile(len(within))),
        cost=cost,
        dimensions=dimensions,
        front=pareto_front(within, dimensions),
    )


def learned_nothing(row: Row) -> bool:
    """Whether a network's loss is no better than that of guessing by the classes' frequencies; False where that is not known."""
    reading = row.readings.get("loss")
    guessing = reading.condition("guessing") if reading else None
    return bool(reading and isinstance(guessing, int | float) and reading.value >= guessing)


def _decides(row: Row) -> bool:
    """Whether a row has an accuracy that may decide a choice: of any images but those of a test split."""
    reading = row.readings.get("top1")
    return reading is not None and reading.condition("split") != "test"


def _may_stand_in(row: Row, best: Row, within: Sequence[Row], margin: float, z: float) -> bool:
    """Whether a row is close to the best, as the interval shows, and not significantly less accurate than any other."""
    return _shown_close(row, best, margin, z) and not any(
        less_accurate(row, other) for other in within
    )


def _shown_close(row: Row, other: Row, margin: float, z: float) -> bool:
    """Whether the interval of the difference shows that a row is less accurate than another by no more than the margin."""
    between = difference(row, other, z)
    return between is not None and between.interval[0] > -margin


def _interval(row: Row, z: float) -> tuple[float, float] | None:
    """The interval of a row's accuracy at a quantile, around all its seeds'; as recorded where the images are not counted."""
    reading = row.readings["top1"]
    images = reading.condition("images")
    if not isinstance(images, int):
        return reading.interval
    lows, highs = zip(*(wilson(record.value, images, z) for record in reading.records), strict=True)
    return min(lows), max(highs)
