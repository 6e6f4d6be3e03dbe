"""The test accuracy with rows of a network taken out, or swapped (Veit et al. 2016)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean

from atalho.page.chart.families import Style
from atalho.page.chart.lines import Line
from atalho.page.diagnosis import Diagnosis, when
from atalho.page.figures.diagnosed import latest, line_figure, measured, panel, per_cent, points
from atalho.page.figures.figure import Figure, Words

_LEAST = 3  # numbers of rows removed, none among them, that make a line


def one(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of the accuracy without one row, by the row's place."""
    lines: list[Line] = []
    ends: dict[str, str] = {}
    for network, moment in latest(diagnosis, styles, "lesion_top1"):
        removed = _accuracies(diagnosis, network, moment, lesion="removed", count=1)
        if not removed:
            continue
        ends[network] = when(moment)
        line = Line(
            network=network,
            colour=styles[network].light,
            points=points(enumerate(removed.values(), start=1)),
            part="one removed",
            panel=panel(styles[network]),
            places=tuple(removed),
        )
        lines.append(line)
        whole = _accuracies(diagnosis, network, moment, lesion="none").get("")
        if whole is not None:
            level = points((end, whole) for end in sorted({1, len(removed)}))
            lines.append(replace(line, points=level, part="none removed", dashed=True, places=()))
    words = Words(
        title="Without one block",
        x_axis="Row removed, from the input on",
        y_axis="Test accuracy (%)",
        caption=(
            "Test accuracy with one row taken out (whole lines) and with none (dashed lines), "
            f"{measured(ends)}."
        ),
    )
    return line_figure("lesion-one", words, diagnosis, lines, per_cent(words.y_axis))


def several(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of the accuracy without several rows, by their number."""
    lines: list[Line] = []
    ends: dict[str, str] = {}
    swapped = []
    for network, moment in latest(diagnosis, styles, "lesion_top1"):
        by_count: dict[int, list[float]] = {}
        for record in diagnosis.of_quantity("lesion_top1", network, moment):
            if record.conditions["lesion"] in ("none", "removed"):
                by_count.setdefault(record.conditions["count"], []).append(100 * record.value)
        if len(by_count) < _LEAST:
            continue
        ends[network] = when(moment)
        line = Line(
            network=network,
            colour=styles[network].light,
            points=points((count, mean(values)) for count, values in sorted(by_count.items())),
            part="mean of the draws",
            panel=panel(styles[network]),
        )
        lines.append(line)
        if exchanged := _accuracies(diagnosis, network, moment, lesion="swapped"):
            swapped.append(f"{network} {_range(list(exchanged.values()))}")
    words = Words(
        title="Without several blocks",
        x_axis="Rows removed",
        y_axis="Test accuracy (%)",
        caption=f"Test accuracy with that many rows taken out, the mean over random draws of them, {measured(ends)}.",
        notes=(f"With two rows swapped: {'; '.join(swapped)}." if swapped else "",),
    )
    return line_figure("lesion-several", words, diagnosis, lines, per_cent(words.y_axis))


def _accuracies(
    diagnosis: Diagnosis, network: str, moment: str, **conditions: str | int
) -> dict[str, float]:
    """Accuracy in per cent by the names of the rows that a lesion concerns; over the seeds the mean."""
    by_rows: dict[str, list[float]] = {}
    for record in diagnosis.of_quantity("lesion_top1", network, moment, **conditions):
        rows = ", ".join(map(str, record.conditions["rows"]))
        by_rows.setdefault(rows, []).append(100 * record.value)
    return {rows: mean(values) for rows, values in by_rows.items()}


def _range(values: Sequence[float]) -> str:
    """`93.1–94.7 %`, or one number where both ends are written alike."""
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return f"{low}\u00a0%" if low == high else f"{low}–{high}\u00a0%"
