"""Take a block out: guess the accuracy that is left, then see the recorded one."""

from collections.abc import Sequence
from statistics import fmean

from atalho.page.chart.axes import Axis
from atalho.page.chart.lines import Line, LineChart
from atalho.record import Record
from atalho.slides.charts import FAMILY, drawn
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import Words

CHANCE = 10
"""Per cent of right answers by guessing one of ten classes."""


def view(material: Material, words: Words) -> View:
    """Returns the test accuracies of each network with one row taken out, and whole."""
    records = _of_one_row(material.sufficient(_complete))
    seeds = sorted({record.conditions["seed"] for record in records})
    networks: dict[str, dict[str, list[float]]] = {}
    for record in records:
        rows = record.conditions["rows"]
        of_network = networks.setdefault(record.subject, {})
        of_network.setdefault(rows[0] if rows else "", []).append(100 * record.value)
    accuracies = {
        name: {row: fmean(values) for row, values in of.items()} for name, of in networks.items()
    }
    whole = {name: of.pop("") for name, of in accuracies.items()}
    lines = []
    for name, of in accuracies.items():
        panel = str(words("gradients.plain" if name.startswith("plain") else "gradients.residual"))
        points = tuple((float(place), value) for place, value in enumerate(of.values(), start=1))
        ends = ((1.0, whole[name]), (float(len(of)), whole[name]))
        lines += [
            Line(name, FAMILY[name], points, "", panel),
            Line(name, FAMILY[name], ends, "", panel, dashed=True),
        ]
    x = Axis.from_zero(words.raw("lesions.row_axis"), [max(map(len, accuracies.values()))])
    chart = LineChart(tuple(lines), x, Axis(words.raw("lesions.accuracy_axis"), 0, 100, log=False))
    return View(
        values={
            "networks": accuracies,
            "whole": whole,
            "means": {name: fmean(of.values()) for name, of in accuracies.items()},
            "chart": drawn(chart, "lesions", words),
            "images": records[0].conditions["images"],
            "seeds": ", ".join(map(str, seeds)),
            "chance": CHANCE,
        },
        data={"words": words.tree("lesions.live"), "networks": accuracies, "whole": whole},
    )


def _of_one_row(records: Sequence[Record]) -> list[Record]:
    """The test accuracies on CIFAR-10 of the four networks, whole and with one row taken out."""
    return [
        record
        for record in records
        if record.quantity == "lesion_top1"
        and record.subject in FAMILY
        and record.conditions.get("data") == "cifar10"
        and record.conditions.get("lesion") in ("none", "removed")
        and len(record.conditions["rows"]) < 2
    ]


def _complete(records: Sequence[Record]) -> bool:
    """Whether there is an accuracy of each network whole, and of each with some row taken out."""
    known = {(record.subject, record.conditions["lesion"]) for record in _of_one_row(records)}
    return all((name, lesion) in known for name in FAMILY for lesion in ("none", "removed"))


STATION = Station("lesions", view)
