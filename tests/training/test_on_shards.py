"""Trainings, evaluations and predictions on archives of photos are those on the same photos in folders, bit for bit."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from atalho.cli import main
from atalho.errors import Exit
from atalho.training.run import Run
from photo_folders import fill
from shard_files import as_parquet, as_tars

TRAIN = ["train", "resnet20", "--from-scratch", "--img-size", "24", "--steps", "4", "-b", "6"]
TRAIN += ["--lr", "0.01", "--precision", "float32", "-t", "1", "--output"]


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos in a folder, and the run on them."""
    folder = tmp_path_factory.mktemp("folder")
    root = fill(folder / "pets", {"cat": 12, "dog": 13, "eel": 11})
    data = ["--data", str(root), "--data-dir", str(folder / "data")]
    assert main([*TRAIN, str(folder / "run"), *data]) == 0
    return root


@pytest.mark.parametrize("write", [as_tars, as_parquet])
def test_a_run_on_archives_is_the_run_on_folders(
    pets: Path,
    tmp_path: Path,
    write: Callable[[Path, Path], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Interrupted and resumed; then the two are evaluated, and their pictures predicted, each on the other's photos."""
    root = write(pets, tmp_path / "pets")
    data = ["--data", str(root), "--data-dir", str(tmp_path / "data")]
    advance = Run.advance

    def stopping(run: Run) -> None:
        advance(run)
        signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", stopping)
        assert main([*TRAIN, str(tmp_path / "run"), *data]) == Exit.TERMINATED
    assert main([*TRAIN, str(tmp_path / "run"), *data, "--resume"]) == 0
    for name in ("model.safetensors", "metrics.csv"):
        expected = (pets.parent / "run" / name).read_bytes()
        assert (tmp_path / "run" / name).read_bytes() == expected

    def told(*words: str) -> object:
        capsys.readouterr()
        assert main([*words, "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    run = str(pets.parent / "run")
    here, there = (
        told("evaluate", run, "--data", str(photos), "--data-dir", str(tmp_path / "data"))
        for photos in (root, pets)
    )
    assert isinstance(here, dict) and isinstance(there, dict)
    assert here | {"data": ""} == there | {"data": ""}
    assert here["split"] == "test"
    here, there = (told("predict", run, str(photos)) for photos in (root, pets))
    assert isinstance(here, list) and isinstance(there, list)
    assert [each["labels"] for each in here] == [each["labels"] for each in there]
    assert all(each["path"].startswith(f"{root}/part-0000") for each in here)
