"""Several seeds: a run each, and their mean with its spread."""

from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import pytest

from atalho import record
from atalho.data.dataset import Dataset
from atalho.record import Record
from atalho.training import seeds
from atalho.training.arguments import Arguments


def _found(*values: float) -> list[Record]:
    conditions = {"split": "test", "images": 360, "interval": [0.85, 0.95]}
    return [
        Record.of("resnet20", "top1", value, "measured", seed=seed, **conditions)
        for seed, value in enumerate(values, start=3)
    ]


def test_several_seeds_have_a_mean_and_a_deviation() -> None:
    values = (0.91, 0.93, 0.98)
    said = seeds.summary(_found(*values))
    assert f"{100 * mean(values):.2f}% ± {100 * stdev(values):.2f}%" in said
    assert "mean ± standard deviation of 3 seeds" in said
    assert "91.00%, 93.00%, 98.00%" in said
    assert "360 images" in said


def test_one_seed_has_its_interval_and_no_deviation() -> None:
    said = seeds.summary(_found(0.91))
    assert said == "test top-1 91.00% (95 % interval 85.00% to 95.00%, 360 images; one seed, 3)"
    assert "±" not in said


def test_every_seed_has_a_run_and_what_is_finished_is_read_back(
    digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    few = replace(arguments, recipe=replace(arguments.recipe, steps=2))

    def folder(seed: int) -> Path:
        return tmp_path / f"seed-{seed}"

    found = seeds.execute(few, [4, 7], digits, folder)
    assert [each.conditions["seed"] for each in found] == [4, 7]
    assert [each.conditions["split"] for each in found] == ["test", "test"]
    weights = [(folder(seed) / "model.safetensors").read_bytes() for seed in (4, 7)]
    assert weights[0] != weights[1]
    for seed, each in zip((4, 7), found, strict=True):
        assert each in record.read(folder(seed) / "records.jsonl")
    assert seeds.execute(few, [4, 7], digits, folder, resume=True) == found


def test_every_seeds_curves_are_in_its_own_folder(
    digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    few = replace(arguments, recipe=replace(arguments.recipe, steps=2))
    seeds.execute(few, [4, 5], digits, lambda seed: tmp_path / str(seed), tensorboard=True)
    for seed in ("4", "5"):
        assert [*(tmp_path / seed / "tensorboard").iterdir()], seed
    assert {path.name for path in tmp_path.iterdir()} == {"4", "5"}
