"""benchmarks/causes.py: every combination is the network that its name says, and the table's numbers are the records'."""

import sys
from pathlib import Path
from typing import Any

import pytest

from atalho import networks
from atalho.grammar.layers import Add, BatchNorm, Conv, walk
from atalho.grammar.network import Glorot, HeNormal
from atalho.networks import subjects
from atalho.record import Record, read

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def causes(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    sys.modules.pop("causes", None)
    import causes

    return causes


def test_a_combination_is_the_network_that_its_factors_say(causes: Any) -> None:
    cells = causes.combinations((20, 56))
    assert len({cell.name for cell in cells}) == 16
    for cell in cells:
        network = cell.network((3, 32, 32))
        assert subjects.facts(network).depth == cell.depth
        assert (BatchNorm in network.has) is cell.normalised
        leaves = [leaf for row in network.rows for _, leaf in walk(row.layer)]
        assert {leaf.bias for leaf in leaves if isinstance(leaf, Conv)} == {not cell.normalised}
        sums = [
            row
            for row in network.rows
            for part in getattr(row.layer, "parts", ())
            if isinstance(part[1], Add)
        ]
        assert bool(sums) is cell.shortcuts
        expected = HeNormal() if cell.initialisation == "he" else Glorot()
        assert network.initialisation == expected


def test_with_normalisation_and_he_they_are_the_catalogues(causes: Any) -> None:
    for family, shortcuts in (("plain", False), ("resnet", True)):
        cell = causes.Cell(20, True, shortcuts, "he")
        assert cell.network((3, 32, 32)).rows == networks.get(f"{family}20").rows


def _records(causes: Any, accuracy: Any, seeds: int = 3) -> list[Record]:
    return [
        Record.of(
            cell.name, quantity, accuracy(cell, seed), "measured", seed=seed, depth=cell.depth
        )
        for cell in causes.combinations((20, 56))
        for seed in range(seeds)
        for quantity in ("top1", "train_top1")
    ]


def test_an_effect_is_the_mean_difference_with_its_interval_over_seeds(causes: Any) -> None:
    # Shortcuts add 0.1, 0.2 and 0.3 in the three seeds: mean 0.2, standard deviation 0.1; t(0.975, 2) = 4.303.
    records = _records(causes, lambda cell, seed: 0.3 + cell.shortcuts * 0.1 * (1 + seed))
    known = causes.accuracies(records)
    mean, half = causes.effect(known, 56, {"shortcuts": (True, False)}, "top1")
    assert mean == pytest.approx(0.2)
    assert half == pytest.approx(4.303 * 0.1 / 3**0.5, rel=1e-3)
    mean, half = causes.effect(known, 56, {"normalised": (True, False)}, "top1")
    assert (mean, half) == pytest.approx((0, 0))


def test_the_table_has_a_row_for_each_combination_of_the_other_factors(causes: Any) -> None:
    lines = [*causes.table(_records(causes, lambda cell, seed: 0.5 if cell.depth == 20 else 0.25))]
    rows = [line for line in lines if line.startswith(("| yes", "| no"))]
    assert len(rows) == 8
    assert set(rows[0].split(" | ")[3:]) == {"50.0 ± 0.0", "75.0 ± 0.0", "75.0 ± 0.0 |"}
    assert sum(line.startswith("| with") for line in lines) == 2


def test_one_run_trains_and_says_how(causes: Any, tmp_path: Path) -> None:
    study = causes.Study("digits", tmp_path, images=64, epochs=1, batch=32, device="cpu")
    tested, trained = causes.train(study, causes.Cell(20, False, True, "glorot"), 1)
    assert (tested.subject, tested.quantity) == ("resnet20.bare.glorot", "top1")
    assert (trained.quantity, trained.conditions["steps"]) == ("train_top1", 2)
    assert tested.conditions["seed"] == 1
    assert tested.conditions["images"] == 360


@pytest.mark.parametrize("folder", ["causes-digits", "causes-cifar10-2500"])
def test_the_documentation_has_the_tables_of_the_records(causes: Any, folder: str) -> None:
    records = read(BENCHMARKS.parent / "results" / folder / "records.jsonl")
    assert {each.conditions["seed"] for each in records} == {0, 1, 2, 3, 4}
    assert len(records) == 2 * 5 * len(causes.combinations((20, 56)))
    text = (BENCHMARKS.parent / "docs" / "explanation" / "depth.md").read_text()
    assert "\n".join(causes.table(records)) in text
