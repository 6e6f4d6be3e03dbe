"""Images that are none of the classes: how unsure a network is of them, beside scikit-learn's figure."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sklearn.metrics import roc_auc_score

import atalho
from atalho import record
from atalho.cli import main
from atalho.errors import AtalhoError, Exit
from atalho.evaluation.unknown import measure, stated
from atalho.weights.calibration import Calibration
from atalho.weights.trained import Inference, Trained
from photo_folders import picture, save

INFERENCE = Inference(torch.device("cpu"), "float32")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    atalho.train("resnet20", steps=20, output=folder, threads=1)
    return folder


@pytest.fixture(scope="module")
def trained(run: Path) -> Trained:
    return atalho.load(run)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("other")
    for number in range(9):
        save(root / "deep" / f"{number}.png", picture(number))
    (root / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    (root / "notes.txt").write_text("no picture")
    return root


def test_it_is_the_area_under_the_curve_and_the_share_above_the_threshold(
    trained: Trained, other: Path
) -> None:
    probabilities = [
        each.outcome[0].probability
        for each in atalho.predict(trained, other, precision="float32")
        if not isinstance(each.outcome, AtalhoError)
    ]
    known = torch.tensor([0.2, 0.9, round(probabilities[0], 6), 0.5, 1.0], dtype=torch.float64)
    least = sorted(round(each, 6) for each in probabilities)[4]
    held_out = Calibration(trained.temperature, "val", (least,) * 200, (0.01,) * 20)
    lines: list[str] = []
    found = measure(replace(trained, calibration=held_out), known, other, INFERENCE, lines.append)
    truth = [1] * len(known) + [0] * len(probabilities)
    scores = [*known.tolist(), *(round(each, 6) for each in probabilities)]
    assert found.images == 9
    assert found.auroc == pytest.approx(roc_auc_score(truth, scores))
    assert found.labelled == {0.05: 5 / 9, 0.1: 5 / 9}  # 200 images are too few for the others
    assert any("broken.png" in line for line in lines)
    without = measure(replace(trained, calibration=None), known, other, INFERENCE, lines.append)
    assert without.labelled == {}


def test_the_command_says_it(run: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", str(run), "--unknown", str(other), "--threads", "1"]
    assert main([*arguments, "--format", "json"]) == 0
    unknown = json.loads(capsys.readouterr().out)["unknown"]
    assert unknown["images"] == 9
    assert 0 <= unknown["auroc"] <= 1
    assert main(arguments) == 0
    assert "9 images of none of the classes" in " ".join(capsys.readouterr().out.split())


def test_it_is_recorded_beside_the_accuracy(run: Path, other: Path, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    evaluation = atalho.evaluate(run, unknown=other, output=file, threads=1)
    assert evaluation.unknown
    measured = [each for each in record.read(file) if each.quantity.startswith("unknown_")]
    assert measured[0].value == evaluation.unknown.auroc
    assert measured[0].conditions["images"] == 9
    assert measured[0].conditions["data"] == other.name
    refused = {each.conditions["max_error"]: each.value for each in measured[1:]}
    assert refused == {each: 1 - share for each, share in evaluation.unknown.labelled.items()}
    (tmp_path / "copy").mkdir()
    before = stated(other)["data_checksum"]
    save(other / "deep" / "more.png", picture(77))
    assert stated(other)["data_checksum"] != before
    (other / "deep" / "more.png").unlink()
    assert stated(other)["data_checksum"] == before


def test_the_folder_unknown_beside_the_classes_is_measured(
    run: Path, trained: Trained, other: Path, tmp_path: Path
) -> None:
    for label in ("0", "1"):
        save(tmp_path / label / "x.png", picture(int(label)))
    shutil.copytree(other, tmp_path / "unknown")
    lines: list[str] = []
    reporter = atalho.Reporter(say=lines.append)
    evaluation = atalho.evaluate(run, str(tmp_path), threads=1, reporter=reporter)
    assert evaluation.accuracy.images == 2
    assert evaluation.unknown
    assert evaluation.unknown.images == 9
    assert any("10 images taken as none of the classes" in line for line in lines)
    names = {**trained.classes, "7": "unknown"}
    known = replace(trained, classes={name: name for name in names.values()})
    evaluation = atalho.evaluate(known, str(tmp_path), threads=1)
    assert evaluation.accuracy.images == 11
    assert evaluation.unknown is None


def test_a_folder_without_readable_images_is_an_error(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    with pytest.raises(AtalhoError, match="DATA-EMPTY") as caught:
        measure(trained, torch.ones(3), tmp_path, INFERENCE, lambda line: None)
    assert caught.value.exit == Exit.DATA
