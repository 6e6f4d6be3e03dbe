"""The table of networks."""

import csv
import io
from dataclasses import replace

from atalho.cli.rows import comparison_table
from atalho.page import table
from atalho.page.contents import Contents
from atalho.page.page import html
from atalho.ranking import comparison
from example_records import analysed, example, renamed
from web_page import Page


def test_a_name_is_no_formula_for_a_spreadsheet() -> None:
    named = renamed(example(["resnet20"]), "=1+1")
    rows = list(csv.DictReader(io.StringIO(table.summary(comparison(named)))))
    assert rows[0]["network"] == "'=1+1"


def test_the_table_says_what_it_is_sorted_by() -> None:
    for records, order in ((analysed(), "fastest"), (example(), "most accurate")):
        assert f"The networks, the {order} first." in Page(html(Contents.of(records, {}))).text


def test_the_chosen_networks_test_stands_beside_its_validation() -> None:
    """As a note, since it ranks nothing."""
    tested = [
        replace(each, value=0.975, conditions={**each.conditions, "split": "test", "images": 360})
        for each in example(["plain20"])
        if each.quantity == "top1"
    ]
    compared = comparison([*example(), *tested])
    accuracies = next(each for each in table.columns(compared) if each.quantity == "top1")
    notes = {
        row.network: cell.note for row, cell in zip(compared.rows, accuracies.cells, strict=True)
    }
    assert {name for name, note in notes.items() if "test" in note} == {"plain20"}
    assert notes["plain20"].endswith("test: 97.5")
    shown = comparison_table(compared, []).rows
    assert {row["network"]: row["test top-1 %"] for row in shown if row["test top-1 %"]} == {
        "plain20": 97.5
    }
    assert "test top-1 %" not in comparison_table(comparison(example()), []).rows[0]
