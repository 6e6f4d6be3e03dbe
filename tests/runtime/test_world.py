"""Two processes under torchrun against one, and when one dies. What processes do in training is in test_processes.py."""

import csv
import os
import re
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from atalho import record
from atalho.cli import main
from atalho.errors import Exit
from atalho.seal import unsealed

COMMAND = ["train", "resnet20", "--data", "digits", "--steps", "8", "-b", "32", "--lr", "0.001"]
COMMAND += ["--precision", "float32", "-t", "1", "--save-every", "0"]

#: The command line in a process that sends itself a signal after step 5, the first time that it is started.
STRUCK = """
import os, signal, sys
from atalho.cli import main
from atalho.training.loop import Run

rank, number = int(sys.argv[1]), int(sys.argv[2])
first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0" and int(os.environ["RANK"]) == rank
original = Run.advance

def advance(self):
    original(self)
    if first and self.step == 5:  # of 8
        os.kill(os.getpid(), number)

Run.advance = advance
sys.exit(main(sys.argv[3:]))
"""

ATALHO = str(Path(sysconfig.get_path("scripts")) / "atalho")


def _together(*words: str) -> subprocess.CompletedProcess[str]:
    """torchrun with two processes; a hang is a failure."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [sys.executable, *torchrun, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _check_ended_with(code: Exit, done: subprocess.CompletedProcess[str]) -> None:
    """Both processes ended with `code`, but for one that torchrun terminated, having noticed the other's end, before it had ended."""
    codes = [int(each) for each in re.findall(r"exitcode  : (-?\d+)", done.stderr)]
    assert code in codes
    assert len(codes) == 2
    assert {*codes} <= {code, -signal.SIGTERM}


def _struck(
    rank: int, number: signal.Signals, restarts: int, folder: Path
) -> subprocess.CompletedProcess[str]:
    script = folder.with_suffix(".py")
    script.write_text(STRUCK)
    words = [str(rank), str(int(number)), *COMMAND, "--sync-bn", "--output", str(folder)]
    return _together("--max-restarts", str(restarts), str(script), *words)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run of two processes."""
    folder = tmp_path_factory.mktemp("world") / "whole"
    done = _together("--no-python", ATALHO, *COMMAND, "--sync-bn", "--output", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("test top-1") == 1  # the main process alone speaks
    assert "Warning: torch.distributed" not in done.stderr
    return folder


def _losses(folder: Path) -> list[float]:
    with (folder / "metrics.csv").open() as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file)]


def _same(one: Path, other: Path) -> None:
    for name in ("model.safetensors", "metrics.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_two_processes_are_one_of_the_same_batch(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMAND, "--output", str(tmp_path / "one")]) == 0
    capsys.readouterr()
    one = _losses(tmp_path / "one")
    two = _losses(whole)
    assert len(one) == 8
    # The first step differs by the order of float32 sums alone: some 20 layers, each off by a rounding (6e-8). Training
    # multiplies a difference by a small factor a step. BatchNorm over 16 images instead of 32 differs by 1e-2 at once.
    assert two[0] == pytest.approx(one[0], rel=20 * 2**-24)
    assert two == pytest.approx(one, rel=1e-4)


def test_test_images_are_counted_once_and_files_written_once(whole: Path) -> None:
    top1 = [each for each in record.read(whole / "records.jsonl") if each.quantity == "top1"]
    assert [each.conditions["images"] for each in top1] == [360]
    assert {each.conditions["processes"] for each in top1} == {2}
    names = {path.name for path in whole.iterdir()} - {".lock"}
    files = {"args.yaml", "metrics.csv", "model.safetensors", "config.json", "records.jsonl"}
    assert names == {*files, "checkpoints"}
    assert [path.name for path in whole.parent.iterdir()] == ["whole"]


def test_another_number_of_processes_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    words = [*COMMAND, "--output", str(folder)]
    words[words.index("--steps") + 1] = "1"
    assert main(words) == 0
    (folder / "records.jsonl").unlink()
    file = folder / "args.yaml"
    said = unsealed(yaml.safe_load(file.read_text()))
    assert said["environment"]["processes"] == 1
    said["environment"]["processes"] = 2
    file.write_text(yaml.safe_dump(said))
    capsys.readouterr()
    assert main([*words, "--resume"]) == Exit.CHECKPOINT
    error = capsys.readouterr().err
    assert "error[RESUME-INEXACT]" in error
    assert "processes 2, now 1" in error
    assert main([*words, "--resume", "--allow-inexact"]) == 0


@pytest.mark.full
def test_a_stopped_run_of_two_goes_on_to_the_same_bits(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    stopped = _struck(0, signal.SIGTERM, 0, folder)
    assert stopped.returncode != 0
    _check_ended_with(Exit.TERMINATED, stopped)
    assert "PROCESS-LOST" not in stopped.stderr
    assert "stopped after step 5" in stopped.stderr
    assert not (folder / "model.safetensors").exists()
    again = _together(
        "--no-python", ATALHO, *COMMAND, "--sync-bn", "--resume", "--output", str(folder)
    )
    assert again.returncode == 0, again.stderr
    _same(folder, whole)


@pytest.mark.full
def test_a_process_that_dies_is_started_again(whole: Path, tmp_path: Path) -> None:
    done = _struck(1, signal.SIGKILL, 1, tmp_path / "run")
    assert done.returncode == 0, done.stderr
    _same(tmp_path / "run", whole)


@pytest.mark.full
def test_a_process_that_dies_ends_the_others(tmp_path: Path) -> None:
    done = _struck(1, signal.SIGKILL, 0, tmp_path / "run")
    assert done.returncode != 0
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert [*(tmp_path / "run" / "checkpoints").iterdir()]


@pytest.mark.full
@pytest.mark.parametrize(
    ("words", "error", "code"),
    [
        (["resnet5"], "NETWORK-UNKNOWN", Exit.USAGE),
        (["resnet20", "--data", "nowhere/"], "DATA-UNKNOWN", Exit.USAGE),
    ],
)
def test_what_all_fail_of_is_said_once(words: list[str], error: str, code: Exit) -> None:
    done = _together("--no-python", ATALHO, "train", *words, "-t", "1")
    assert done.returncode != 0
    assert done.stderr.count(f"error[{error}]") == 1
    assert done.stderr.count("error[") == 1
    _check_ended_with(code, done)
