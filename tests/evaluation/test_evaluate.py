"""Evaluation of folders beside that of the same images in memory, and what it says."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from atalho import networks, recipes, record
from atalho.cli import main
from atalho.data.dataset import Dataset
from atalho.data.layout import WHOLE, layout
from atalho.errors import AtalhoError, Exit
from atalho.evaluation import evaluating
from atalho.evaluation.accuracy import Accuracy
from atalho.evaluation.outcomes import Outcomes
from atalho.networks import subjects
from atalho.runtime.device import Device
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.folder import load as load_run
from atalho.weights.fitting import check_data
from atalho.weights.trained import Inference, Trained

Captured = pytest.CaptureFixture[str]
CPU = Inference(torch.device("cpu"), "float32")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """A short run on digits."""
    facts = subjects.facts(networks.get("resnet20", input=(1, 8, 8)))
    recipe = recipes.get("quick", facts)
    short = replace(recipe, epochs=None, steps=60, batch_size=32)
    path = tmp_path_factory.mktemp("runs") / "run"
    run.execute(Arguments("resnet20", short, 0, Device("cpu", 1), "float32"), digits, path)
    return path


@pytest.fixture
def trained(run_folder: Path) -> Trained:
    return load_run(run_folder)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """The digits' test split as pictures in folders."""
    root = tmp_path_factory.mktemp("digits")
    for number, (pixels, label) in enumerate(zip(*digits.splits["test"], strict=True)):
        path = root / digits.classes[label] / f"{number:03}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels[..., 0].numpy()).save(path)
    return root


def test_a_folder_is_answered_as_the_same_images_in_memory(
    trained: Trained, photos: Path, digits: Dataset
) -> None:
    from_folder = evaluating.on_folder(trained, layout(photos).splits[WHOLE], CPU)
    in_memory = evaluating.on_dataset(trained, digits, "test", CPU)
    assert from_folder.accuracy.images == in_memory.accuracy.images == 360
    assert torch.equal(from_folder.accuracy.confusion, in_memory.accuracy.confusion)
    assert from_folder.accuracy.loss == pytest.approx(in_memory.accuracy.loss, rel=1e-6)
    assert 0.2 < from_folder.accuracy.top1 < 1
    assert (from_folder.split, in_memory.split) == (None, "test")


def test_some_of_the_classes(trained: Trained, photos: Path, tmp_path: Path) -> None:
    whole = evaluating.on_folder(trained, layout(photos).splits[WHOLE], CPU).document()
    for name in ("7", "2"):
        (tmp_path / name).symlink_to(photos / name)
    part = evaluating.on_folder(trained, layout(tmp_path).splits[WHOLE], CPU)
    document = part.document()
    assert document["per_class"] == {name: whole["per_class"][name] for name in ("2", "7")}
    rows = part.rows()
    assert [row["class"] for row in rows] == ["2", "7"]
    for row in rows:
        counts = whole["confusion"][int(row["class"])]
        assert row["images"] == sum(counts)
        assert [row[f"as {name}"] for name in range(10)] == counts
    assert "confusion" not in document


def test_rows_of_many_classes_name_the_most_common_mistakes(trained: Trained) -> None:
    classes = {str(number): f"name {number}" for number in range(30)}
    predicted = torch.tensor([4] * 10 + [7] + [2] * 3 + [9] * 3 + [5] * 2)
    truth, sure = torch.full((19,), 4), torch.ones(19)
    found = Accuracy(19, 10 / 19, None, 1.0, 30, Outcomes(truth, predicted, sure, sure))
    many = evaluating.Evaluation(replace(trained, classes=classes), "x", None, (4,), found)
    assert many.rows() == [
        {
            "class": "4",
            "name": "name 4",
            "images": 19,
            "top1": 10 / 19,
            "taken for": "name 2 (3), name 9 (3), name 5 (2)",
        }
    ]


