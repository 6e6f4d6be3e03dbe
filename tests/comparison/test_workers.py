"""A comparison whose networks learn on two local workers: the same weights and values as a serial one, whoever is killed on the way."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Timer
from typing import Any

import psutil
import pytest
from filelock import FileLock

import atalho
from atalho import record
from atalho.api import work
from atalho.api.preparing import Setup
from atalho.api.reporting import QUIET
from atalho.api.units import Units
from atalho.benchmark.bench import Bench
from atalho.comparison.learning import FITTED, RUNS, Learning
from atalho.conditions import Owner, owned
from atalho.errors import AtalhoError, Exit
from atalho.lock import LOCK
from atalho.record import OF_A_SPLIT, Record
from atalho.runtime.cluster import Cluster
from atalho.training import arguments
from atalho.training.listeners import SILENT
from photo_folders import tinted, untrained

LEARNED = (*("train_loss", "train_top1", "val_loss", "val_top1"), *OF_A_SPLIT, "learning_top1")
"""The quantities whose values no clock decides."""

pytestmark = pytest.mark.usefixtures("brief")


def compared(folder: Path, on: str | None, **settings: object) -> atalho.Compared:
    """Two networks on digits, each with two seeds."""
    options: dict[str, object] = {"seeds": (0, 1), "batch_size": 1, "threads": 1, "device": "cpu"}
    options |= {"steps": 12, "output": folder, "on": on, **settings}
    return atalho.compare(["resnet20", "plain20"], "digits", **options)  # type: ignore[arg-type]


def learned(folder: Path) -> list[tuple[object, ...]]:
    """What no clock decides of a comparison's records, in order."""
    return [
        (each.subject, each.quantity, each.value, _of_training(each))
        for each in record.read(folder / "records.jsonl")
        if each.quantity in LEARNED
    ]


def _of_training(each: Record) -> object:
    whose = Owner.NETWORK, Owner.DATA, Owner.TRAINING, Owner.SEED, Owner.POSITION
    return [owned(each.conditions, owner) for owner in whose]


def runs(folder: Path) -> dict[tuple[str, int], tuple[bytes, bytes]]:
    """The weights and the rows of every run, by network and seed."""
    files = {}
    for path in (folder / RUNS).iterdir():
        if saved := arguments.read(path):
            files[saved.network, saved.seed] = (
                (path / "model.safetensors").read_bytes(),
                (path / "metrics.csv").read_bytes(),
            )
    return files


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory, brief: None) -> Path:
    folder = tmp_path_factory.mktemp("serial") / "comparison"
    compared(folder, None)
    return folder


def setup(**settings: object) -> Setup:
    """One network on digits with two seeds."""
    fields: dict[str, object] = dict.fromkeys(each.name for each in dataclasses.fields(Setup))
    fields |= {"networks": "resnet20", "data": "digits", "data_dir": "data", "seeds": [0, 1]}
    fields |= {"from_scratch": False, "as_published": False, "class_weights": False}
    fields |= {"mirror": True, "seed": 0, "steps": 5, "threads": 1, "device": "cpu"}
    return Setup(**{**fields, "optimise": "accuracy", **settings})  # type: ignore[arg-type]


def learn(setup: Setup, folder: Path) -> Learning:
    """How networks learn in a comparison's folder."""
    prepared = setup.prepare(QUIET)
    return Learning.of(prepared.networks, setup.seeds, prepared.settings, folder, SILENT)


def test_trainings_on_two_workers_have_the_bits_of_one_process(tmp_path: Path) -> None:
    lines: list[str] = []
    here, there = (learn(setup(), tmp_path / name) for name in ("here", "there"))
    for unit in here.units():
        unit.run()
    workers = Cluster("local:2", 1)
    Units(setup(), there.folder, atalho.Reporter(say=lines.append), workers).finish(there.units())
    assert all(unit.finished() for unit in there.units())
    assert len(runs(there.folder)) == 2
    assert runs(there.folder) == runs(here.folder)
    assert lines[0] == "local:2: 2 tasks, 2 at a time so far; threads of each: 1"
    names = [f"resnet20: training on digits, seed {seed}" for seed in (0, 1)]
    begun = [line.partition(": begins on ")[0] for line in lines[1:] if ": begins on " in line]
    assert sorted(begun) == names
    assert sorted(line[:40] for line in lines[1:] if " s on " in line) == [
        f"[{number}/2] resnet20: training on digits, seed" for number in (1, 2)
    ]


def test_a_unit_that_another_process_does_is_waited_for(tmp_path: Path) -> None:
    learning = learn(setup(seeds=[0]), tmp_path / "c")
    (unit,) = learning.units()
    folder = tmp_path / "c" / RUNS / "resnet20"
    folder.mkdir(parents=True)
    with FileLock(folder / LOCK, thread_local=False) as lock:
        with pytest.raises(AtalhoError, match="IN-USE"):
            unit.run()
        Timer(2 * work.WAIT, lock.release).start()
        ended = work.seconds_here(unit.run)
    assert ended["seconds"] > work.WAIT
    assert unit.finished()


