"""The page's part on what a network gets wrong: from records of anybody, with and without thumbnails, at any width."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import chromium
from atalho import report
from atalho.page import outcomes
from atalho.page.chart.matrix import Matrix
from atalho.page.contents import Contents
from atalho.page.figures import confusion
from atalho.page.page import html
from atalho.record import Record, append
from chromium import Browser, browser
from example_outcomes import checksum, document
from example_records import changed, example
from web_page import HOSTILE, Page

DIGITS = [str(digit) for digit in range(10)]


def with_outcomes(given: Any, network: str = "resnet56") -> list[Record]:
    """A comparison in which this network is the choice or not, with these outcomes."""
    return changed(example(), network, "top1", outcomes=given)


def only(given: Any) -> list[Record]:
    return changed(example(["resnet56"]), "resnet56", "top1", outcomes=given)


def page_of(records: Sequence[Record], folders: Sequence[Path] = ()) -> Page:
    return Page(html(Contents.of(records, {}, folders=folders)))


def test_the_page_says_how_many_are_wrong_and_which_classes_are_confused() -> None:
    page = page_of(only(document(DIGITS, 360, seed=3)))
    given = document(DIGITS, 360, seed=3)
    wrong = sum(a != b for a, b in zip(given["truth"], given["predicted"], strict=True))
    assert (
        f"resnet56 on 360 images of digits (validation split): {wrong} images are classified wrongly"
        in page.text
    )
    assert "Taken for another most often: " in page.text
    assert "24 pictures are missing below" in page.text
    names = {figure.name for figure in Contents.of(only(given), {}).figures}
    assert {"confusion", "reliability", "accuracy-answered"} <= names


def test_records_without_outcomes_have_no_such_part() -> None:
    page = html(Contents.of(example(), {}))
    assert "mistakes-title" not in page
    assert "confusion" not in page


def test_all_right_is_said_and_has_no_gallery() -> None:
    page = page_of(only(document(DIGITS, 360, wrong=0)))
    assert "none is classified wrongly" in page.text
    assert "The most confident mistakes" not in page.text


def test_thumbnails_beside_the_records_are_shown_and_others_are_said_to_be_missing(
    tmp_path: Path,
) -> None:
    records = only(document(DIGITS, 360, seed=3))
    append(tmp_path / "records.jsonl", records)
    first = records[3].conditions["outcomes"]["pictures"][0][0]
    folder = tmp_path / "thumbnails"
    folder.mkdir()
    Image.new("L", (8, 8), 200).save(folder / f"{checksum(first)}.png")
    path = report(tmp_path, tmp_path / "elsewhere" / "report.html")
    page = Page(path.read_text(encoding="utf-8"))
    content = base64.b64encode((folder / f"{checksum(first)}.png").read_bytes()).decode()
    shown = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    assert [each for each in shown if "svg" not in each] == [f"data:image/png;base64,{content}"]
    assert "23 pictures are missing below" in page.text


def test_what_is_shown_is_of_test_images_then_of_most_images_then_the_newest() -> None:
    (record,) = [r for r in only(document(DIGITS, 100)) if r.quantity == "top1"]

    def on(split: str, images: int) -> Record:
        stated = {**record.conditions, "split": split, "outcomes": document(DIGITS, images)}
        return replace(record, conditions=stated)

    chosen = outcomes.of_network("resnet56", [on("val", 90), on("test", 40), on("test", 50)])
    assert chosen is not None
    assert (chosen.conditions["split"], chosen.images) == ("test", 50)
    assert outcomes.of_network("resnet20", [on("val", 90)]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"truth": [0, 10]},
        {"predicted": [-1, 0]},
        {"confidence": [0.5, float("nan")]},
        {"confidence": [0.5, 1.5]},
        {"of_truth": [0.5]},
        {"truth": [], "predicted": [], "confidence": [], "of_truth": [], "pictures": []},
        {"classes": None},
        {"pictures": [[0, "../../../etc/passwd", ""]]},
        {"pictures": [[7, "0" * 64, ""]]},
        {"pictures": [[0, 5, ""]]},
        {"pictures": "none"},
    ],
)
def test_outcomes_that_cannot_be_are_not_shown(wrong: dict[str, Any]) -> None:
    good = {
        "classes": DIGITS,
        "truth": [0, 1],
        "predicted": [0, 2],
        "confidence": [0.9, 0.8],
        "of_truth": [0.9, 0.1],
        "pictures": [[1, "0" * 64, ""]],
    }
    assert outcomes.of_network("resnet56", only(good)) is not None
    records = only({**good, **wrong})
    assert outcomes.of_network("resnet56", records) is None
    assert "mistakes-title" not in html(Contents.of(records, {}))
    assert "mistakes-title" not in html(Contents.of(only(["no mapping"]), {}))


@pytest.mark.parametrize("classes", [2, 30, 31, 200])
def test_every_image_is_in_the_matrix_and_many_classes_are_in_groups(classes: int) -> None:
    names = [f"class {number}" for number in range(classes)]
    drawn = outcomes.of_network("resnet56", only(document(names, 1000)))
    assert drawn is not None
    figure = confusion.figure(drawn)
    assert figure is not None
    assert isinstance(figure.chart, Matrix)
    assert len(figure.chart.names) == min(classes, len(figure.chart.names)) <= confusion.MOST
    assert (len(figure.chart.names) < classes) == (classes > 30)
    assert sum(cell.count for cell in figure.chart.cells) == 1000
    assert len({*figure.chart.names}) == len(figure.chart.names)
    shares = dict.fromkeys(range(len(figure.chart.names)), 0.0)
    for cell in figure.chart.cells:
        shares[cell.truth] += cell.share
    assert [*shares.values()] == pytest.approx([1.0] * len(shares))
    assert ("groups of classes that are taken" in figure.words.below) == (classes > 30)


def test_classes_that_are_taken_for_each_other_are_in_one_group() -> None:
    names = [f"class {number}" for number in range(40)]
    good = document(names, 400, wrong=0)
    # Every second image of classes 10 and 11 is taken for the other one.
    predicted = [
        21 - each if each in (10, 11) and row // 40 % 2 else each
        for row, each in enumerate(good["truth"])
    ]
    drawn = outcomes.of_network("resnet56", only({**good, "predicted": predicted}))
    assert drawn is not None
    groups = confusion.alike(drawn)
    assert next(group for group in groups if 10 in group) == next(g for g in groups if 11 in g)


def test_the_page_says_how_many_images_are_answered_where_few_may_be_wrong() -> None:
    (top1,) = [r for r in only(document(DIGITS, 360, wrong=0.05, seed=5)) if r.quantity == "top1"]
    validated = document(DIGITS, 300, wrong=0.01)
    of_val = replace(top1, conditions={**top1.conditions, "split": "val", "outcomes": validated})
    records = [*only(top1.conditions["outcomes"]), of_val]
    shown = Contents.of(records, {}).gallery
    assert shown is not None
    assert shown.held_out == "300 validation images"
    rows = {promise.max_error: promise for promise in shown.promises}
    assert rows["1\u00a0%"].answered.startswith("none: it takes ")
    assert rows["1\u00a0%"].threshold == ""
    promise = rows["5\u00a0%"]
    outcomes_of_test = top1.conditions["outcomes"]
    least = float(promise.threshold.removesuffix("\u00a0%")) / 100
    answered = [
        truth == predicted
        for truth, predicted, sure in zip(
            *(outcomes_of_test[name] for name in ("truth", "predicted", "confidence")), strict=True
        )
        if sure >= least - 0.0005
    ]
    assert abs(int(promise.answered.split(" of ")[0]) - len(answered)) <= 2
    assert "Sure or not" in page_of(records).text
    assert "refused" not in page_of(records).text
    shown_too = [
        Record.of("resnet56", "unknown_auroc", 0.9, "measured", data="other", images=40),
        Record.of("resnet56", "unknown_refused", 0.8, "measured", data="other", max_error=0.05),
    ]
    assert "resnet56 was shown 40 images of none" in page_of([*records, *shown_too]).text
    assert "80.0 %" in page_of([*records, *shown_too]).text
    of_test = [each for each in records if each.conditions.get("split") != "val"]
    assert "Sure or not" not in page_of(of_test).text


pytestmark_browser = pytest.mark.skipif(chromium.EXECUTABLE is None, reason="no Chromium here")


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "profile") as opened:
        yield opened


@pytestmark_browser
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("classes", [3, 45])
def test_it_fits_every_screen_and_hostile_names_are_text(
    width: int, classes: int, tab: Browser, tmp_path: Path
) -> None:
    names = [f"{HOSTILE} {'very ' * 20}{number}" for number in range(classes)]
    given = document(names, 300, files=f"{HOSTILE}\u202e\n/")
    weights = "sha256:" + "0123456789abcdef" * 4
    thumbnails = tmp_path / "thumbnails"
    thumbnails.mkdir()
    for number, (row, *_) in enumerate(given["pictures"][:20]):
        size = (8, 8) if number % 2 else (112, 50)
        Image.new("L", size, 200).save(
            thumbnails / f"{checksum(row)}.{'png' if number % 2 else 'jpg'}"
        )
        name = f"{checksum(row)}.0123456789abcdef.{'cam' if number % 2 else 'grad-cam'}"
        Image.new("RGB", (112, 112), (200, 0, 0)).save(thumbnails / f"{name}.jpg")
    path = tmp_path / "report.html"
    records = changed(example(["resnet56"]), "resnet56", "top1", outcomes=given, weights=weights)
    path.write_text(html(Contents.of(records, {}, folders=[tmp_path])), encoding="utf-8")
    tab.open(path, width)
    tab.draw()
    assert tab.requested == [path.as_uri()]
    assert tab.complaints == []
    assert tab.run("document.documentElement.scrollWidth") == width
    assert HOSTILE in tab.run("document.querySelector('.gallery').innerText")
    pictures = "[...document.querySelectorAll('.gallery img')]"
    tab.run(f"Promise.all({pictures}.map((i) => {{ i.loading = 'eager'; return i.decode(); }}))")
    assert tab.run(f"{pictures}.length") == 40
    assert tab.run(f"{pictures}.every((i) => i.naturalWidth > 0 && i.clientWidth <= 112)")
