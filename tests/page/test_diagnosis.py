"""The part *Why depth works* on the page, from made-up records; the numbers are nobody's measurement."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import pytest

from atalho.page import publish
from atalho.page.contents import Contents
from atalho.page.diagnosis import Diagnosis
from atalho.page.page import html
from atalho.record import Record
from example_diagnosis import FLOW, example_diagnosis
from example_records import example, foreign
from web_page import HOSTILE, Page


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return example_diagnosis()


def test_without_a_diagnosis_there_is_no_such_part() -> None:
    contents = Contents.of(example(["resnet20"]), {})
    assert contents.diagnosis is None and contents.depth == ()
    shown = html(contents)
    assert "Why depth works" not in shown and 'type="range"' not in shown


def test_a_diagnosis_alone_is_a_page_without_a_comparison(
    records: list[Record], tmp_path: Path
) -> None:
    publish(records, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    shown = Page(text).text
    assert shown.count("Why depth works") == 2  # the window's title and the page's
    assert "The comparison" not in shown and "Not measured: top-1" not in shown
    assert "No accuracy was measured" not in shown
    assert {p.name for p in tmp_path.iterdir()} == {"page.html", "charts"}
    assert {p.stem for p in (tmp_path / "charts").iterdir()} == FLOW
    assert len(text.encode()) < 2_000_000


def test_no_two_parts_of_a_page_have_one_name(records: list[Record], tmp_path: Path) -> None:
    (gradient, *_) = [r for r in records if r.quantity == "gradient_norm"]
    own = {k: v for k, v in gradient.conditions.items() if k not in ("row", "index")}
    losses = (2.0, 0.5, 3.0)
    surface = [
        Record.of(
            gradient.subject,
            "surface_loss",
            1.0,
            "measured",
            losses,
            **own,
            beta=b,
            alphas=[-1, 0, 1],
        )
        for b in (-1.0, 0.0, 1.0)
    ]
    publish([*records, *surface], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    names = re.findall(r'\bid="([^"]+)"', text)
    assert sum("gradient_0" in name for name in names) == 2  # the legends of both layouts
    assert len(names) == len({*names})


def test_a_page_of_both_numbers_its_figures_through(records: list[Record]) -> None:
    contents = Contents.of([*example(["plain20", "resnet20"]), *records], {})
    shown = Page(html(contents)).text
    assert "The comparison" in shown and "Why depth works" in shown
    numbers = [int(n) for n in re.findall(r"Figure (\d+)\. ", shown)]
    charts = len(contents.figures) + len(contents.depth)
    assert numbers == list(range(1, charts + 2))  # the last one is of the drawings
    assert "Table 2." in shown


def test_foreign_text_is_escaped(records: list[Record]) -> None:
    hostile = [
        replace(
            r,
            subject=HOSTILE if r.subject == "resnet20" else r.subject,
            conditions={
                **r.conditions,
                "data": HOSTILE,
                "row": HOSTILE if r.conditions.get("row") == "conv2_1" else r.conditions.get("row"),
                "first": HOSTILE,
            },
        )
        for r in records
    ]
    shown = html(Contents.of(hostile, {}))
    assert "<script>alert" not in shown
    assert HOSTILE in Page(shown).text
    assert "alert(1)" not in "".join(Page(shown).inline["script"])
    sources = [v for tag, n, v in Page(shown).attributes if (tag, n) == ("img", "src")]
    assert len(sources) == 3  # drawings of the networks of the catalogue
    for source in sources:
        assert "alert" not in base64.b64decode(source.partition(",")[2]).decode()


def test_malformed_conditions_are_left_out() -> None:
    odd = [
        Record.of("a", "gradient_norm", 1, "measured", moment="soon", row="x", index=0),
        Record.of("a", "gradient_norm", 1, "measured", moment="0", row="x"),
        foreign("a", "gradient_ratio", 1, moment="0", first="a", last="b", raw="x"),
        foreign("a", "surface_loss", 1, [1.0], moment="end", beta=0.0, alphas=["x"]),
    ]
    assert Diagnosis.of(odd) is None
    lone = Record.of("a", "gradient_norm", 1, "measured", moment="0", row="x", index=0)
    assert "Why depth works" in html(Contents.of([*odd, lone], {}))
