"""What `compare --plan` prints: the tasks with their time, memory and disk by a few real steps, and nothing is written."""

import json
from pathlib import Path
from typing import Any

import pytest

import atalho
from atalho.api import planning
from atalho.cli import main
from atalho.comparison.learning import Unit
from atalho.errors import AtalhoError, Exit

MB = 10**6


def unit(name: str, like: str) -> Unit:
    def never(*_: object) -> Any:
        raise AssertionError("a plan runs nothing")

    return Unit(name, like, lambda: False, never, never)


def rehearsed(seconds: float, memory: int = 1, available: int = 2) -> dict[str, Any]:
    sizes = {"memory": memory * MB, "available": available * MB, "disk": 3 * MB}
    return {"seconds": seconds, **sizes, "images": 10.0}


def test_a_plan_is_of_real_steps_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    short = ["compare", "resnet20", "--steps", "40", "--seeds", "0,1", "-t", "1", "-b", "1"]
    assert main([*short, "--plan", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert not [*tmp_path.iterdir()]
    one, other, costs = document["tasks"]
    assert one["task"] == "resnet20: training on digits, seed 0"
    assert other["task"] == "resnet20: training on digits, seed 1"
    assert one["begins"] == 0
    assert other["begins"] == one["seconds"] == other["seconds"] > 0
    assert costs["begins"] == 2 * one["seconds"]
    assert document["seconds"] == costs["begins"] + costs["seconds"]
    assert 100 * MB < one["memory"] < one["available"]
    # The weights in float32 and their momentum, in the four checkpoints that there may be at a time, and the weights alone.
    weights = 4 * sum(each.numel() for each in atalho.build("resnet20").parameters())
    assert 9 * weights < one["disk"] < 10 * weights
    assert (document["done"], document["workers"]) == (0, 1)


def test_what_does_not_fit_is_said_and_takes_no_time_of_others() -> None:
    error = AtalhoError("OUT-OF-MEMORY", "b", "a batch", next_step="less", exit=Exit.RESOURCES)
    rehearsals = {"a": rehearsed(5), "b": error, "c": rehearsed(7, memory=3)}
    units = [unit("a 0", "a"), unit("b 0", "b"), unit("c 0", "c"), unit("a 1", "a")]
    a, b, c, again = planning._learned(units, rehearsals, 2)
    assert [each.begins for each in (a, c, again)] == [0, 0, 5]
    assert [each.fits for each in (a, b, c, again)] == [True, False, False, True]
    assert (b.seconds, b.note) == (None, "fails in its first steps: OUT-OF-MEMORY, a batch")
    assert c.note == "does not fit: 2 MB of memory are free"
    plan = planning.Plan((a, b, c, again), done=4, workers=2, disk_free=8 * MB)
    assert (plan.seconds, plan.disk) == (10, 9 * MB)
    assert plan.table.notes == [
        "all of it: 10 s; 9 MB of disk, of 8 MB that are free: does not fit",
        "4 more are done already",
    ]


def test_fine_tuning_beyond_the_time_budget_is_dropped() -> None:
    units = [unit(f"{name} {fold}", f"{name}: fine-tuning") for name in "ab" for fold in range(6)]
    rehearsals = {"a: fine-tuning": rehearsed(50), "b: fine-tuning": rehearsed(5)}
    a, b = planning._fine_tuned(units, rehearsals, 30.0, 300.0)
    assert (a.task, a.seconds, a.disk) == (
        "a: fine-tuning in folds, and on all photos",
        300,
        18 * MB,
    )
    assert a.note == "if it is the best; dropped by --time-budget: 8m would do"
    assert (a.dropped, b.dropped) == (True, False)
    assert b.note == "if it is the best"
    assert planning.Plan((a, b), 0, 1, 0).seconds == 60
