"""Runs that are killed, damaged, locked out, out of disk or interrupted."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError, Exit, Stopped
from atalho.lock import LOCK, locked
from atalho.training import checkpoint, run
from atalho.training.arguments import FILE, Arguments
from atalho.training.listeners import Listeners
from atalho.training.loop import Run
from atalho.training.metrics import Metrics


def _stopping_after(step: int) -> Callable[[Run], None]:
    original = Run.advance

    def advance(self: Run) -> None:
        original(self)
        if self.step == step:
            self.received.code = Exit.TERMINATED

    return advance


@pytest.fixture
def stopped(
    digits: Dataset, arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A run's folder with a checkpoint after each of its first steps."""
    folder = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", _stopping_after(12))
        with pytest.raises(Stopped) as caught:
            run.execute(replace(arguments, save_every=0.0), digits, folder)
    assert caught.value.exit == Exit.TERMINATED
    return folder


def _checkpoints(folder: Path) -> list[Path]:
    return sorted((folder / "checkpoints").iterdir())


def _same_model(folder: Path, arguments: Arguments, digits: Dataset, other: Path) -> None:
    run.execute(arguments, digits, other)
    for name in ("model.safetensors", "metrics.csv"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(
    stopped: Path, digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    *_, before, newest = _checkpoints(stopped)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    said: list[str] = []
    run.execute(arguments, digits, stopped, resume=True, listeners=Listeners(warn=said.append))
    assert len(said) == 1
    assert str(newest) in said[0]
    assert f"going on from step {int(before.name[5:14])}" in said[0]
    _same_model(stopped, arguments, digits, tmp_path / "whole")


def test_nothing_is_touched_when_all_checkpoints_are_damaged(
    stopped: Path, digits: Dataset, arguments: Arguments
) -> None:
    assert len(_checkpoints(stopped)) == 3
    for path in _checkpoints(stopped):
        path.write_bytes(path.read_bytes()[:-1])
    before = {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()}
    with pytest.raises(AtalhoError, match="CHECKPOINT-DAMAGED") as caught:
        run.execute(arguments, digits, stopped, resume=True)
    assert caught.value.exit == Exit.CHECKPOINT
    assert {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()} == before


def test_a_full_disk_leaves_what_there_was_and_no_litter(
    stopped: Path, digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    before = _checkpoints(stopped)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before[-1].stat().st_size // 2, hard))
    try:
        with pytest.raises(AtalhoError, match="DISK") as caught:
            run.execute(replace(arguments, save_every=0.0), digits, stopped, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit == Exit.RESOURCES
    assert _checkpoints(stopped) == before
    assert not [*stopped.rglob("*.tmp")]
    run.execute(arguments, digits, stopped, resume=True)
    _same_model(stopped, arguments, digits, tmp_path / "whole")


def test_litter_of_killed_writers_is_swept(
    stopped: Path, digits: Dataset, arguments: Arguments
) -> None:
    litter = stopped / "checkpoints" / ".step-000000013-00.safetensors.1.tmp"
    litter.write_bytes(b"half")
    run.execute(arguments, digits, stopped, resume=True)
    assert not litter.exists()


def test_a_run_that_fails_leaves_no_thread_that_writes_in_its_folder(
    digits: Dataset, arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, begun, save = tmp_path / "run", Event(), checkpoint.save

    def slowly(to: Path, *state: Any) -> Path:
        begun.set()
        time.sleep(0.5)
        return save(to, *state)

    def fails(self: Metrics, folder: Path) -> None:
        if self.rows[-1]["step"]:
            assert begun.wait(60)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    monkeypatch.setattr(checkpoint, "save", slowly)
    monkeypatch.setattr(Metrics, "write", fails)
    with pytest.raises(AtalhoError, match="DISK"):
        run.execute(replace(arguments, save_every=0.0), digits, folder)
    left = _checkpoints(folder)
    assert left
    time.sleep(1)
    assert _checkpoints(folder) == left


def test_one_folder_has_one_process_and_the_lock_dies_with_it(
    digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    holding = f"from filelock import FileLock; import time; lock = FileLock({str(folder / LOCK)!r}); lock.acquire(); print(1, flush=True); time.sleep(99)"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(AtalhoError, match="IN-USE") as caught:
                run.execute(arguments, digits, folder)
        finally:
            holder.kill()
        assert caught.value.exit == Exit.USAGE
        assert [path.name for path in folder.iterdir()] == [LOCK]
    with locked(folder, sign=FILE, holds="run"):
        pass


#: Waits for signals in one long operation that does not return to Python, as a backward pass does.
BUSY = """
import hashlib, sys, threading, time
from atalho.training import signals
signals.PATIENCE = float(sys.argv[1])
with signals.collected(lambda why: print(why, flush=True)) as received:
    print("ready", flush=True)
    if sys.argv[2] == "steps":
        while received.code is None:
            time.sleep(0.01)
        sys.exit(received.code)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 50_000_000)
"""


def _signalled(patience: float, work: str, *numbers: signal.Signals) -> tuple[int, str, float]:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY, str(patience), work], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begun = time.monotonic()
        for number in numbers:
            process.send_signal(number)
            time.sleep(0.2)
        said = process.stdout.read()
        return process.wait(), said, time.monotonic() - begun


def test_a_signal_lets_the_step_end() -> None:
    assert _signalled(60, "steps", signal.SIGTERM)[:2] == (Exit.TERMINATED, "")


def test_a_step_that_does_not_end_is_left() -> None:
    code, said, seconds = _signalled(0.5, "one long step", signal.SIGINT)
    assert code == Exit.INTERRUPTED
    assert "not ended in time" in said
    assert seconds < 5


def test_a_second_signal_leaves_at_once() -> None:
    code, said, seconds = _signalled(60, "one long step", signal.SIGINT, signal.SIGTERM)
    assert code == Exit.TERMINATED
    assert "at once" in said
    assert seconds < 5


def test_a_stop_in_the_middle_of_an_evaluation_makes_the_row_later(
    digits: Dataset, arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Run.evaluate

    def evaluate(self: Run, split: object) -> object:
        if self.step == 10:
            signal.raise_signal(signal.SIGINT)
        return original(self, split)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Run, "evaluate", evaluate)
        with pytest.raises(Stopped):
            run.execute(arguments, digits, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert lines[-1].startswith("8,")
    run.execute(arguments, digits, tmp_path / "run", resume=True)
    _same_model(tmp_path / "run", arguments, digits, tmp_path / "whole")


def test_out_of_memory_says_what_to_do(tmp_path: Path) -> None:
    """In a process of its own, whose address space is bounded once torch is loaded.

    With less than a gigabyte to spare, a search for the batch that fits crashed in oneDNN, which does not look whether it was given memory.
    """
    script = """
import resource, sys, torch
from pathlib import Path
from atalho.cli import main
import atalho.training.loop, atalho.training.run, sklearn.datasets, torch._dynamo
torch.nn.Conv2d(3, 8, 3)(torch.randn(1, 3, 8, 8)).sum().backward()
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 1_020_000_000,) * 2)
sys.exit(main(["train", "resnet20", "--data", "digits", "-b", "60000", "--steps", "1",
               "--precision", "float32", "-t", "1", "--output", sys.argv[1]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == Exit.RESOURCES, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error[OUT-OF-MEMORY] resnet20: a batch of 60000")
    assert "--grad-accum-steps 2" in line
