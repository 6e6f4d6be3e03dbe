"""The table of networks."""

import csv
import io

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
