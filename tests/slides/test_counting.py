"""What the lecture's scripts compute is what Python computes, on random inputs."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atalho.claims.inception import TABLE
from atalho.claims.residual import power_after
from atalho.explain.inception import document
from atalho.grammar.cost import cost
from atalho.grammar.layers import Conv
from atalho.grammar.printed import agrees
from atalho.networks.googlenet import Filters
from atalho.networks.resnet import basic, bottleneck
from atalho.recipes.recipe import StepDecay
from atalho.slides.facts import MAP, block_weights
from atalho.slides.lecture import Material
from atalho.slides.stations import table
from javascript import ENGINE, values

pytestmark = pytest.mark.skipif(ENGINE is None, reason="neither node nor Chromium here")

TIMES = 1000


@pytest.fixture
def draw() -> random.Random:
    return random.Random(0)


def compared(function: str, cases: list[list[Any]], own: Callable[..., Any], folder: Path) -> None:
    """The function in JavaScript and in Python on the same arguments."""
    others = values("counting", [(function, case) for case in cases], folder)
    for case, other in zip(cases, others, strict=True):
        assert other == own(*case), case


def test_inception_modules(draw: random.Random, tmp_path: Path) -> None:
    cases = [
        [
            [draw.randint(1, 1024), draw.randint(1, 112), draw.randint(1, 112)],
            [draw.randint(1, 512) for _ in range(6)],
        ]
        for _ in range(TIMES)
    ]
    for case, other in zip(
        cases, values("counting", [("inception", case) for case in cases], tmp_path), strict=True
    ):
        shape, filters = case
        known = document((shape[0], shape[1], shape[2]), Filters(*filters))
        parts = [
            *zip(known["branches"], other["branches"], strict=True),
            (known["module"], other["module"]),
        ]
        for own, shown in parts:
            for kind in ("reduced", "naive"):
                assert shown[kind]["params"] == own[kind]["params"]
                assert shown[kind]["macs"] == own[kind]["macs"]
                assert shown[kind]["channels"] == own[kind]["output"][0]


@pytest.mark.parametrize("separable", [False, True])
def test_table_1_from_its_filters(separable: bool, tmp_path: Path) -> None:
    tables = Material(()).tables
    rows = table.view(Material(()), _words()).data["rows"]
    (sheet,) = values("counting", [("sheet", [rows, separable])], tmp_path)
    lines = tables.lines("googlenet.separable" if separable else "googlenet")
    for name, shown in zip(TABLE, sheet, strict=True):
        own = lines[name].cost
        assert (shown["weights"], shown["params"], shown["macs"]) == (
            own.weights,
            own.params,
            own.macs,
        )


def test_a_changed_filter_is_felt_below_it(tmp_path: Path) -> None:
    rows = table.view(Material(()), _words()).data["rows"]
    (before,) = values("counting", [("sheet", [rows, True])], tmp_path)
    changed = [dict(row) for row in rows]
    changed[4] = {
        **changed[4],
        "filters": [200, *changed[4]["filters"][1:]],
    }  # 4a's #1×1, 192 before
    (after,) = values("counting", [("sheet", [changed, True])], tmp_path)
    moved = [
        index
        for index, (one, other) in enumerate(zip(before, after, strict=True))
        if one["weights"] != other["weights"]
    ]
    assert moved == [4, 5]  # 4a itself, and 4b, which 4a feeds


def test_agreement_with_printed_numbers(draw: random.Random, tmp_path: Path) -> None:
    cases: list[list[Any]] = []
    for _ in range(TIMES):
        places = draw.choice((0, 1, 2))
        # In JavaScript 160.0 is 160: a printed number has no zero at its end.
        digits = draw.randint(0, 2000) * 10 + draw.randint(1, 9)
        printed: float = float(f"{digits}e-{places}") if places else digits
        near = (
            printed
            + draw.choice((-1, 0, 1)) * draw.choice((0.5, 0.25, 1, 0.05, 0.04, 0.06)) * 10**-places
        )
        cases.append([printed, abs(round(near, draw.randint(0, 6))), draw.random() < 0.5])
    compared(
        "agrees",
        cases,
        lambda printed, value, cut: agrees(printed, value, truncation=cut),
        tmp_path,
    )


def test_blocks(tmp_path: Path) -> None:
    def own(width: int) -> dict[str, int]:
        narrow, four = bottleneck(width, 1), 4 * width
        return {
            "basic": block_weights(basic(width, 1), width),
            "bottleneck": block_weights(narrow, four),
            "wide": block_weights(basic(four, 1), four),
            "projected": block_weights(narrow, four) + block_weights(Conv(four, 1), four),
        }

    compared("blocks", [[width] for width in range(1, TIMES + 1)], own, tmp_path)
    assert cost(Conv(4), (2, MAP, MAP)).macs == 8 * MAP**2


def test_the_power_of_the_signal(draw: random.Random, tmp_path: Path) -> None:
    cases = [
        [draw.randint(1, 200), draw.choice((0.5, 1, 2, draw.uniform(0.1, 4)))] for _ in range(TIMES)
    ]
    others = values("counting", [("powerAfter", case) for case in cases], tmp_path)
    for case, other in zip(cases, others, strict=True):
        assert other == pytest.approx(power_after(*case), rel=1e-12)


def test_the_learning_rate(draw: random.Random, tmp_path: Path) -> None:
    schedule = {"lr": 0.1, "factor": 0.1, "milestones": [32_000, 48_000]}
    steps = [
        0,
        31_999,
        32_000,
        47_999,
        48_000,
        64_000,
        *(draw.randint(0, 64_000) for _ in range(TIMES)),
    ]
    others = values("counting", [("rate", [step, schedule]) for step in steps], tmp_path)
    decay = StepDecay((1 / 2, 3 / 4), 0.1)
    for step, other in zip(steps, others, strict=True):
        assert other == pytest.approx(0.1 * decay.scale(step, 64_000), rel=1e-12)


def _words() -> Any:
    from atalho.slides.facts import facts
    from atalho.slides.words import Words

    return Words("en", facts(Material(()).tables))
