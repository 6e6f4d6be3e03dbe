"""GoogLeNet's Table 1 as a spreadsheet: printed beside recomputed, under each convention of counting."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from atalho.claims.inception import TABLE, M
from atalho.claims.tables import Tables
from atalho.grammar.cost import Line
from atalho.grammar.layers import Conv, walk
from atalho.grammar.printed import agrees
from atalho.networks.googlenet import COLUMNS, MODULES
from atalho.slides.cards import CELLS
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import Words


class Convention(NamedTuple):
    """A way to count Table 1.

    Attributes:
        kilo: how many parameters are a K.
        separable: whether conv1 is depthwise separable, with the multiplier 8.
    """

    biases: bool
    kilo: int
    separable: bool


CONVENTIONS = tuple(
    Convention(*each) for each in product((False, True), (1024, 1000), (True, False))
)


class Agreeing(NamedTuple):
    """How many cells a convention explains.

    Attributes:
        rounded: of the column of parameters, as rounded numbers.
        either: of the column of parameters, as rounded numbers or as numbers that are cut off, as 3a's 159.50 is.
        operations: of the column of operations, which rounds.
    """

    rounded: int
    either: int
    operations: int

    @property
    def cells(self) -> int:
        """Those of both columns."""
        return self.either + self.operations


STATED = Convention(biases=False, kilo=1024, separable=True)
"""The convention by which the claims are examined: conv2 and linear come out of it exactly."""


def agreeing(tables: Tables, convention: Convention) -> Agreeing:
    """Returns how many cells of Table 1 a convention explains."""
    lines = tables.lines("googlenet.separable" if convention.separable else "googlenet")
    rounded = either = operations = 0
    for row, printed in TABLE.items():
        assert printed.params is not None
        assert printed.macs is not None
        cost = lines[row].cost
        counted = (cost.params if convention.biases else cost.weights) / convention.kilo
        rounded += agrees(printed.params, counted, truncation=False)
        either += agrees(printed.params, counted)
        operations += agrees(printed.macs, cost.macs / M, truncation=False)
    return Agreeing(rounded, either, operations)


def _rows(tables: Tables) -> Iterator[dict[str, Any]]:
    """The rows as the script reads them: kind, side of the map, filters, and what is printed."""
    for name, printed in TABLE.items():
        line = tables.lines("googlenet.separable")[name]
        key = name.removeprefix("inception_")
        yield {
            "name": key,
            "kind": "inception" if key in MODULES else name,
            "side": line.output[1] if len(line.output) == 3 else 1,
            "filters": list(_filters(key, line)),
            "params": printed.params,
            "macs": printed.macs,
        }


def _filters(key: str, line: Line) -> tuple[int, ...]:
    if key in MODULES:
        return tuple(MODULES[key][0])
    convolutions = [leaf.filters for _, leaf in walk(line.row.layer) if isinstance(leaf, Conv)]
    return tuple(convolutions) if key == "conv2" else (line.output[0],)


def _cells(row: Mapping[str, Any]) -> list[int | None]:
    """A row's filters under Table 1's six columns; None where a column is empty."""
    if row["kind"] == "inception":
        return list(row["filters"])
    if row["kind"] == "conv2":
        return [None, *row["filters"], None, None, None]
    return [None] * len(COLUMNS)


def view(material: Material, words: Words) -> View:
    """Returns the table under the convention of the claims, and how many cells each convention explains."""
    tables = material.tables
    counts = {each: agreeing(tables, each) for each in CONVENTIONS}
    lines = tables.lines("googlenet.separable")
    rows = [
        {
            **row,
            "cells": _cells(row),
            "output": lines[name].output,
            "computed": (lines[name].cost.weights / STATED.kilo, lines[name].cost.macs / M),
            "agree": (
                agrees(row["params"], lines[name].cost.weights / STATED.kilo),
                agrees(row["macs"], lines[name].cost.macs / M, truncation=False),
            ),
            "ids": CELLS[2 * index : 2 * index + 2],
        }
        for index, (name, row) in enumerate(zip(TABLE, _rows(tables), strict=True))
    ]
    return View(
        values={
            "rows": rows,
            "columns": list(COLUMNS),
            "counts": counts,
            "stated": STATED,
            "most": max(each.cells for each in counts.values()),
            "cells": 2 * len(TABLE),
        },
        data={
            "words": words.tree("table.live"),
            "rows": list(_rows(tables)),
            "columns": list(COLUMNS),
        },
    )


STATION = Station("table", view, claims=(*CELLS, "L36", "L37", "L38", "L39"))
