"""Plain and residual, 34 layers, with VGG-19 beside them; and what the three kinds of shortcut cost."""

from typing import Any

from atalho.claims.he import TEN_CROPS
from atalho.claims.tables import Tables
from atalho.grammar.cost import Cost
from atalho.slides.drawings import drawing, rows
from atalho.slides.facts import G
from atalho.slides.lecture import Material, Station, View
from atalho.slides.photo import address, photo
from atalho.slides.words import Words

NETWORKS = ("vgg19", "plain34", "resnet34")
"""As He 2015, Fig. 3, has them from left to right."""

START = ("resnet34", "conv3_1")


def view(material: Material, words: Words) -> View:
    """Returns the three networks, and ResNet-34 with each kind of shortcut beside the plain network."""
    tables = material.tables
    networks = {name: tables.network(name) for name in NETWORKS}
    drawn = drawing(list(networks.values()), words)
    by_network = {name: rows(network) for name, network in networks.items()}
    plain = tables.totals("plain34")
    kinds = [_kind(option, tables, plain) for option in "ABC"]
    return View(
        values={
            "drawing": drawn,
            "networks": by_network,
            "totals": {
                name: (tables.totals(name).params, tables.totals(name).macs / G)
                for name in NETWORKS
            },
            "chosen": next(row for row in by_network[START[0]] if row["name"] == START[1]),
            "photo": address(photo(), "JPEG"),
            "kinds": kinds,
            "plain_errors": TEN_CROPS["plain-34"],
            "plain": (plain.params, plain.macs / G),
        },
        data={"words": words.tree("drawing.live"), "networks": by_network, "start": list(START)},
        styles=(drawn.style,),
    )


def _kind(option: str, tables: Tables, plain: Cost) -> dict[str, Any]:
    """What ResNet-34 costs with one kind of shortcut, and the errors that He 2015 prints for it."""
    cost = tables.totals("resnet34" if option == "A" else f"resnet34.{option.lower()}")
    return {
        "option": option,
        "params": cost.params,
        "extra": cost.params - plain.params,
        "gmacs": cost.macs / G,
        "errors": TEN_CROPS[f"ResNet-34 ({option})"],
    }


STATION = Station("residual", view, claims=("L46", "L47", "L48"))
