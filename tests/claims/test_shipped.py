"""The records that go with the package: they are those of results/, and decide claims that say by whose records."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import atalho
from atalho import record
from atalho.claims import Verdict, shipped, verify
from atalho.claims.basis import basis
from atalho.claims.shipped import FOLDER, STUDY
from atalho.conditions import CONDITIONS
from atalho.record import Record

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ship(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    sys.modules.pop("ship", None)
    import ship

    return ship


def test_they_are_what_the_script_takes_from_the_results(ship: Any) -> None:
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == set(ship.STUDIES)
    for study in ship.STUDIES:
        assert record.read(FOLDER / f"{study}.jsonl") == list(ship.shipped(study)), study


def test_no_number_is_changed_on_the_way(ship: Any) -> None:
    study = "cifar10-degradation"
    measured = {
        (each.subject, each.quantity, each.value, each.conditions["seed"])
        for path in (ROOT / "results" / study).rglob("*.jsonl")
        for each in record.read(path)
    }
    chosen = [each for each in shipped() if each.conditions[STUDY] == study]
    assert chosen
    assert {(r.subject, r.quantity, r.value, r.conditions["seed"]) for r in chosen} <= measured


def test_they_are_small_and_declare_all_their_conditions() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.jsonl")) < 1_200_000
    assert {name for each in shipped() for name in each.conditions} <= CONDITIONS.keys()


@pytest.mark.parametrize(
    ("id", "verdict", "parts"),
    [
        (
            "L51",
            Verdict.HOLDS,
            ("cifar10-degradation", "NVIDIA H200", "quick over 7,031 steps", "seeds 0, 1, 2"),
        ),
        ("L52", Verdict.HOLDS, ("cifar10-depth", "AMD EPYC", "he2015_cifar", "seed 0")),
        ("C11", Verdict.DIFFERS, ("imagenet-networks", "AMD EPYC", "openvino", "float32")),
        ("C13", Verdict.DIFFERS, ("imagenet-networks", "AMD EPYC", "openvino", "float32")),
    ],
)
def test_they_decide_claims_and_say_machine_schedule_and_seeds(
    id: str, verdict: Verdict, parts: tuple[str, ...]
) -> None:
    (finding,) = verify([id])
    assert finding.verdict is verdict
    assert finding.basis.startswith("atalho's records (")
    assert [part for part in parts if part not in finding.basis] == []


def _failing() -> list[Record]:
    """The shipped trainings as a user might have measured them: deeper plain networks are the better ones."""
    swapped = {"plain20": "plain56", "plain56": "plain20"}
    return [
        replace(
            each,
            subject=swapped.get(each.subject, each.subject),
            conditions={n: v for n, v in each.conditions.items() if n != STUDY},
        )
        for each in shipped()
        if each.conditions[STUDY] == "cifar10-degradation"
    ]


def test_a_users_records_decide_alone_where_they_suffice() -> None:
    (finding,) = verify(["L51"], _failing())
    assert finding.verdict is Verdict.DIFFERS
    assert finding.basis.startswith("your records: NVIDIA H200")


def test_a_users_records_that_do_not_suffice_are_added() -> None:
    own = [each for each in _failing() if each.subject == "resnet56"]
    another = [replace(each, conditions={**each.conditions, "seed": 7}) for each in own]
    (finding,) = verify(["L51"], another)
    assert finding.verdict is Verdict.HOLDS
    assert finding.basis.startswith("atalho's records (cifar10-degradation) and your records:")
    assert "seeds 0, 1, 2, 7" in finding.basis


def test_the_api_reads_them_without_a_file(tmp_path: Path) -> None:
    (finding,) = atalho.verify("L51")
    assert finding.basis.startswith("atalho's records")
    record.append(tmp_path / "own.jsonl", _failing())
    (own,) = atalho.verify("L51", tmp_path)
    assert own.basis.startswith("your records")


def test_a_basis_names_values_once_and_numbers_by_size() -> None:
    records = [
        Record.of("vgg16", "latency", 1.0, "measured", device="b", engine="eager", batch=batch)
        for batch in (16, 2, 2)
    ]
    assert basis(records) == "your records: b, eager, batches of 2, 16"
    assert basis([]) == ""
