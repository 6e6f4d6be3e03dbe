"""Unmeasured claims: the paper's protocol is kept, and each says what it would take and which records are nearest."""

import re

import pytest

from atalho.claims import Verdict, verify
from atalho.claims.evidence import TEST, TRAINING
from atalho.claims.unmeasured import trained
from atalho.cli.commands import COMMANDS
from atalho.networks import CATALOGUE
from atalho.record import Record

PAPER = [f"H{number}" for number in (2, 4, 6, 8, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20)]


def test_the_papers_errors_stay_unmeasured_without_its_protocol() -> None:
    assert {finding.verdict for finding in verify(PAPER)} == {Verdict.UNMEASURED}


def test_every_unmeasured_claim_says_what_it_would_take() -> None:
    waiting = [each for each in verify() if each.verdict is Verdict.UNMEASURED]
    assert waiting
    for finding in waiting:
        assert "it would take" in finding.note, finding.claim.id
        for command, network in re.findall(r"`atalho (\w+) ([\w.]+)", finding.note):
            assert command in COMMANDS
            assert network == "NETWORK" or network in CATALOGUE


@pytest.mark.parametrize(
    ("id", "parts"),
    [
        ("H2", ("resnet20 8.66 % (one seed)", "quick over 21,094 steps", "h on NVIDIA H200")),
        ("H4", ("no record of resnet32 on CIFAR-10 by any schedule",)),
        ("H16", ("plain20 13.71 % (3 seeds), plain56 28.58 % (3 seeds)", "for each of plain20,")),
        (
            "H17",
            ("plain20 10.20 % (3 seeds), plain56 27.95 % (3 seeds)", "last tenth of the steps"),
        ),
        ("H20", ("resnet56 0.861", "he2015_cifar over 2,812 steps", "atalho diagnose")),
    ],
)
def test_the_nearest_record_is_shown_with_its_schedule(id: str, parts: tuple[str, ...]) -> None:
    (finding,) = verify([id])
    assert [part for part in parts if part not in finding.note] == []


def _run(subject: str, quantity: str, accuracy: float, steps: int, **conditions: object) -> Record:
    split = {"split": "test", "images": 10_000} if quantity == "top1" else {}
    stated = {"data": "cifar10", "recipe": "quick", "steps": steps, "seed": 0, **split}
    return Record.of(subject, quantity, accuracy, "measured", **{**stated, **conditions})


def test_the_schedule_that_most_networks_share_is_nearest_and_of_these_the_longest() -> None:
    records = [
        _run("plain20", "top1", 0.5, 100),
        _run("plain56", "top1", 0.4, 100),
        _run("plain20", "top1", 0.7, 200),
        _run("plain56", "top1", 0.6, 200),
        _run("plain20", "top1", 0.9, 999),
        _run("plain20", "top1", 0.99, 5_000, data="digits"),
    ]
    assert "plain20 30.00 % (one seed), plain56 40.00 % (one seed)" in trained(
        records, ("plain20", "plain56"), TEST
    )
    assert "plain20 10.00 %" in trained(records, ("plain20",), TEST)


def test_a_training_error_is_that_at_the_end_of_the_curve() -> None:
    curve = [_run("plain20", "train_top1", a, 100, step=s) for s, a in ((50, 0.1), (95, 0.8))]
    assert "plain20 20.00 %" in trained(curve, ("plain20",), TRAINING)


def test_hours_are_those_at_the_records_speed() -> None:
    # 64,000 · 128 images at 1,000 a second are 2.28 hours; ResNet-56 has 3.1 times the operations.
    speed = _run("resnet20", "train_throughput", 1000, 100, device="a GPU", images=1)
    assert "(about 2.3 h on a GPU)" in trained([speed], ("resnet20",), TEST)
    assert "(about 7.0 h on a GPU)" in trained([speed], ("resnet56",), TEST)
    assert "about" not in trained([], ("resnet20",), TEST)
    # ResNet-56 at its own speed, and nothing by that of a network of another kind.
    slower = _run("resnet56", "train_throughput", 500, 100, device="a GPU", images=1)
    other = _run("googlenet.small", "train_throughput", 9, 100, device="a GPU", images=1)
    assert "(about 4.6 h on a GPU)" in trained([speed, slower, other], ("resnet56",), TEST)
    assert "(about 2.3 h on a GPU)" in trained([speed, slower, other], ("resnet20",), TEST)
