"""A comparison chooses by validation images, on the engine that a user gets, and reads test images once: for the chosen network."""

from dataclasses import replace
from typing import Any

import pytest

import atalho
from atalho import record
from atalho.api.carrying_out import Compared
from atalho.api.comparing import compare
from atalho.comparison import handing_over
from atalho.comparison.comparing import Measured
from atalho.engines import engine_config
from atalho.evaluation.accuracy import pack
from atalho.record import Record
from atalho.weights import config

CODE = """from torch import nn

def good(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))

def poor(num_classes):
    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, num_classes))
"""

SETTINGS: dict[str, Any] = {
    "steps": 120,
    "seeds": (0, 1),
    "batch_size": 1,
    "precision": "bf16",
    "device": "cpu",
    "threads": 1,
}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Two small networks on digits in bf16, trained under two seeds."""
    folder = tmp_path_factory.mktemp("compared")
    file = folder / "net.py"
    file.write_text(CODE)
    return compare(
        [f"{file}:good", f"{file}:poor"],
        output=folder / "c",
        **SETTINGS,
    )


def accuracies(compared: Compared, split: str) -> list[Record]:
    return [
        each
        for each in compared.records
        if each.quantity == "top1" and each.conditions["split"] == split
    ]


def test_every_contestant_has_validation_numbers_and_the_chosen_one_alone_a_test(
    compared: Compared,
) -> None:
    by_network = [
        (each.subject.partition(":")[2], each.conditions["seed"])
        for each in accuracies(compared, "val")
    ]
    assert sorted(by_network) == [("good", 0), ("good", 1), ("poor", 0), ("poor", 1)]
    (tested,) = accuracies(compared, "test")
    assert compared.choice
    assert tested.subject == compared.choice.chosen.network
    assert tested.subject.endswith(":good") and tested.conditions["seed"] == 0
    for run in (compared.page.parent / "runs").glob("[!.]*"):
        splits = {each.conditions.get("split") for each in record.read(run / "records.jsonl")}
        assert "test" not in splits


def test_accuracy_and_latency_are_of_one_system(compared: Compared) -> None:
    """The accuracy was eager's in the precision of the training, whatever the engine that was timed."""
    row = compared.comparison.rows[0]
    system = ("engine", "dtype", "batch", "device", "threads", "input")
    timed, top1 = row.readings["latency"], row.readings["top1"]
    assert [timed.condition(name) for name in system] == [top1.condition(name) for name in system]
    assert top1.condition("dtype") == "bf16"
    assert top1.condition("batch") == 1
    assert timed.condition("weights") == top1.records[0].conditions["weights"]
    assert {"loss", "calibration_error"} <= {*row.readings}


def test_several_seeds_are_averaged_and_the_first_is_handed_over(compared: Compared) -> None:
    row = compared.comparison.rows[0]
    first, second = row.readings["top1"].records
    assert first.conditions["weights"] != second.conditions["weights"]
    assert row.readings["top1"].deviation is not None
    assert compared.chosen
    loaded = atalho.load(row.network, compared.chosen)
    assert first.conditions["weights"] == f"sha256:{loaded.weights}"


def test_what_was_chosen_answers_as_it_was_measured(compared: Compared) -> None:
    """The folder and the network that is loaded from it run on the same engine and classify each image alike."""
    assert compared.chosen
    config = engine_config.read(compared.chosen)
    assert config and config.backend == ("eager", "bf16")
    (tested,) = accuracies(compared, "test")
    name = tested.subject
    for evaluation in (
        atalho.evaluate(name, "digits", weights=compared.chosen, device="cpu"),
        atalho.evaluate(atalho.load(name, compared.chosen), "digits", device="cpu"),
    ):
        assert evaluation.accuracy.outcomes is not None
        assert pack(evaluation.accuracy.outcomes.right) == tested.conditions["right"]
        assert evaluation.accuracy.loss == loss_on_test(compared)


def loss_on_test(compared: Compared) -> float:
    (loss,) = (
        each.value
        for each in compared.records
        if each.quantity == "loss" and each.conditions["split"] == "test"
    )
    return loss


def test_a_later_call_for_another_network_keeps_the_chosen_one(compared: Compared) -> None:
    """The networks of one folder are ranked together, whichever call has measured them."""
    chosen = compared.page.parent / "chosen"
    before = {each.name: each.read_bytes() for each in chosen.iterdir()}
    poor = next(row.network for row in compared.comparison.rows if row.network.endswith(":poor"))
    later = compare([poor], output=chosen.parent, **SETTINGS)
    assert later.choice and later.choice.chosen.network.endswith(":good")
    assert later.chosen == chosen
    assert {each.name: each.read_bytes() for each in chosen.iterdir()} == before


def test_an_earlier_calls_network_that_is_chosen_only_now_is_named(compared: Compared) -> None:
    chosen = compared.page.parent / "chosen"
    measured = Measured(
        compared.records,
        compared.queries,
        compared.comparison,
        compared.limits,
        compared.choice,
        engines={"another network": chosen.parent},
    )
    settings = config.read(chosen)
    replace(settings, architecture="another network").write(chosen)
    said: list[str] = []
    assert not handing_over.keep(measured, chosen.parent, said.append)
    assert not chosen.exists()
    assert len(said) == 1 and "net.py:good is chosen" in said[0] and "compare it too" in said[0]
