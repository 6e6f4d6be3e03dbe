"""GoogLeNet: the drawing with its rows, the auxiliary heads, and average pooling in place of fully connected layers."""

from math import sqrt

from atalho.slides.drawings import drawing, rows
from atalho.slides.lecture import Material, Station, View
from atalho.slides.photo import address, photo
from atalho.slides.words import Words

NETWORK = "googlenet"
START = "inception_3a"


def view(material: Material, words: Words) -> View:
    """Returns the network with every row's shape, cost and receptive field."""
    network = material.tables.network(NETWORK)
    drawn, lines = drawing([network], words), rows(network)
    linear = material.tables.lines(NETWORK)["linear"].cost.weights
    params = {
        "with": material.tables.totals(NETWORK).params
        + sum(row["params"] for row in lines if row["auxiliary"]),
        "without": material.tables.totals(NETWORK).params,
    }
    channels, height, width = material.tables.lines(NETWORK)["avgpool"].input
    return View(
        values={
            "drawing": drawn,
            "rows": lines,
            "chosen": next(row for row in lines if row["name"] == START),
            "params": params,
            "photo": address(photo(), "JPEG"),
            "flat": words.number(channels * height * width * network.num_classes),
            "linear": words.number(linear),
            "ratio_side": sqrt(channels * height * width * network.num_classes / linear),
        },
        data={
            "words": {**words.tree("drawing.live"), **words.tree("googlenet.live")},
            "networks": {NETWORK: lines},
            "start": [NETWORK, START],
            "params": params,
        },
        styles=(drawn.style,),
    )


STATION = Station(
    "googlenet", view, claims=("L10", "L11", "L40", "L41", "L42", "L43", "L44", "L45")
)
