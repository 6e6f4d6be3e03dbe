"""Comparison and curves → the page's figures: the ten of Canziani et al. 2016, accuracy against latency, training curves."""

from collections.abc import Mapping, Sequence

from atalho.page.chart.families import Style
from atalho.page.curves import Curve
from atalho.page.figures import accuracies, batches, costs, learning
from atalho.page.figures.figure import Figure
from atalho.page.words import text
from atalho.ranking import Comparison
from atalho.record import Record

CANZIANI = {
    "accuracy-network": "accuracy by network",
    "accuracy-operations": "accuracy against operations",
    "time-batch": "time an image against batch size",
    "power-batch": "power against batch size",
    "memory-batch": "memory against batch size",
    "memory-parameters": "memory against parameters",
    "operations-time": "operations against time",
    "operations-power": "operations against power",
    "accuracy-throughput": "accuracy against images a second",
    "accuracy-parameter": "accuracy for each parameter",
}
"""The paper's ten figures, in its order."""


def figures(
    comparison: Comparison,
    curves: Sequence[Curve],
    records: Sequence[Record],
    styles: Mapping[str, Style],
) -> list[Figure]:
    """Every figure that the records bear."""
    return [
        *accuracies.figures(comparison, styles),
        *batches.figures(comparison, records, styles),
        *costs.figures(comparison, records, styles),
        *learning.figures(curves, styles),
    ]


def absent(found: Sequence[Figure]) -> str:
    """Which of the paper's figures are not among those found; empty where all or none are."""
    names = {figure.name for figure in found}
    missing = [title for name, title in CANZIANI.items() if name not in names]
    if len(missing) in (0, len(CANZIANI)):
        return ""
    return (
        "Of the ten figures of Canziani et al. 2016, not drawn for want of measurements: "
        f"{text.listed(missing)}."
    )