def test_the_command_on_a_folder(capsys: Captured, run_folder: Path, photos: Path) -> None:
    command = ["evaluate", str(run_folder), "--data", str(photos), "--format"]
    assert main([*command, "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [*document][:7] == [
        "network",
        "data",
        "split",
        "images",
        "top1",
        "top5",
        "top1_interval",
    ]
    assert (document["data"], document["images"]) == (str(photos), 360)
    assert main([*command, "csv"]) == 0
    rows = [*csv.DictReader(io.StringIO(capsys.readouterr().out))]
    assert [float(row["top1"]) for row in rows] == [*document["per_class"].values()]
    assert main(["evaluate", str(run_folder), "--data", str(photos), "--split", "val"]) == 2
    assert "no splits" in capsys.readouterr().err


def test_images_that_cannot_be_read_are_left_out_and_named(
    capsys: Captured, run_folder: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "3").mkdir()
    good = sorted((photos / "3").iterdir())[:2]
    for path in good:
        (tmp_path / "3" / path.name).write_bytes(path.read_bytes())
    bad = tmp_path / "3" / "bad.png"
    bad.write_bytes(good[0].read_bytes()[:60])
    command = ["evaluate", str(run_folder), "--data", str(tmp_path), "--format", "json"]
    assert main(command) == Exit.DATA
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert (document["images"], document["unreadable"]) == (2, [str(bad)])
    assert f"error[IMAGE-UNREADABLE] {bad}: " in said.err
    for path in good:
        (tmp_path / "3" / path.name).unlink()
    assert main(command) == Exit.DATA
    said = capsys.readouterr()
    assert said.out == ""
    assert "DATA-EMPTY" in said.err


def test_classes_that_the_network_does_not_know(
    capsys: Captured, run_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "three").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "three" / "x.png")
    assert main(["evaluate", str(run_folder), "--data", str(tmp_path)]) == Exit.DATA
    said = capsys.readouterr().err
    assert "1 of its 1 classes are unknown to resnet20 (three); it knows 10 (0, 1, 2, …)" in said


def test_other_images_or_classes_are_refused(trained: Trained, digits: Dataset) -> None:
    check_data(trained, digits, "test")
    with pytest.raises(AtalhoError, match="DATA-SPLIT"):
        check_data(trained, digits, "exam")
    larger = {
        name: split._replace(images=split.images.repeat(1, 2, 2, 1))
        for name, split in digits.splits.items()
    }
    for other in (
        replace(digits, splits=larger),
        replace(digits, classes=(*digits.classes[:9], "nine")),
    ):
        with pytest.raises(AtalhoError, match="DATA-OTHER"):
            check_data(trained, other, "test")


@pytest.mark.parametrize(
    ("input", "batch", "size"),
    [
        ((3, 224, 224), None, 39),
        ((1, 8, 8), None, 500),
        ((3, 4096, 4096), None, 1),
        ((3, 8, 8), 7, 7),
    ],
)
def test_batches_are_smaller_for_larger_images(
    input: tuple[int, int, int], batch: int | None, size: int
) -> None:
    assert Inference(torch.device("cpu"), "float32", batch).batch_size(input) == size


def test_the_records_of_an_evaluation_are_added_to_a_file(
    run_folder: Path, photos: Path, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "records.jsonl"
    options = ["-t", "1", "--device", "cpu", "-o", str(file), "--format", "json"]
    assert main(["evaluate", str(run_folder), "--data", str(photos), *options]) == 0
    of_folder = json.loads(capsys.readouterr().out)
    assert main(["evaluate", str(run_folder), "--data", "digits", *options]) == 0
    top1 = [each for each in record.read(file) if each.quantity == "top1"]
    assert [each.conditions["data"] for each in top1] == [photos.name, "digits"]
    assert top1[0].value == of_folder["top1"]
    assert top1[1].conditions["split"] == "test"
    assert all(each.conditions["engine"] == "eager" for each in top1)
    assert main(["report", str(file), "-o", str(tmp_path / "report.html")]) == 0
