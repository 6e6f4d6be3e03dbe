"""The page's figures: one family of figures in a file, each drawn where there are records for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from atalho.page.chart.families import Style
from atalho.page.curves import Curve
from atalho.page.diagnosis import Diagnosis
from atalho.page.figures import (
    accuracy_bars,
    accuracy_costs,
    answered,
    batches,
    confusion,
    correlation,
    costs,
    degradation,
    gradients,
    learning,
    lesions,
    paths,
    photos,
    reliability,
    requests,
    responses,
    surface,
)
from atalho.page.figures.figure import Figure
from atalho.page.outcomes import Outcomes
from atalho.page.words.phrases import listed
from atalho.ranking import Comparison
from atalho.record import Record

CANZIANI = {
    "accuracy-network": "accuracy by network",
    "accuracy-operations": "accuracy against operations",
    "time-batch": "time per image against batch size",
    "power-batch": "power against batch size",
    "memory-batch": "memory against batch size",
    "memory-parameters": "memory against parameters",
    "operations-time": "operations against time",
    "operations-power": "operations against power",
    "accuracy-throughput": "accuracy against images per second",
    "accuracy-parameter": "accuracy per parameter",
}
"""The ten figures of Canziani et al. 2016 by the names of ours, in the paper's order."""


def of_comparison(
    comparison: Comparison,
    curves: Sequence[Curve],
    records: Sequence[Record],
    styles: Mapping[str, Style],
    *,
    diagnosed: bool = False,
) -> list[Figure]:
    """Returns the figures of a comparison: those of Canziani et al. 2016, accuracy against latency, training curves.

    Args:
        diagnosed: whether the figures of a diagnosis follow, with the error against depth among them.
    """
    depth = None if diagnosed else degradation.figure(comparison, curves, styles)
    drawn = [
        accuracy_bars.by_network(comparison, styles),
        *accuracy_costs.figures(comparison, styles),
        accuracy_bars.by_parameter(comparison, styles),
        requests.figure(comparison),
        *batches.figures(comparison, records, styles),
        *costs.figures(comparison, records, styles),
        *learning.figures(curves, styles),
        replace(depth, part=learning.PART) if depth else None,
        photos.learning_curve(records, styles),
    ]
    return [figure for figure in drawn if figure]


def of_diagnosis(
    diagnosis: Diagnosis,
    comparison: Comparison,
    curves: Sequence[Curve],
    styles: Mapping[str, Style],
) -> list[Figure]:
    """Returns the figures of *Why depth works*, gradients first."""
    drawn = [
        gradients.norms(diagnosis, styles),
        gradients.shares(diagnosis, styles),
        gradients.cosines(diagnosis, styles),
        gradients.branches(diagnosis, styles),
        correlation.figure(diagnosis, styles),
        responses.figure(diagnosis, styles),
        paths.figure(diagnosis, styles),
        lesions.one(diagnosis, styles),
        lesions.several(diagnosis, styles),
        surface.figure(diagnosis, styles),
        degradation.figure(comparison, curves, styles),
    ]
    return [figure for figure in drawn if figure]


def of_outcomes(outcomes: Outcomes, styles: Mapping[str, Style]) -> list[Figure]:
    """Returns the figures of what one network gets right and wrong, and how sure it is."""
    style = styles[outcomes.network]
    drawn = [
        confusion.figure(outcomes),
        reliability.figure(outcomes, style),
        answered.figure(outcomes, style),
    ]
    return [figure for figure in drawn if figure]


def absent(shown: Sequence[Figure]) -> str:
    """Returns which of the ten figures of Canziani et al. are not shown; empty where all or none are."""
    names = {figure.name for figure in shown}
    missing = [title for name, title in CANZIANI.items() if name not in names]
    if len(missing) in (0, len(CANZIANI)):
        return ""
    return (
        "Of the ten figures of Canziani et al. 2016, not drawn for want of measurements: "
        f"{listed(missing)}."
    )
