"""Pictures of where a trained network looked: exact maps, Grad-CAM's, and a line where there can be none."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import atalho
from atalho import record
from atalho.comparison.looking import Looking
from atalho.data import pictures
from atalho.data.dataset import Dataset
from atalho.evaluation import thumbnails
from atalho.page.contents import Contents
from atalho.page.page import html
from atalho.probes import activation_maps
from atalho.record import Record
from atalho.runtime.device import Device


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    atalho.train("resnet20", steps=3, output=folder, threads=1)
    return folder


def top1_of(run: Path) -> Record:
    (top1,) = (each for each in record.read(run / "records.jsonl") if each.quantity == "top1")
    return top1


def looking(run: Path, digits: Dataset) -> Looking:
    return Looking(
        "resnet20", run, top1_of(run).conditions, digits.splits["test"], Device("cpu", 1)
    )


def kinds(folder: Path) -> set[str]:
    return {path.name.split(".")[2] for path in (folder / "thumbnails").glob("*.*.*.*")}


def test_every_mistake_that_is_shown_has_a_map(run: Path, digits: Dataset, tmp_path: Path) -> None:
    top1 = top1_of(run)
    thumbnails.write([top1], digits.splits, tmp_path)
    lines: list[str] = []
    looking(run, digits).write(tmp_path, lines.append)
    assert lines == []
    assert kinds(tmp_path) == {"cam"}
    shown = top1.conditions["outcomes"]["pictures"]
    assert len([*(tmp_path / "thumbnails").iterdir()]) == 2 * len(shown) == 48
    for path in (tmp_path / "thumbnails").glob("*.cam.jpg"):
        with Image.open(path) as image:
            assert image.size == (pictures.SIDE, pictures.SIDE)
            assert image.mode == "RGB"
    page = html(Contents.of([top1], {}, folders=[tmp_path]))
    assert page.count('alt="Where resnet20 looked in it"') == len(shown)
    assert "class activation maps, which are exact" in page
    # Of other weights the page shows none.
    other = replace(top1, conditions={**top1.conditions, "weights": f"sha256:{'0' * 64}"})
    page = html(Contents.of([other], {}, folders=[tmp_path]))
    assert "looked in it" not in page
    assert "Where it looked is not shown" in page
    thumbnails.remove(tmp_path)
    assert not (tmp_path / "thumbnails").exists()
    assert "Where it looked" not in html(Contents.of([top1], {}, folders=[tmp_path]))


def test_a_network_without_exact_maps_has_grad_cam_s_or_a_line_that_says_how(
    run: Path, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activation_maps, "_exact", lambda *_: None)
    top1 = top1_of(run)
    thumbnails.write([top1], digits.splits, tmp_path)
    lines: list[str] = []
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "captum.attr", None)
        looking(run, digits).write(tmp_path, lines.append)
    assert kinds(tmp_path) == set()
    assert len(lines) == 1
    assert "pip install 'atalho[explain]'" in lines[0]
    assert "pip install &#39;atalho[explain]&#39;" in html(
        Contents.of([top1], {}, folders=[tmp_path])
    )
    looking(run, digits).write(tmp_path, lines.append)
    assert kinds(tmp_path) == {"grad-cam"}
    assert len(lines) == 1
    assert "Grad-CAM, an estimate" in html(Contents.of([top1], {}, folders=[tmp_path]))


def test_maps_and_thumbnails_together_are_bounded(
    run: Path, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top1 = top1_of(run)
    thumbnails.write([top1], digits.splits, tmp_path)
    monkeypatch.setattr(thumbnails, "MOST_BYTES", 20_000)
    looking(run, digits).write(tmp_path, pytest.fail)
    sizes = [path.stat().st_size for path in (tmp_path / "thumbnails").iterdir()]
    assert 24 < len(sizes) < 48
    assert sum(sizes) <= 20_000
