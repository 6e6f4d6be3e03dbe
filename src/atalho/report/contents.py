"""Records → all that a report shows: the comparison, the choice, the curves, the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atalho.choice import Choice, Comparison, choose, comparison
from atalho.record import Record
from atalho.report.curves import Curve, curves
from atalho.report.families import Style, styles
from atalho.report.figures import Figure, figures


@dataclass(frozen=True)
class Contents:
    """What the page, the charts and the summary are made of.

    Attributes:
        limits: what the chosen network may cost at most, by quantity in the records' units.
        styles: by network, families together and the shallow before the deep.
    """

    records: tuple[Record, ...]
    limits: Mapping[str, float]
    comparison: Comparison
    choice: Choice | None
    curves: tuple[Curve, ...]
    styles: Mapping[str, Style]
    figures: tuple[Figure, ...]

    @classmethod
    def of(cls, records: Sequence[Record], limits: Mapping[str, float]) -> "Contents":
        compared = comparison(records)
        runs = curves(records)
        drawn = styles(compared)
        return cls(
            tuple(records),
            limits,
            compared,
            choose(compared, limits),
            runs,
            drawn,
            tuple(figures(compared, runs, records, drawn)),
        )
