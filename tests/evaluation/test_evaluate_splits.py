"""Which images of a folder a network is asked about: never, unasked, those that it was trained on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from atalho import data, networks
from atalho.cli import main
from atalho.data import imagenet
from atalho.data.batches import Preprocessing
from atalho.data.copies import Kind
from atalho.data.dataset import DataIdentity, Dataset
from atalho.data.image import Framing
from atalho.errors import AtalhoError, Exit
from atalho.evaluation.evaluating import choose
from atalho.grammar import module
from atalho.weights import trained
from atalho.weights.config import Config
from photo_folders import SMALL, fill, picture, save


def reader(root: Path, times: list[int]) -> Callable[[Kind], Dataset]:
    def load(copies: Kind) -> Dataset:
        times.append(1)
        return data.load(
            str(root), root.parent / "data", framings=[SMALL], bad_images="skip", copies=copies
        )

    return load


def asked(
    root: Path, split: str | None, trained_on: DataIdentity | None
) -> tuple[set[str], str | None, int, list[str]]:
    times: list[int] = []
    said: list[str] = []
    folder, name = choose(root, split, trained_on, reader(root, times), said.append)
    shown = {path.relative_to(root).as_posix() for path, _ in folder.images()}
    assert folder.root == root
    assert all(path.parent.name == folder.classes[label] for path, label in folder.images())
    return shown, name, len(times), said


def listed(root: Path, found: Dataset, split: str) -> set[str]:
    return {photo.path.relative_to(root).as_posix() for photo in found.splits[split].photos()}  # type: ignore[attr-defined]


def test_a_runs_own_folder_of_classes_is_asked_about_its_test_split(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 12, "dog": 12})
    found = reader(root, [])("similar")
    run = found.identity
    for split in (None, "test", "val", "train"):
        expected = listed(root, found, split or "test")
        assert asked(root, split, run) == (expected, split or "test", 1, [])
    # A run whose copies were divided in another way knows its own test photos too.
    save(root / "cat" / "again.jpg", picture(0))
    for kind in get_args(Kind):
        found = reader(root, [])(kind)
        assert asked(root, None, found.identity)[0] == listed(root, found, "test")
    (root / "cat" / "again.jpg").unlink()
    moved = tmp_path / "moved"
    root.rename(moved)
    assert asked(moved, None, run)[1] == "test"
    with pytest.raises(AtalhoError, match="has the splits train, val, test") as error:
        asked(moved, "exam", run)
    assert error.value.exit == Exit.USAGE


def test_other_folders_of_classes_are_asked_about_all(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 12, "dog": 12})
    run = reader(root, [])("similar").identity
    other = fill(tmp_path / "other", {"cat": 1, "dog": 2}, 100)
    whole = {"cat/00.png", "dog/00.png", "dog/01.png"}
    assert asked(other, None, run) == (whole, None, 1, [])
    # Nothing is read twice for a network that no run on photos made.
    assert asked(other, None, imagenet.IDENTITY) == (whole, None, 0, [])
    digits = data.load("digits", tmp_path).identity
    assert asked(other, None, digits) == (whole, None, 0, [])
    *found, (said,) = asked(other, None, None)
    assert found == [whole, None, 0]
    assert "is not known" in said
    with pytest.raises(AtalhoError, match="no splits of its own") as error:
        asked(other, "val", digits)
    assert error.value.exit == Exit.USAGE
    picture(300).save(root / "dog" / "more.png")
    shown, split, _, lines = asked(root, None, run)
    assert (len(shown), split) == (25, None)
    assert len(lines) == 1
    assert "is not as it was" in lines[0]


@pytest.mark.parametrize(
    ("folders", "direct"),
    [
        ({"train", "val", "test"}, {"train": "train", "val": "val", "test": "test"}),
        ({"train", "valid"}, {"test": "valid"}),
        ({"train", "testing"}, {"test": "testing"}),
        ({"val"}, {"test": "val"}),
    ],
)
def test_split_folders_have_their_own(
    tmp_path: Path, folders: set[str], direct: dict[str, str]
) -> None:
    root, nobody = tmp_path / "pets", None
    for number, name in enumerate(sorted(folders)):
        fill(root / name, {"cat": 8, "dog": 8}, 100 * number)
    for split in ("train", "val", "test"):
        if split in direct:
            shown, name, times, _ = asked(root, split, nobody)
            assert {path.partition("/")[0] for path in shown} == {direct[split]}
            assert (len(shown), name, times) == (16, split, 0)
        elif "train" in folders:
            shown, name, times, _ = asked(root, split, nobody)
            assert {path.partition("/")[0] for path in shown} == {"train"}
            assert (len(shown), name, times) == ({"train": 14, "val": 2}[split], split, 1)
        else:
            with pytest.raises(AtalhoError, match="none to train on"):
                asked(root, split, nobody)
    assert asked(root, None, nobody)[:2] == asked(root, "test", nobody)[:2]


def test_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = fill(tmp_path / "pets", {"cat": 10, "dog": 10})
    network = networks.get("resnet20", input=(3, 24, 24), num_classes=2)
    run = tmp_path / "run"
    run.mkdir()
    plain = Preprocessing.per_channel([0.0] * 3, [1.0] * 3)
    classes = {"cat": "cat", "dog": "dog"}
    said = Config(
        network.name,
        Framing(network.input),
        plain,
        classes,
        data=reader(root, [])("similar").identity,
    )
    trained.write(run, module.build(network).state_dict(), said)
    command = ["evaluate", str(run), "--data", "pets", "--format", "json"]
    documents = []
    for options in ([], ["--split", "train"]):
        assert main([*command, *options]) == 0
        documents.append(json.loads(capsys.readouterr().out))
    assert [(each["data"], each["split"], each["images"]) for each in documents] == [
        ("pets", "test", 4),
        ("pets", "train", 12),
    ]
    shutil.rmtree(root / "dog")
    Image.new("RGB", (9, 9)).save(root / "cat" / "x.png")
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 11
    assert main([*command, "--split", "val"]) == Exit.USAGE
    assert "DATA-SPLIT" in capsys.readouterr().err
