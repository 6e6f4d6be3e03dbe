"""Claims that records of a diagnosis decide."""

from collections.abc import Iterator
from typing import Any

import pytest

from atalho.claims import CLAIMS
from atalho.claims.claim import Verdict, examine
from atalho.claims.tables import Tables
from atalho.record import Record


def verdict(id: str, records: list[Record]) -> Verdict:
    return examine(CLAIMS[id], Tables(), records).verdict


def flow(
    name: str, depth: int, ratio: float, correlation: float, share: float, **more: Any
) -> Iterator[Record]:
    given = {"data": "digits", "depth": depth, "moment": "0", "seed": 0, **more}
    yield Record.of(name, "gradient_ratio", ratio, "measured", **given, raw=2 * ratio)
    yield Record.of(name, "gradient_correlation", correlation, "measured", **given, distance=0.1)
    yield Record.of(name, "gradient_correlation", 0.99, "measured", **given, distance=0.01)
    yield Record.of(name, "shortcut_share", share, "measured", **given)


def test_the_shortcuts_flow_is_decided_by_pairs_of_one_depth_shown_the_same() -> None:
    plain = [*flow("plain20", 20, 12, 0.03, 0), *flow("plain56", 56, 7e3, 0.006, 0)]
    residual = [*flow("resnet20", 20, 4, 0.5, 0.5), *flow("resnet56", 56, 17, 0.2, 0.6)]
    assert verdict("L52", plain) is Verdict.UNMEASURED
    assert verdict("L52", plain + residual) is Verdict.HOLDS
    other = [*flow("resnet20", 20, 4, 0.5, 0.5, data="cifar10")]
    assert verdict("L52", plain + other) is Verdict.UNMEASURED
    later = [*flow("resnet20", 20, 4, 0.5, 0.5, moment="10")]
    assert verdict("L52", plain + later) is Verdict.UNMEASURED
    finding = examine(CLAIMS["L52"], Tables(), plain + residual)
    assert finding.value == "first row over last map: 14,000 × in plain56, 34 × with shortcuts"
    assert "60 % of the gradient" in finding.note
    assert "the deepest of 2 pairs" in finding.note


@pytest.mark.parametrize(("ratio", "correlation"), [(8e3, 0.2), (1e-5, 0.2), (17, 0.001)])
def test_a_less_even_or_less_correlated_residual_gradient_is_another_verdict(
    ratio: float, correlation: float
) -> None:
    pair = [
        *flow("plain56", 56, 7e3, 0.006, 0),
        *flow("resnet56", 56, ratio, correlation, 0.6),
    ]
    assert verdict("L52", pair) is Verdict.DIFFERS


def responses(**stds: float) -> list[Record]:
    given = {"data": "cifar10", "recipe": "he2015_cifar", "steps": 64_000, "moment": "end"}
    kernels = [[3, 3], [1, 1]]
    return [
        Record.of(name, "response_std", std, "measured", [std, 9.0], **given, kernels=kernels)
        for name, std in stds.items()
    ]


def test_responses_are_compared_over_the_3x3_layers_of_fully_trained_networks() -> None:
    shorter = {"plain20": 1.0, "plain56": 1.1, "resnet20": 0.7, "resnet56": 0.5}
    assert verdict("H20", responses(**shorter)) is Verdict.HOLDS
    assert verdict("H20", responses(**shorter, resnet110=0.4)) is Verdict.HOLDS
    assert verdict("H20", responses(**shorter, resnet110=0.6)) is Verdict.DIFFERS
    assert verdict("H20", responses(**{**shorter, "resnet56": 0.8})) is Verdict.DIFFERS
    assert verdict("H20", responses(**{**shorter, "plain20": 0.6})) is Verdict.DIFFERS
    assert verdict("H20", responses(**shorter)[1:]) is Verdict.UNMEASURED
    brief = [
        Record.of(
            r.subject, r.quantity, r.value, "measured", r.samples, **{**r.conditions, "steps": 100}
        )
        for r in responses(**shorter)
    ]
    assert verdict("H20", brief) is Verdict.UNMEASURED
