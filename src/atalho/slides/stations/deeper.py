"""Fifty layers and more: basic block against bottleneck, He's table under each convention, and the shifted table put right."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from atalho.grammar.cost import lines
from atalho.grammar.layers import Conv
from atalho.grammar.printed import agrees
from atalho.networks.resnet import BLOCKS, PRINTED_GFLOPS, basic, bottleneck, imagenet
from atalho.slides.drawings import drawing
from atalho.slides.facts import MAP, G, block_weights
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import Words

STAGES = ("conv2_x", "conv3_x", "conv4_x", "conv5_x")
SHOWN = (50, 101, 152)
"""The columns of the lecture's last table."""

SLID = {50: 101, 101: 152}
"""Whose number of conv4_x blocks stands in a column of the lecture's last table; the column of 152 layers is left empty."""


def conventions() -> Iterator[dict[str, Any]]:
    """Yields each way to count He's table, with the operations of its five columns in G.

    `projections`: shortcuts of option B, else without operations; `later`: the stride in a bottleneck's 3×3, else in its first
    1×1; `linear`: with the fully connected layer.
    """
    for projections, later, linear in product((True, False), (False, True), (True, False)):
        values = []
        for depth in PRINTED_GFLOPS:
            network = imagenet("", depth, "B" if projections else "A", v1_5=later and depth >= 50)
            macs = sum(line.cost.macs for line in lines(network) if linear or line.row.name != "fc")
            values.append(macs / G)
        yield {"projections": projections, "later": later, "linear": linear, "values": values}


def _marked(convention: dict[str, Any]) -> dict[str, Any]:
    """A convention with how each of its numbers stands to the printed one: `rounded`, `cut` or `apart`."""
    marks = [
        "rounded"
        if agrees(printed, value, truncation=False)
        else "cut"
        if agrees(printed, value)
        else "apart"
        for printed, value in zip(PRINTED_GFLOPS.values(), convention["values"], strict=True)
    ]
    return {**convention, "marks": marks}


def _costs() -> dict[str, tuple[int, int]]:
    """Weights, and multiply-accumulates on maps of 56×56, of the blocks as the lecture has them, by their names."""
    weights = {
        "basic": block_weights(basic(64, 1), 64),
        "bottleneck": block_weights(bottleneck(64, 1), 256),
        "projected": block_weights(bottleneck(64, 1), 256) + block_weights(Conv(256, 1), 256),
        "wide": block_weights(basic(256, 1), 256),
    }
    return {name: (count, count * MAP**2) for name, count in weights.items()}


def view(material: Material, words: Words) -> View:
    """Returns the two blocks, He's table by convention, VGG by convention, and the last table as it is and as it should be."""
    tables = material.tables
    drawn = drawing([tables.network("resnet34"), tables.network("resnet50")], words, row="conv2_2")
    ways = list(conventions())
    shifted = {
        depth: (
            *BLOCKS[depth][:2],
            BLOCKS[SLID[depth]][2] if depth in SLID else None,
            BLOCKS[depth][3],
        )
        for depth in SHOWN
    }
    return View(
        values={
            "drawing": drawn,
            "costs": _costs(),
            "printed": PRINTED_GFLOPS,
            "ways": [_marked(way) for way in ways],
            "stages": STAGES,
            "shown": SHOWN,
            "blocks": BLOCKS,
            "shifted": shifted,
            "depths": {
                depth: 3 * sum(filter(None, counts)) + 2
                for depth, counts in shifted.items()
                if None not in counts
            },
        },
        data={
            "words": words.tree("deeper.live"),
            "ways": ways,
            "printed": list(PRINTED_GFLOPS.values()),
            "depths": list(PRINTED_GFLOPS),
        },
        styles=(drawn.style,),
    )


STATION = Station(
    "deeper",
    view,
    claims=("L53", "L54", "L55", "L56", *(f"L{n}" for n in range(57, 66)), "LT1", "LT2", "LT3"),
)
