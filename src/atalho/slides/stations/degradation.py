"""CIFAR-10: plain and residual networks of 20 and 56 layers under one schedule, in training and in test."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from atalho.claims.evidence import DEGRADING, HE_CIFAR, at_the_end, errors, schedules
from atalho.claims.he import CIFAR_ERRORS
from atalho.page.chart.axes import Axis
from atalho.page.chart.lines import Line, LineChart
from atalho.page.curves import curves
from atalho.record import Record
from atalho.slides.charts import FAMILY, drawn
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import Words


def view(material: Material, words: Words) -> View:
    """Returns the errors at the end and over the training, under the longest schedule that all four networks share."""
    records = material.sufficient(schedules)
    recipe, steps = schedules(records)[-1]
    same = [
        r
        for r in records
        if (r.conditions.get("recipe"), r.conditions.get("steps")) == (recipe, steps)
    ]
    tested, fitted = at_the_end(recipe, steps)
    table = [
        {"network": name, "test": test, "training": errors(records, name, fitted)}
        for name in DEGRADING
        if (test := errors(records, name, tested))
    ]
    example = next(record for record in same if record.quantity == "top1")
    return View(
        values={
            "table": table,
            "recipe": recipe,
            "steps": steps,
            "epochs": float(example.conditions["epochs"]),
            "batch": _batch(example),
            "machine": example.conditions["device"],
            "chart": drawn(_chart(same, words), "errors", words),
            "paper": CIFAR_ERRORS,
            "paper_steps": HE_CIFAR["steps"],
        }
    )


def _batch(record: Record) -> int:
    """Images a step, from the length in epochs of the 45,000 images that were trained on."""
    return round(float(record.conditions["epochs"]) * 45_000 / float(record.conditions["steps"]))


def _chart(records: Sequence[Record], words: Words) -> LineChart:
    """Errors by epoch: training dashed, validation whole, the means over seeds."""
    lines = []
    highest = 0.0
    for name in DEGRADING:
        for quantity, part in (("train_top1", "training"), ("val_top1", "validation")):
            points = _mean(
                [
                    c.points[quantity]
                    for c in curves(records)
                    if c.network == name and quantity in c.points
                ]
            )
            highest = max(highest, *(error for _, error in points))
            lines.append(
                Line(
                    network=name,
                    colour=FAMILY[name],
                    points=tuple(points),
                    part=part,
                    panel=str(
                        words(f"degradation.{'plain' if name.startswith('plain') else 'residual'}")
                    ),
                    dashed=quantity == "train_top1",
                )
            )
    x = Axis.from_zero(
        words.raw("degradation.epoch"), [epoch for line in lines for epoch, _ in line.points]
    )
    return LineChart(tuple(lines), x, Axis.from_zero(words.raw("degradation.error"), [highest]))


def _mean(runs: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Points (epoch, accuracy) of several seeds → (epoch, mean error in per cent)."""
    by_epoch: dict[float, list[float]] = defaultdict(list)
    for points in runs:
        for epoch, accuracy in points:
            by_epoch[epoch].append(100 * (1 - accuracy))
    return [(epoch, fmean(of_epoch)) for epoch, of_epoch in sorted(by_epoch.items())]


STATION = Station("degradation", view, claims=("L51",), live=False)