@pytest.mark.full
def test_two_workers_give_the_records_of_one_process(serial: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    folder = tmp_path / "comparison"
    result = compared(folder, "local:2", reporter=atalho.Reporter(say=lines.append))
    assert result.page.exists()
    assert learned(folder) == learned(serial)
    assert runs(folder) == runs(serial)
    assert len(runs(folder)) == 4
    assert "local:2: 4 tasks, 2 at a time so far; threads of each: 1" in lines
    ended = [number for number, line in enumerate(lines) if " s on " in line]
    assert len(ended) == 4
    steps = [re.match(r"\[1/\d+\] resnet20: training on digits$", line) for line in lines]
    assert max(ended) < next(n for n, step in enumerate(steps) if step)  # timings are alone
    times = [each for each in result.records if each.quantity == "train_time"]
    assert len(times) == 4
    assert all(each.device and each.conditions["threads"] == 1 for each in times)


@pytest.mark.full
def test_what_is_done_is_not_sent_to_workers(serial: Path) -> None:
    lines: list[str] = []
    compared(serial, "local:2", reporter=atalho.Reporter(say=lines.append))
    assert not [line for line in lines if "local:2: " in line]
    plan = atalho.plan(["resnet20", "plain20"], "digits", steps=12, seeds=(0, 1), output=serial)
    assert plan.done == 4
    assert len(plan.tasks) == 1


@pytest.mark.full
def test_an_error_of_a_task_is_said_once_the_others_have_ended(tmp_path: Path) -> None:
    lines: list[str] = []
    network = tmp_path / "exploding.py"
    network.write_text(
        "from torch import nn\n\n"
        "class Exploding(nn.Linear):\n"
        "    def forward(self, x):\n"
        "        y = super().forward(x.flatten(1))\n"
        "        return y * float('inf') if self.training and len(x) > 4 else y\n\n"
        "def build(num_classes=10):\n"
        "    return Exploding(64, num_classes)\n"
    )
    names = [f"{network}:build", "resnet20"]
    with pytest.raises(AtalhoError, match="LOSS-NOT-FINITE") as caught:
        atalho.compare(
            names,
            "digits",
            steps=3,
            threads=1,
            device="cpu",
            output=tmp_path / "c",
            on="local:1",
            reporter=atalho.Reporter(say=lines.append),
        )
    assert caught.value.exit == Exit.NUMBERS
    assert any(
        line.startswith("[2/2] resnet20: training on digits, seed 0: ") and " s on " in line
        for line in lines
    )


@pytest.mark.full
def test_photos_are_cross_validated_on_workers(tmp_path: Path) -> None:
    tinted(tmp_path / "photos")
    untrained(tmp_path / "weights", "resnet20", 0)
    for name, on in (("serial", None), ("workers", "local:1")):
        atalho.compare(
            "resnet20",
            str(tmp_path / "photos"),
            weights=str(tmp_path / "weights"),
            data_dir=tmp_path / "data",
            batch_size=1,
            threads=1,
            device="cpu",
            output=tmp_path / name,
            on=on,
        )
    assert learned(tmp_path / "workers") == learned(tmp_path / "serial")
    (fitted,), (other,) = (
        [*(tmp_path / name / FITTED).iterdir()] for name in ("serial", "workers")
    )
    assert fitted.name == other.name
    for file in ("model.safetensors", "folds.jsonl", "records.jsonl"):
        assert (fitted / file).read_bytes() == (other / file).read_bytes(), file


def test_a_machine_that_measures_is_a_worker_of_a_scheduler(tmp_path: Path) -> None:
    for on in (None, "local:2"):
        with pytest.raises(AtalhoError, match=r"--measure-on: it names a worker"):
            compared(tmp_path / "c", on, measure_on="0")
    assert not (tmp_path / "c").exists()


@pytest.mark.full
def test_all_costs_are_measured_on_the_worker_that_is_named(
    serial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import LocalCluster

    lines: list[str] = []
    settings: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=2, threads_per_worker=1, **settings) as scheduler:
        monkeypatch.setattr(Bench, "steps", None)  # nothing is measured here
        folder = tmp_path / "comparison"
        reporter = atalho.Reporter(say=lines.append)
        address = str(scheduler.scheduler_address)
        result = compared(folder, address, measure_on="1", reporter=reporter)
    assert f"{address}: 4 tasks, 2 at a time so far; threads of each: 1" in lines
    assert "1 measures, alone" in lines
    assert learned(folder) == learned(serial)
    assert runs(folder) == runs(serial)
    assert result.page.exists()
    assert {row.network for row in result.comparison.rows} == {"resnet20", "plain20"}
    assert all("latency" in row.readings for row in result.comparison.rows)
    assert (result.chosen is None) == (result.choice is None)


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_its_workers_in_one_line(
    tmp_path: Path, number: signal.Signals
) -> None:
    words = ["compare", "resnet20", "--steps", "100000", "-t", "1", "--on", "local:1"]
    command = [sys.executable, "-P", "-m", "atalho", *words, "--output", str(tmp_path / "c")]
    process = psutil.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not [*tmp_path.glob("c/runs/*/metrics.csv")]:
        assert process.poll() is None
        time.sleep(0.1)
    started = process.children(recursive=True)
    os.killpg(process.pid, number)  # as a terminal or a scheduler does
    _, errors = process.communicate()
    assert process.returncode == 128 + number
    assert (
        errors.splitlines()[-1]
        == "stopped; what workers have saved is kept; the same command goes on"
    )
    assert "Traceback" not in errors
    _, left = psutil.wait_procs(started, timeout=10)
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.full
def test_workers_and_client_killed_at_random_end_with_the_records_of_one_process(
    tmp_path: Path,
) -> None:
    crashes = Path(__file__).parents[1] / "worker_crashes.py"
    done = subprocess.run(
        [sys.executable, str(crashes), "20", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 kills, ")
