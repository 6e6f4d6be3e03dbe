"""`predict --max-error`: labels where the network is sure enough, `unsure` elsewhere, and why."""

import csv
import json
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

import atalho
from atalho.choice.answering import threshold
from atalho.errors import AtalhoError, Exit
from atalho.evaluation.sure import UNSURE, least_confidence
from atalho.weights.calibration import Calibration
from atalho.weights.trained import Trained
from photo_folders import picture, save


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("run") / "run"
    atalho.train("resnet20", steps=30, output=folder, threads=1)
    return atalho.load(folder)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images")
    return [save(folder / f"{number}.png", picture(number)) for number in range(6)]


def calibrated_at(trained: Trained, confidence: float) -> Trained:
    """The network as if held-out images were right where it is at least so sure, and wrong elsewhere."""
    held_out = Calibration(trained.temperature, "val", (confidence,) * 300, (0.1,) * 100)
    return replace(trained, calibration=held_out)


def test_what_is_not_sure_enough_is_unsure(
    trained: Trained, images: list[Path], tmp_path: Path
) -> None:
    plain = {each.path: each.outcome for each in atalho.predict(trained, images)}
    first = {path: guesses[0].probability for path, guesses in plain.items()}  # type: ignore[index]
    ordered = sorted(first.values())
    least = round((ordered[2] + ordered[3]) / 2, 6)
    lines: list[str] = []
    network = calibrated_at(trained, least)
    options = {"max_error": 0.05, "top": 2}
    found = atalho.predict(network, images, reporter=atalho.Reporter(say=lines.append), **options)
    assert "of the labels wrong, with 95 % confidence" in lines[0]
    assert "300 of 400 held-out images, 0 of them wrong" in lines[0]
    for each in found:
        guesses = [*each.outcome]  # type: ignore[misc]
        sure = first[each.path] >= least
        assert (guesses[0].label == UNSURE) == (not sure)
        assert guesses[0].probability == first[each.path]
        assert tuple(guesses[-2:]) == plain[each.path][:2]  # type: ignore[index]
        assert each.rows()[0]["label"] == guesses[0].label
    assert sum(each.outcome[0].label == UNSURE for each in found) == 3  # type: ignore[index]
    atalho.predict_to_file(network, images, tmp_path / "a.csv", **options)
    with (tmp_path / "a.csv").open() as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    atalho.predict_to_file(network, images, tmp_path / "a.jsonl", **options)
    documents = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
    for document, each in zip(documents, found, strict=True):
        assert document == each.document()
        assert rows[each.path]["label_1"] == each.outcome[0].label  # type: ignore[index]
        assert bool(rows[each.path]["label_3"]) == (each.outcome[0].label == UNSURE)  # type: ignore[index]
    pictures = atalho.predict(network, images, explain=tmp_path / "where", **options)
    assert len(pictures) == len([*(tmp_path / "where").iterdir()]) == 6


def test_the_threshold_is_that_of_the_runs_own_held_out_images(trained: Trained) -> None:
    assert trained.calibration is not None
    held_out = trained.calibration
    lines: list[str] = []
    for max_error in (0.1, 0.2, 0.3):
        expected = threshold(held_out.right, held_out.wrong, max_error)
        least = least_confidence(trained, max_error, lines.append)
        assert least == (expected.confidence if expected else inf)


def test_where_nothing_can_be_promised_all_are_unsure_and_it_is_said(
    trained: Trained, images: list[Path]
) -> None:
    few = replace(trained, calibration=Calibration(1.0, "val", (0.9,) * 50, ()))
    bad = replace(trained, calibration=Calibration(1.0, "val", (0.5,) * 500, (0.9,) * 100))
    for network, words in ((few, "there are 50"), (bad, "wrong where it is surest")):
        lines: list[str] = []
        reporter = atalho.Reporter(say=lines.append)
        found = atalho.predict(network, images, max_error=0.02, reporter=reporter)
        assert words in lines[0]
        assert all(each.outcome[0].label == UNSURE for each in found)  # type: ignore[index]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float, trained: Trained) -> None:
    with pytest.raises(AtalhoError, match="USAGE") as caught:
        least_confidence(trained, share, print)
    assert caught.value.exit == Exit.USAGE


def test_weights_without_held_out_images_are_refused(trained: Trained) -> None:
    with pytest.raises(AtalhoError, match="CALIBRATION-MISSING") as caught:
        least_confidence(replace(trained, calibration=None), 0.02, print)
    assert caught.value.exit == Exit.CHECKPOINT
