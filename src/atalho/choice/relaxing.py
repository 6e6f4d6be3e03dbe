"""What relaxing each limit alone would gain in accuracy."""

from dataclasses import dataclass

from atalho.choice.choosing import MARGIN, Choice, Limits, choose, misses
from atalho.choice.pairs import less_accurate
from atalho.ranking import Comparison, Row
from atalho.record import HIGHER_IS_BETTER


@dataclass(frozen=True)
class Relaxation:
    """The least change of one limit that leads to a more accurate choice.

    Attributes:
        limit: the limit as it is set.
        needed: the limit that leads to the more accurate choice.
        chosen: the network that is chosen under `needed`.
        gained: its top-1 accuracy minus that of the present choice, as a fraction; None where no network is within the present
            limits.
    """

    quantity: str
    limit: float
    needed: float
    chosen: Row
    gained: float | None


def relaxations(
    comparison: Comparison, limits: Limits, margin: float = MARGIN
) -> dict[str, Relaxation | None]:
    """For each limit, the least change of it alone that leads to a significantly more accurate choice; None where none does."""
    now = choose(comparison, limits, margin)
    return {quantity: _relaxation(comparison, limits, quantity, now, margin) for quantity in limits}


def _relaxation(
    comparison: Comparison, limits: Limits, quantity: str, now: Choice | None, margin: float
) -> Relaxation | None:
    """Tries as the limit the value of every network that exceeds it, the nearest first: between these values no choice changes."""
    shut_out = [
        miss.value
        for row in comparison.rows
        for miss in misses(row, {quantity: limits[quantity]})
        if miss.value is not None
    ]
    for needed in sorted(shut_out, reverse=quantity in HIGHER_IS_BETTER):
        then = choose(comparison, {**limits, quantity: needed}, margin)
        gained = _gained(now, then) if now and then else None
        if then and (now is None or gained):
            return Relaxation(quantity, limits[quantity], needed, then.chosen, gained)
    return None


def _gained(now: Choice, then: Choice) -> float | None:
    """The accuracy that the choice `then` gains over `now`; None where it gains none, or the difference is not significant."""
    gained = then.chosen.readings["top1"].value - now.chosen.readings["top1"].value
    return gained if less_accurate(now.chosen, then.chosen) else None
