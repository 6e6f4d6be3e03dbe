"""Gradient flow: the gradient by row at moments of the training, the shortcut's share of it, and its correlation."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from atalho.page.chart.axes import Axis
from atalho.page.chart.lines import Line, LineChart
from atalho.record import Record
from atalho.slides.charts import FAMILY, drawn
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import Words

RESIDUAL = ("resnet20", "resnet56")
QUANTITIES = ("gradient_norm", "gradient_ratio", "shortcut_share", "gradient_correlation")
WHEN = ("0", "1", "10", "100", "end")
"""The moments that the station can show."""

DISTANCE = 0.1
"""Between two inputs whose gradients are compared, as the claim takes it; black to white is 1."""

EVEN = 10.0
"""A gradient that changes by less than this from the last map to the first row neither vanishes nor explodes."""

WIDEST = 40
"""Pixels of an arrow that carries all of the gradient."""


def view(material: Material, words: Words) -> View:
    """Returns what the records say of four networks at each moment, and a chart for each."""
    records = _diagnosed(material.sufficient(_complete))
    moments = _moments(records)
    ratios = {
        name: {moment: _mean(records, "gradient_ratio", name, moment) for moment in moments}
        for name in FAMILY
    }
    shares = {
        name: {moment: _shares(records, name, moment) for moment in moments} for name in RESIDUAL
    }
    example = next(record for record in records if record.quantity == "gradient_norm")
    return View(
        values={
            "moments": moments,
            "frames": [
                drawn(chart, f"norms-{place}", words)
                for place, chart in enumerate(_norms(records, moments, words))
            ],
            "ratios": ratios,
            "fates": {
                name: {m: fate(ratio) for m, ratio in of.items()} for name, of in ratios.items()
            },
            "shares": {
                name: {m: fmean(share for _, share in of[m]) for m in moments}
                for name, of in shares.items()
            },
            "widest": WIDEST,
            "correlation": drawn(_correlations(records, words), "correlation", words),
            "at_distance": {
                name: _mean(records, "gradient_correlation", name, moments[0], distance=DISTANCE)
                for name in FAMILY
            },
            "distance": DISTANCE,
            "images": example.conditions["batch"],
            "seed": example.conditions["seed"],
            "steps": example.conditions["steps"],
            "recipe": example.conditions["recipe"],
        },
        data={
            "words": words.tree("gradients.live"),
            "moments": [str(words(f"gradients.when.{moment}")) for moment in moments],
            "keys": moments,
            "shares": shares,
            "widest": WIDEST,
        },
    )


def _diagnosed(records: Sequence[Record]) -> list[Record]:
    """What was diagnosed of the four networks on CIFAR-10."""
    return [
        record
        for record in records
        if record.subject in FAMILY
        and record.quantity in QUANTITIES
        and record.conditions.get("data") == "cifar10"
    ]


def _moments(records: Sequence[Record]) -> list[str]:
    """The moments at which gradients were measured, in the order of training; the pages have words for `WHEN` alone."""
    measured = {r.conditions.get("moment") for r in records if r.quantity == "gradient_norm"}
    return [moment for moment in WHEN if moment in measured]


def _complete(records: Sequence[Record]) -> bool:
    """Whether all four networks have a gradient and its ratio at every moment, residual ones the shortcut's share too, and
    all the correlation at initialisation."""
    diagnosed = _diagnosed(records)
    known = {(r.quantity, r.subject, r.conditions.get("moment")) for r in diagnosed}
    far = {(r.subject, r.conditions.get("moment"), r.conditions.get("distance")) for r in diagnosed}
    moments = _moments(diagnosed)
    return (
        moments[:1] == ["0"]
        and all((name, "0", DISTANCE) in far for name in FAMILY)
        and all(
            (quantity, name, moment) in known
            for quantity in ("gradient_norm", "gradient_ratio", "shortcut_share")
            for name in (RESIDUAL if quantity == "shortcut_share" else FAMILY)
            for moment in moments
        )
    )


def fate(ratio: float) -> str:
    """Returns what becomes of a gradient on its way from the last map to the first row: `explodes`, `vanishes` or `even`."""
    if ratio > EVEN:
        return "explodes"
    return "vanishes" if ratio < 1 / EVEN else "even"


def _mean(
    records: Sequence[Record], quantity: str, name: str, moment: str, **conditions: Any
) -> float:
    """The mean over rows and seeds."""
    return fmean(
        record.value
        for record in records
        if (record.quantity, record.subject, record.conditions.get("moment"))
        == (quantity, name, moment)
        and all(record.conditions.get(key) == value for key, value in conditions.items())
    )


def _by_row(records: Sequence[Record], quantity: str, name: str, moment: str) -> dict[str, float]:
    """The means over the seeds by row, in the records' order, which is the network's."""
    values: dict[str, list[float]] = {}
    for record in records:
        where = record.conditions
        if (record.quantity, record.subject, where.get("moment")) == (
            quantity,
            name,
            moment,
        ) and "row" in where:
            values.setdefault(where["row"], []).append(record.value)
    return {row: fmean(of_row) for row, of_row in values.items()}


def _shares(records: Sequence[Record], name: str, moment: str) -> list[tuple[str, float]]:
    """The shortcut's share by block."""
    return list(_by_row(records, "shortcut_share", name, moment).items())


def _norms(records: Sequence[Record], moments: Sequence[str], words: Words) -> list[LineChart]:
    """A chart for each moment, all on the same axes; the classifier, whose output is no map, is left out."""
    norms = {
        (name, moment): [
            norm
            for row, norm in _by_row(records, "gradient_norm", name, moment).items()
            if row.startswith("conv") and norm > 0
        ]
        for name in FAMILY
        for moment in moments
    }
    x = Axis.from_zero(words.raw("gradients.row_axis"), [max(map(len, norms.values()))])
    y = Axis.over(
        words.raw("gradients.norm_axis"), [norm for of in norms.values() for norm in of], log=True
    )
    return [
        LineChart(
            tuple(
                Line(
                    network=name,
                    colour=colour,
                    points=tuple(
                        (float(place), norm)
                        for place, norm in enumerate(norms[name, moment], start=1)
                    ),
                    part="",
                    panel=str(
                        words(
                            "gradients.plain" if name.startswith("plain") else "gradients.residual"
                        )
                    ),
                )
                for name, colour in FAMILY.items()
            ),
            x,
            y,
        )
        for moment in moments
    ]


def _correlations(records: Sequence[Record], words: Words) -> LineChart:
    """The correlation of gradients by the distance of their inputs, at initialisation."""
    lines = []
    for name, colour in FAMILY.items():
        points = sorted(
            (record.conditions["distance"], record.value)
            for record in records
            if (record.quantity, record.subject, record.conditions.get("moment"))
            == ("gradient_correlation", name, "0")
            and record.conditions["distance"] > 0
        )
        panel = str(words("gradients.plain" if name.startswith("plain") else "gradients.residual"))
        lines.append(Line(name, colour, tuple(points), "", panel))
    values = [value for line in lines for _, value in line.points]
    x = Axis.over(
        words.raw("gradients.distance_axis"),
        [d for line in lines for d, _ in line.points],
        log=True,
    )
    return LineChart(
        tuple(lines),
        x,
        Axis(words.raw("gradients.correlation_axis"), min(-0.1, *values), 1, log=False),
    )


STATION = Station("gradients", view, claims=("L52",))
