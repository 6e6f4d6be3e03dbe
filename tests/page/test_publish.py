"""The page and its files, from records alone."""

import csv
import io
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from atalho import record
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.page import publish
from atalho.page.chart import converting
from atalho.record import Record
from example_records import changed, example


def test_every_chart_is_there_as_svg_and_as_png(folder: Path, charts: set[str]) -> None:
    assert {path.name for path in (folder / "charts").iterdir()} == {
        f"{name}.{kind}" for name in charts for kind in ("svg", "png")
    }
    for name in charts:
        root = ElementTree.parse(folder / "charts" / f"{name}.svg").getroot()
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        with Image.open(folder / "charts" / f"{name}.png") as image:
            image.load()
            assert image.size == pytest.approx((2 * width, 2 * height), abs=2)
            assert len(set(image.convert("L").resize((64, 64)).tobytes())) > 8


@pytest.mark.parametrize("link", [False, True])
def test_a_folder_is_no_page(link: bool, tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.symlink_to("/") if link else page.mkdir()
    with pytest.raises(AtalhoError, match="is a folder; nothing was written") as caught:
        publish(example(["resnet20"]), page)
    assert caught.value.exit == Exit.USAGE
    assert [*tmp_path.iterdir()] == [page]
    assert page.is_dir()


def test_nothing_else_is_left_in_the_folder(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {"report.html", "summary.csv", "charts"}


def test_the_summary_has_the_values_of_the_records(folder: Path, records: list[Record]) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "summary.csv").read_text(encoding="utf-8"))))
    assert {row["network"] for row in rows} == {r.subject for r in records}
    for row, each in product(rows, records):
        given = each.conditions
        ranked = each.provenance != "cited" and given.get("threads") != 4
        shown = given.get("batch") in (None, 500, 64 if each.quantity == "throughput" else 1)
        if each.subject == row["network"] and each.quantity in row and ranked and shown:
            assert float(row[each.quantity]) == each.value
            if each.quantity == "top1":
                assert [float(row["top1_low"]), float(row["top1_high"])] == given["interval"]
    by_name = {row["network"]: row for row in rows}
    assert by_name["resnet110"]["top1"] == by_name["resnet110"]["latency"] == ""
    assert by_name["plain32"]["latency"] == ""
    assert by_name["plain32"]["not_ranked"] == "latency 0.0034: threads 4 against 2"


def test_the_page_is_the_same_from_the_records_file_and_without_torch(
    folder: Path, records: list[Record], tmp_path: Path
) -> None:
    record.append(tmp_path / "records.jsonl", records)
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path; from atalho import record; from atalho.page import publish\n"
        f"folder = Path({str(tmp_path)!r})\n"
        f"publish(record.read(folder / 'records.jsonl'), folder / 'report.html')\n"
        "assert not [name for name in sys.modules if name.startswith('torch') and sys.modules[name]]\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert (tmp_path / "report.html").read_bytes() == (folder / "report.html").read_bytes()
    assert (tmp_path / "summary.csv").read_bytes() == (folder / "summary.csv").read_bytes()


def test_without_records_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(AtalhoError) as caught:
        publish([], tmp_path / "out" / "report.html")
    assert (caught.value.code, caught.value.exit) == ("RECORDS", Exit.DATA)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(AtalhoError) as caught:
        publish(example(["resnet20"])[:2], tmp_path / "out" / "report.html")
    assert (caught.value.code, caught.value.exit) == ("OUTPUT", Exit.RESOURCES)
    assert str(tmp_path / "out") in str(caught.value)


def test_a_write_that_fails_leaves_the_old_page_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = example(["resnet20"])[:3]
    page = tmp_path / "report.html"
    publish(few, page)
    before = page.read_text()

    def full(path: Path, content: bytes) -> None:
        if path != page:
            return write_atomically(path, content)
        monkeypatch.setattr("os.fsync", no_space)
        return write_atomically(path, content)

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("atalho.page.write_atomically", full)
    with pytest.raises(AtalhoError, match="No space left"):
        publish(changed(few, "resnet20", "params", 5), page)
    assert (tmp_path / "report.html").read_text() == before
    assert {p.name for p in tmp_path.iterdir()} == {"report.html", "summary.csv"}


def test_where_the_process_that_makes_pngs_ends_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converting, "__name__", "atalho.page.nowhere")
    with pytest.raises(AtalhoError, match="No module named") as caught:
        publish(example(["resnet20"]), tmp_path / "out" / "report.html")
    assert (caught.value.code, caught.value.exit) == ("CHARTS", Exit.RESOURCES)
    assert not (tmp_path / "out").exists()


def test_a_network_whose_file_is_named_in_no_utf_8_is_on_the_page(tmp_path: Path) -> None:
    records = [replace(each, subject="caf\udce9.py:net") for each in example(["resnet20"])]
    publish(records, tmp_path / "report.html")
    assert "caf\\udce9.py:net" in (tmp_path / "summary.csv").read_text()
