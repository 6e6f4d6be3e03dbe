"""A run has one accuracy: that of the precision that it was tested in."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from PIL import Image

from atalho.cli import main
from atalho.data.dataset import Dataset
from atalho.errors import Exit
from atalho.runtime.precision import Precision
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.folder import load

Captured = pytest.CaptureFixture[str]

# Both on every processor: one without bf16 instructions computes it too, only slower.
OTHER: dict[Precision, Precision] = {"bf16": "float32", "float32": "bf16"}


@pytest.fixture(params=OTHER)
def precision(request: pytest.FixtureRequest) -> Precision:
    chosen: Precision = request.param
    return chosen


@pytest.fixture
def run_folder(tmp_path: Path, precision: Precision, arguments: Arguments, digits: Dataset) -> Path:
    """A finished run that was trained and tested in a precision."""
    folder = tmp_path / "run"
    run.execute(replace(arguments, precision=precision), digits, folder)
    return folder


def test_evaluate_repeats_the_runs_own_test(
    capsys: Captured, run_folder: Path, precision: Precision
) -> None:
    lines = (run_folder / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    tested = {
        each["quantity"]: each["value"]
        for each in records
        if each["conditions"].get("split") == "test"
    }
    command = ["evaluate", str(run_folder), "--format", "json"]
    assert main(command) == 0
    said = capsys.readouterr()
    repeated = json.loads(said.out)
    assert {key: repeated[key] for key in tested} == tested
    assert said.err == ""
    other = OTHER[precision]
    assert main([*command, "--precision", other]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["loss"] != tested["loss"]
    assert f"resnet20 was tested in {precision}; it runs in {other} now" in said.err
    assert main([*command, "--precision", precision]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == repeated
    assert said.err == ""


def test_predict_uses_the_runs_precision(
    capsys: Captured, run_folder: Path, precision: Precision, digits: Dataset, tmp_path: Path
) -> None:
    image = tmp_path / "digit.png"
    Image.fromarray(digits.splits["test"].sample()[0, ..., 0].numpy()).save(image)
    command = ["predict", str(run_folder), str(image), "--format", "json"]

    def answer(*options: str) -> tuple[str, str]:
        assert main([*command, *options]) == 0
        said = capsys.readouterr()
        return said.out, said.err

    assert answer() == answer("--precision", precision)
    predicted, said = answer("--precision", OTHER[precision])
    assert predicted != answer()[0]
    assert f"resnet20 was tested in {precision}" in said


def test_the_precision_is_kept_with_the_run(run_folder: Path, precision: Precision) -> None:
    assert yaml.safe_load((run_folder / "args.yaml").read_text())["precision"] == precision
    assert json.loads((run_folder / "config.json").read_text())["precision"] == precision
    assert load(run_folder).precision == precision


def test_a_folder_with_an_engine_runs_in_that_engines_precision(
    capsys: Captured, run_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "engine"
    command = ["export", str(run_folder), "--to", "engine", "--engine", "eager", "-o", str(folder)]
    assert main(command) == 0
    assert main(["evaluate", str(folder)]) == 0
    assert "was tested in" not in capsys.readouterr().err
    assert main(["evaluate", str(folder), "--precision", "bf16"]) == Exit.USAGE
    assert "runs on its engine, eager float32" in capsys.readouterr().err
