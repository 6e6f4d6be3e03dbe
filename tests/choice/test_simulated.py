"""Comparisons whose truth is known, through `choose` as it is: how often it is wrong, and what its intervals hold."""

import importlib
from pathlib import Path

import pytest


def test_choices_are_right_and_intervals_hold_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    simulation = importlib.import_module("choosing")
    found = simulation.summary(simulation.simulated(150, seed=7))
    assert found["replaced"] > 0.05
    assert found["replaced_worse"] <= 0.05 and found["wrongly_settled"] <= 0.05
    assert found["accuracy_covered"] >= 0.94 and found["differences_covered"] >= 0.94
    assert found["times_faster"] > 1
