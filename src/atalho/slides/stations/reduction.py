"""The 1×1 reduction: a module's branches with and without it, as numbers and as areas."""

from math import sqrt

from atalho.explain.inception import parts
from atalho.networks.googlenet import MODULES
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import Words

SIDE = 150
"""Pixels of the largest square's side."""

START = "4a"


def view(material: Material, words: Words) -> View:
    """Returns the module of the slides as a table and as squares, and what the sliders begin with."""
    lines = material.tables.lines("googlenet")
    filters = MODULES[START][0]
    shape = lines[f"inception_{START}"].input
    *branches, module = parts(shape, filters)
    largest = max(part.naive.cost.macs for part in branches)
    squares = [
        {
            kind: SIDE * sqrt(work.cost.macs / largest)
            for kind, work in (("naive", part.naive), ("reduced", part.reduced))
        }
        for part in branches
    ]
    return View(
        values={
            "parts": [*branches, module],
            "squares": squares,
            "side": SIDE,
            "shape": dict(zip("CHW", shape, strict=True)),
            "filters": filters._asdict(),
            "modules": list(MODULES),
            "start": START,
        },
        data={
            "words": words.tree("reduction.live"),
            "modules": {
                key: {"shape": list(lines[f"inception_{key}"].input), "filters": list(module[0])}
                for key, module in MODULES.items()
            },
            "side": SIDE,
        },
    )


STATION = Station("reduction", view, claims=("L2", "L3", "L4", "L5", "L6", "L7", "L8"))
