"""Records → training curves: one for each network and seed, its points in the order of training."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from atalho.conditions import Owner, identified, owned
from atalho.record import CURVES, Record

Point = tuple[float, float]

MOST_POINTS = 300
"""The most points of a curve in a chart; longer curves are thinned evenly."""


@dataclass(frozen=True)
class Curve:
    """The metrics that one training recorded.

    Attributes:
        points: quantity → (epoch, value) in order.
        run: the conditions that all its points share: of the data, and of the training.
    """

    network: str
    seed: Any
    run: Mapping[str, Any]
    points: Mapping[str, tuple[Point, ...]]

    @property
    def epochs(self) -> float:
        """The epoch of its last point."""
        return max(points[-1][0] for points in self.points.values())


def curves(records: Iterable[Record]) -> tuple[Curve, ...]:
    """Returns the newest training of every network and seed; points without an epoch are left out."""
    runs: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        stated = isinstance(record.conditions.get("epoch"), int | float)
        if stated and record.quantity in CURVES and record.provenance == "measured":
            key = record.subject, str(record.conditions.get("seed"))
            runs.setdefault(key, []).append(record)
    return tuple(_curve(points) for points in runs.values())


def final(curves: Iterable[Curve], quantity: str) -> dict[str, float]:
    """Returns for each network the value at the end of training, over several seeds their mean."""
    ends: dict[str, list[float]] = {}
    for curve in curves:
        if quantity in curve.points:
            ends.setdefault(curve.network, []).append(curve.points[quantity][-1][1])
    return {network: mean(values) for network, values in ends.items()}


def alike(curves: Iterable[Curve]) -> list[Curve]:
    """Returns the curves that may be compared: those of the most frequent data, recipe and number of epochs."""
    every = list(curves)
    usual = Counter(map(_schedule, every)).most_common(1)
    return [curve for curve in every if _schedule(curve) == usual[0][0]]


def thinned(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Returns at most `MOST_POINTS` of the points, evenly spaced, always with the last one."""
    step = -(-len(points) // MOST_POINTS)
    return points[::-1][::step][::-1]


def _schedule(curve: Curve) -> tuple[str, str, int]:
    data = identified(owned(curve.run, Owner.DATA))
    return str(data), str(curve.run.get("recipe")), round(curve.epochs)


def _curve(records: Sequence[Record]) -> Curve:
    newest = records[-1]
    points: dict[str, dict[float, float]] = {}
    for record in records:
        if _run(record) == _run(newest):
            points.setdefault(record.quantity, {})[record.conditions["epoch"]] = record.value
    ordered = {quantity: tuple(sorted(by.items())) for quantity, by in points.items()}
    return Curve(newest.subject, newest.conditions.get("seed"), _run(newest), ordered)


def _run(record: Record) -> dict[str, Any]:
    return owned(record.conditions, Owner.DATA, Owner.TRAINING)
