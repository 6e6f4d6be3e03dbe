"""Records → all that a report shows: the comparison, the choice, the curves, the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atalho.choice.choosing import Choice, choose
from atalho.page import machines
from atalho.page.chart.families import Style, styles
from atalho.page.curves import Curve, curves
from atalho.page.diagnosis import Diagnosis
from atalho.page.figures import depth, figures
from atalho.page.figures.figure import Figure
from atalho.ranking import Comparison, comparison
from atalho.record import Record


@dataclass(frozen=True)
class Contents:
    """What the page, the charts and the summary are made of.

    Attributes:
        limits: what the chosen network may cost at most, by quantity in the records' units.
        styles: by network, families together and the shallow before the deep.
        diagnosis: None where nothing was diagnosed; `depth` are its figures.
    """

    records: tuple[Record, ...]
    limits: Mapping[str, float]
    comparison: Comparison
    choice: Choice | None
    curves: tuple[Curve, ...]
    styles: Mapping[str, Style]
    figures: tuple[Figure, ...]
    diagnosis: Diagnosis | None
    depth: tuple[Figure, ...]

    @classmethod
    def of(cls, records: Sequence[Record], limits: Mapping[str, float]) -> "Contents":
        compared = comparison(machines.of_one(records))
        runs = curves(records)
        diagnosis = Diagnosis.of(records)
        diagnosed = diagnosis.records if diagnosis else ()
        drawn = styles(compared, {r.subject: r.conditions.get("depth") for r in diagnosed})
        return cls(
            tuple(records),
            limits,
            compared,
            choose(compared, limits),
            runs,
            drawn,
            tuple(figures(compared, runs, records, drawn)),
            diagnosis,
            tuple(depth.figures(diagnosis, compared, runs, drawn)) if diagnosis else (),
        )
