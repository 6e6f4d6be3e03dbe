"""Claims as the lecture shows them: what is claimed, what is printed, what comes out, the verdict and the arithmetic."""

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from atalho.claims.inception import TABLE, K, M
from atalho.grammar.printed import agrees
from atalho.slides.lecture import Material
from atalho.slides.words import Words

FIRST_CELL = 12
CELLS = tuple(f"L{number}" for number in range(FIRST_CELL, FIRST_CELL + 2 * len(TABLE)))
"""The ids of the cells of GoogLeNet's Table 1, row by row, parameters before operations."""

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


@dataclass(frozen=True)
class Card:
    """One claim.

    Attributes:
        printed, recomputed: for people; empty where there is none.
        exact: the recomputed number as the program has it, for whoever checks the page; empty where it is words.
        why: the arithmetic.
    """

    id: str
    verdict: str
    text: Markup
    printed: Markup
    recomputed: Markup
    exact: str
    why: Markup


def card(id: str, material: Material, words: Words) -> Card:
    """Returns a claim in the language of the words, with its verdict."""
    finding = material.findings[id]
    claim, value = finding.claim, finding.value
    return Card(
        id=id,
        verdict=finding.verdict.value,
        text=_cell_text(id, words) if id in CELLS else words(f"claims.{id}.text"),
        printed=_value(claim.printed, claim.unit, words),
        recomputed=_recomputed(id, value, claim.unit, words),
        exact="" if value is None or isinstance(value, str) else repr(value),
        why=_cell_arithmetic(id, material, words) if id in CELLS else words(f"claims.{id}.why"),
    )


def _numbers(value: str) -> dict[str, int | float]:
    """The numbers in a value that is words, by the names `n0`, `n1`, … that messages give them."""
    written = re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", value)
    return {
        f"n{index}": int(number) if number.isdecimal() else float(number)
        for index, number in enumerate(written)
    }


def _place(id: str) -> tuple[str, bool]:
    """A cell's row, and whether it is of the operations."""
    row, column = divmod(int(id[1:]) - FIRST_CELL, 2)
    return list(TABLE)[row], bool(column)


def _cell_text(id: str, words: Words) -> Markup:
    row, operations = _place(id)
    printed = TABLE[row].macs if operations else TABLE[row].params
    kind = "operations" if operations else "weights"
    return words(
        f"claims.cells.{kind}_text",
        row=row.removeprefix("inception_"),
        printed=words.number(printed or 0, "g"),
    )


def _cell_arithmetic(id: str, material: Material, words: Words) -> Markup:
    row, operations = _place(id)
    line, printed = material.tables.lines("googlenet.separable")[row], TABLE[row]
    if operations:
        return words("claims.cells.operations_why", macs=line.cost.macs)
    assert printed.params is not None
    unit = 1000 if row == "conv1" else K
    weights, claimed = line.cost.weights, round(printed.params * unit)
    if agrees(printed.params, weights / unit):
        return words("claims.cells.weights_why", weights=weights, unit=unit, kilo=weights / unit)
    return words(
        "claims.cells.weights_differ",
        weights=weights,
        unit=unit,
        kilo=weights / unit,
        printed=words.number(printed.params, "g"),
        apart=claimed - weights,
        share=100 * abs(claimed / weights - 1),
        implied=claimed * line.output[1] * line.output[2] / M,
        macs=words.number(printed.macs or 0, "g"),
    )


def _recomputed(id: str, value: float | str | None, unit: str, words: Words) -> Markup:
    own = f"claims.{id}.found"
    if isinstance(value, str) and words.has(own):
        return words(own, **_numbers(value))
    return _value(value, unit, words)


def _value(value: float | str | None, unit: str, words: Words) -> Markup:
    if value is None:
        return Markup("")
    if isinstance(value, str) and words.has(key := f"claims.printed.{value.replace('.', '_')}"):
        return words(key)
    if isinstance(value, str):
        written = _NUMBER.sub(lambda number: words.localised(number[0]), value)
    else:
        written = words.number(value, "" if isinstance(value, int) else ",.7g")
    named = words.tree("claims.units").get(unit, unit)
    return Markup(f"{escape(written)} {escape(named)}".strip())
