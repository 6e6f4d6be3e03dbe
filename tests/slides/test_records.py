"""Somebody's own records in the lecture: they are shown where they suffice, text in them is text, and the rest stays whole."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import atalho
from atalho.claims import shipped
from atalho.cli import main
from atalho.errors import AtalhoError, Exit
from atalho.record import Record
from atalho.slides.facts import facts
from atalho.slides.lecture import Material
from atalho.slides.stations import comparison, degradation, gradients, lesions
from atalho.slides.words import Words
from example_records import analysed, renamed
from web_page import HOSTILE, Page

ON_DEPTH = (degradation, gradients, lesions)


@pytest.fixture(scope="module")
def words() -> Words:
    return Words("pt", facts(Material(()).tables))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a hostile network and a hostile machine."""
    records = [*analysed(device=HOSTILE), *renamed(analysed(["resnet18"], device=HOSTILE), HOSTILE)]
    folder = tmp_path_factory.mktemp("hostile")
    return atalho.lecture(folder, language="en", records=records).parent


def _pages(folder: Path) -> Iterator[tuple[str, Page]]:
    for path in folder.rglob("*.html"):
        yield path.name, Page(path.read_text(encoding="utf-8"))


def test_hostile_records_are_text_on_every_page(written: Path) -> None:
    shown = 0
    for name, page in _pages(written):
        assert all("alert(1)" not in script for script in page.inline["script"]), name
        assert all(
            "alert(1)" not in value or attribute in ("aria-label", "alt")
            for _, attribute, value in page.attributes
        ), name
        shown += "<script>alert(1)</script>{{ 7 * 7 }}" in page.text
    assert shown == 2  # the comparison in either language


def test_the_command_writes_what_the_function_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lecture: Path
) -> None:
    assert main(["lecture", "-o", str(tmp_path / "own"), "--lang", "pt"]) == Exit.DONE
    assert (tmp_path / "own" / "index.html").as_uri() in capsys.readouterr().err
    own, other = (
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*.html")}
        for f in (tmp_path / "own", lecture)
    )
    assert own == other  # the same records give the same pages, to the byte
    assert len(own) == 1 + 2 * (1 + 12)


def test_the_first_page_is_in_the_language_that_was_named(written: Path) -> None:
    text = (written / "index.html").read_text(encoding="utf-8")
    assert '<html lang="en-US">' in text
    assert 'href="en/01-filters.html"' in text


def test_power_is_drawn_where_it_was_measured(words: Words) -> None:
    own = comparison.view(Material(analysed()), words).values
    assert {"power-batch", "operations-power"} <= own["figures"].keys()
    assert own["any_power"]
    assert len(own["figures"]) == 10
    without = comparison.view(Material(()), words).values
    assert not without["any_power"]
    assert len(without["figures"]) == 8


def test_one_network_at_one_batch_is_a_comparison(words: Words) -> None:
    own = comparison.view(Material(analysed(["vgg16"], batches=[4], sensor=False)), words).values
    assert [row.name for row in own["rows"]] == ["vgg16"]
    assert "throughput" not in own["figures"]


@pytest.mark.parametrize("station", ON_DEPTH)
def test_records_that_do_not_suffice_leave_a_station_as_it_is(
    station: object, words: Words
) -> None:
    some = [each for each in shipped() if each.subject != "plain56"]
    for records in ([], some, analysed()):
        shown = station.view(Material(records), words)  # type: ignore[attr-defined]
        assert shown.values.keys() == station.view(Material(()), words).values.keys()  # type: ignore[attr-defined]


def test_records_that_suffice_are_shown(words: Words) -> None:
    def better(record: Record) -> Record:
        return (
            replace(record, value=min(1.0, record.value + 0.01))
            if record.quantity == "lesion_top1"
            else record
        )

    own = lesions.view(Material([*map(better, shipped())]), words).values["whole"]
    ours = lesions.view(Material(()), words).values["whole"]
    assert {name: round(own[name] - ours[name], 6) for name in ours} == dict.fromkeys(ours, 1.0)


def test_what_the_gradient_does_is_what_the_records_say(words: Words) -> None:
    """By the numbers of results/README.md: it explodes before training and vanishes after 100 steps in the deep networks."""
    fates = gradients.view(Material(()), words).values["fates"]
    assert fates["plain56"] == {
        "0": "explodes",
        "1": "explodes",
        "10": "vanishes",
        "100": "vanishes",
        "end": "even",
    }
    assert fates["resnet56"]["0"] == "explodes"
    assert fates["resnet56"]["100"] == "vanishes"
    assert [gradients.fate(ratio) for ratio in (10.1, 10, 1, 0.1, 0.09)] == [
        "explodes",
        "even",
        "even",
        "even",
        "vanishes",
    ]


def test_the_errors_are_those_of_the_results(words: Words) -> None:
    """results/README.md has them, and CLAIMS.md the paper's."""
    shown = degradation.view(Material(()), words).values
    test = {row["network"]: round(100 * row["test"].mean, 1) for row in shown["table"]}
    assert test == {"plain20": 13.7, "plain56": 28.6, "resnet20": 12.2, "resnet56": 10.9}
    training = {row["network"]: round(100 * row["training"].mean, 1) for row in shown["table"]}
    assert training == {"plain20": 10.2, "plain56": 28.0, "resnet20": 7.9, "resnet56": 5.3}
    assert [row["test"].seeds for row in shown["table"]] == [3, 3, 3, 2]
    assert shown["batch"] == 128
    assert shown["paper"] == {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}


def test_a_folder_that_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AtalhoError) as raised:
        atalho.lecture(tmp_path / "file")
    assert (raised.value.code, raised.value.exit) == ("OUTPUT", Exit.RESOURCES)


def test_records_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text("no record\n")
    with pytest.raises(AtalhoError) as raised:
        atalho.lecture(tmp_path / "lecture", records=tmp_path / "records.jsonl")
    assert raised.value.exit == Exit.DATA
    assert not (tmp_path / "lecture").exists()
