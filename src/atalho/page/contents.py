"""Records → the contents of a report: the comparison, the choice, the training curves, the diagnosis and the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atalho.choice.choosing import Choice, choose
from atalho.page import figures
from atalho.page.chart.families import Style, styles
from atalho.page.curves import Curve, curves
from atalho.page.diagnosis import Diagnosis
from atalho.page.figures.figure import Figure
from atalho.ranking import Comparison, comparison, selected
from atalho.record import Query, Record


@dataclass(frozen=True)
class Contents:
    """The contents of the page, the charts and the summary.

    Attributes:
        limits: what the chosen network may cost at most, by quantity in the records' units.
        choice: None where no network with a measured accuracy is within the limits.
        styles: how each network is drawn, by its name; families together, and the shallow before the deep.
        figures: those of the comparison.
        diagnosis: None where nothing was diagnosed.
        depth: the figures of the diagnosis.
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
    def of(
        cls,
        records: Sequence[Record],
        limits: Mapping[str, float],
        queries: Sequence[Query] = (),
    ) -> "Contents":
        """Returns the contents of a report of the records."""
        compared = comparison(records, queries)
        compared_records = selected(records, queries)
        runs = curves(compared_records)
        diagnosis = Diagnosis.of(records)
        diagnosed = diagnosis.records if diagnosis else ()
        drawn = styles(compared, {r.subject: r.conditions.get("depth") for r in diagnosed})
        depth = figures.of_diagnosis(diagnosis, compared, runs, drawn) if diagnosis else ()
        return cls(
            records=tuple(records),
            limits=limits,
            comparison=compared,
            choice=choose(compared, limits),
            curves=runs,
            styles=drawn,
            figures=tuple(figures.of_comparison(compared, runs, compared_records, drawn)),
            diagnosis=diagnosis,
            depth=tuple(depth),
        )
