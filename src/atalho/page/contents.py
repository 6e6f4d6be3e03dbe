"""Records → the contents of a report: the comparison, the choice, the training curves, the diagnosis and the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from atalho.choice.choosing import MARGIN, Choice, choose
from atalho.choice.limits import from_files
from atalho.page import figures, outcomes
from atalho.page.chart.families import Style, styles
from atalho.page.curves import Curve, curves
from atalho.page.diagnosis import Diagnosis
from atalho.page.figures.figure import Figure
from atalho.page.gallery import Gallery, gallery
from atalho.page.words import unknowns
from atalho.ranking import Comparison, comparison
from atalho.record import Query, Record
from atalho.selection import selected


@dataclass(frozen=True)
class Contents:
    """The contents of the page, the charts and the summary.

    Attributes:
        limits: what the chosen network may cost at most, by quantity in the records' units.
        compared_records: those that are compared.
        choice: None where no network with a measured accuracy is within the limits.
        styles: how each network is drawn, by its name; families together, and the shallow before the deep.
        figures: those of the comparison.
        diagnosis: None where nothing was diagnosed.
        depth: the figures of the diagnosis.
        gallery: the mistakes of the chosen network, or of the most accurate one; None where no record has them.
    """

    records: tuple[Record, ...]
    compared_records: tuple[Record, ...]
    limits: Mapping[str, float]
    comparison: Comparison
    choice: Choice | None
    curves: tuple[Curve, ...]
    styles: Mapping[str, Style]
    figures: tuple[Figure, ...]
    diagnosis: Diagnosis | None
    depth: tuple[Figure, ...]
    gallery: Gallery | None

    @property
    def drawn(self) -> tuple[Figure, ...]:
        """All figures, in the page's order."""
        return *self.figures, *self.depth

    @classmethod
    def of(
        cls,
        records: Sequence[Record],
        limits: Mapping[str, float],
        queries: Sequence[Query] = (),
        folders: Sequence[Path] = (),
        margin: float = MARGIN,
    ) -> "Contents":
        """Returns the contents of a report of the records.

        Args:
            folders: those that the records are from, beside which thumbnails may lie.
        """
        compared = comparison(records, queries)
        limits = from_files(limits, compared)
        compared_records = selected(records, queries)
        runs = curves(compared_records)
        diagnosis = Diagnosis.of(records)
        diagnosed = diagnosis.records if diagnosis else ()
        drawn = styles(compared, {r.subject: r.conditions.get("depth") for r in diagnosed})
        depth = figures.of_diagnosis(diagnosis, compared, runs, drawn) if diagnosis else ()
        choice = choose(compared, limits, margin)
        shown = [choice.chosen] if choice else [*compared.rows[:1]]
        of_shown = [outcomes.of_network(row.network, compared_records) for row in shown]
        right_or_wrong = of_shown[0] if of_shown else None
        drawings = figures.of_comparison(
            compared, runs, compared_records, drawn, diagnosed=diagnosis is not None
        )
        if right_or_wrong:
            drawings += figures.of_outcomes(right_or_wrong, drawn)
        return cls(
            records=tuple(records),
            compared_records=tuple(compared_records),
            limits=limits,
            comparison=compared,
            choice=choice,
            curves=runs,
            styles=drawn,
            figures=tuple(drawings),
            diagnosis=diagnosis,
            depth=tuple(depth),
            gallery=gallery(
                right_or_wrong,
                outcomes.held_out(right_or_wrong.network, compared_records),
                folders,
                unknowns.of_network(right_or_wrong.network, compared_records),
            )
            if right_or_wrong
            else None,
        )
