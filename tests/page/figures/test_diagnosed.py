"""The figures of *Why depth works*, from made-up records; the numbers are nobody's measurement."""

import json
from dataclasses import replace
from typing import Any

import pytest

from atalho.page.chart.axes import NARROW
from atalho.page.contents import Contents
from atalho.page.diagnosis import Diagnosis
from atalho.page.figures.figure import Figure
from atalho.page.page import html
from atalho.page.words.depth import sentences
from atalho.record import Record
from example_diagnosis import FLOW, example_diagnosis
from example_records import IMAGES, example
from web_page import Page


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return example_diagnosis()


def figure(records: list[Record], name: str) -> Figure:
    (found,) = [f for f in Contents.of(records, {}).depth if f.name == name]
    return found


def drawn(records: list[Record], name: str) -> list[dict[str, Any]]:
    """The data behind a figure."""
    spec = figure(records, name).chart.draw(NARROW)
    return [row for rows in spec["datasets"].values() for row in rows]


def without(records: list[Record], *quantities: str) -> list[Record]:
    return [r for r in records if r.quantity not in quantities]


def said(records: list[Record]) -> str:
    contents = Contents.of(records, {})
    assert contents.diagnosis is not None
    return " ".join(sentences(contents.diagnosis, contents.styles)).replace("\u00a0", " ")


def test_every_quantity_has_its_figure_and_none_else(records: list[Record]) -> None:
    assert {f.name for f in Contents.of(records, {}).depth} == FLOW
    for name, quantity in (
        ("gradient-norm", "gradient_norm"),
        ("shortcut-share", "shortcut_share"),
        ("gradient-correlation", "gradient_correlation"),
        ("responses", "response_std"),
    ):
        left = {f.name for f in Contents.of(without(records, quantity), {}).depth}
        assert left == FLOW - {name}


def test_a_row_without_gradient_is_left_off_the_logarithm(records: list[Record]) -> None:
    none = [
        replace(r, value=0.0)
        if r.quantity == "gradient_norm" and r.conditions["row"] == "conv2_1"
        else r
        for r in records
    ]
    assert {each["place"] for each in drawn(none, "gradient-norm")} == {"conv1", "conv2_2"}


def test_a_chart_follows_the_slider(records: list[Record]) -> None:
    spec = figure(records, "gradient-norm").chart.draw(NARROW)
    assert [p for p in spec["params"] if p["name"] == "moment"] == [{"name": "moment", "value": 0}]
    assert {each["moment"] for each in drawn(records, "gradient-norm")} == {0, 1}
    shown = html(Contents.of(records, {}))
    attributes = Page(shown).attributes
    assert ("input", "type", "range") in attributes and ("input", "max", "1") in attributes
    assert [v for tag, name, v in attributes if tag == "option" and name == "label"] == [
        "at initialisation",
        "after 10 steps",
    ]
    assert shown.count(" data-follows ") == 2 * len(FLOW)
    one = html(Contents.of([r for r in records if r.conditions["moment"] == "0"], {}))
    assert 'type="range"' not in one and " data-follows " not in one


def test_responses_are_of_3x3_convolutions_in_order_and_sorted(records: list[Record]) -> None:
    spec = figure(records, "responses").chart.draw(NARROW)
    for panel, values in zip(spec["concat"], ([0.5, 1.5], [1.5, 0.5]), strict=True):
        data = spec["datasets"][panel["data"]["name"]]
        found = [r["y"] for r in data if (r["network"], r["moment"]) == ("plain20", 0)]
        assert found == values


def test_paths_lesions_and_the_surface_are_drawn_where_measured(records: list[Record]) -> None:
    own = {**records[0].conditions, "moment": "end"}
    for name in ("row", "index"):
        own.pop(name)

    def made(quantity: str, value: float, samples: tuple[float, ...] = (), **at: Any) -> Record:
        return Record.of("resnet20", quantity, value, "measured", samples, **own, **at)

    more = [
        *(made("path_gradient", 0.5, length=k, paths=n) for k, n in enumerate((1, 2, 1))),
        *(made("path_total", 0.7, length=k, paths=n) for k, n in enumerate((1, 2, 1))),
        made("lesion_top1", 0.95, lesion="none", rows=[], count=0),
        made("lesion_top1", 0.9, lesion="removed", rows=["conv2_1"], count=1),
        made("lesion_top1", 0.8, lesion="removed", rows=["conv2_2"], count=1),
        made("lesion_top1", 0.3, lesion="removed", rows=["conv2_1", "conv2_2"], count=2),
        made("lesion_top1", 0.6, lesion="swapped", rows=["conv2_1", "conv2_2"], count=2),
        *(
            made("surface_loss", 1.0, (2.0, 0.5, float("inf")), beta=b, alphas=[-1, 0, 1])
            for b in (-1.0, 0.0)
        ),
    ]
    every = [*records, *more]
    assert {f.name for f in Contents.of(every, {}).depth} - FLOW == {
        "path-lengths",
        "lesion-one",
        "lesion-several",
        "loss-surface",
    }
    times_number = [
        r["y"] for r in drawn(every, "path-lengths") if r["part"] == "times the number of paths"
    ]
    assert times_number == [0.5, 1.0, 0.5]
    one = [(r["place"], r["y"]) for r in drawn(every, "lesion-one") if "place" in r]
    assert one == [("conv2_1", 90), ("conv2_2", 80)]
    several = [(r["x"], r["y"]) for r in drawn(every, "lesion-several")]
    assert several == [(0, 95), (1, 85), (2, 30)]
    assert "resnet20 60.0\u00a0%" in figure(every, "lesion-several").words.below
    assert {r["loss"] for r in drawn(every, "loss-surface")} == {2.0, 0.5}
    spec = figure(every, "loss-surface").chart.draw(NARROW)
    assert '"domain": [0.5, 2.0]' in json.dumps(spec)
    assert "darkest" not in figure(every, "loss-surface").words.below
    far = made("surface_loss", 1.0, (2.0, 0.5, 900.0), beta=1.0, alphas=[-1, 0, 1])
    cut = figure([*every, far], "loss-surface")
    assert '"domain": [0.5, 15.0]' in json.dumps(cut.chart.draw(NARROW))
    assert cut.words.below.endswith("All losses above 15 nats have the darkest colour.")
    assert "Not measured at initialisation" in figure(every, "path-lengths").words.below
    assert (
        "With one row taken out the test accuracy at the end of training is 85 % in resnet20 "
        "instead of 95 % (mean of 2 rows)."
    ) in said(every)
    assert "taken out" not in said([*records, *more[-6:]])
    assert "at the end of training" in figure(every, "lesion-one").words.below


def test_the_two_parts_and_the_branches_of_a_join_are_drawn(records: list[Record]) -> None:
    own = {**records[0].conditions, "moment": "0"}
    more = [
        Record.of("resnet20", "shortcut_cosine", -0.25, "measured", **{**own, "row": "conv2_1"}),
        *(
            Record.of(
                "googlenet.small", "branch_share", value, "measured",
                **{**own, "row": row, "index": index}, branch=branch,
            )
            for index, (row, shares) in enumerate({"3a": (0.7, 0.3), "3b": (0.4, 0.6)}.items())
            for branch, value in zip(("1x1", "pool"), shares, strict=True)
        ),
    ]  # fmt: skip
    every = [*records, *more]
    assert {f.name for f in Contents.of(every, {}).depth} - FLOW == {
        "shortcut-cosine",
        "branch-share",
    }
    assert [r["y"] for r in drawn(every, "shortcut-cosine")] == [-0.25]
    points = [(r["network"], r["place"], r["y"]) for r in drawn(every, "branch-share")]
    assert points == [
        ("1x1", "3a", 70),
        ("1x1", "3b", 40),
        ("pool", "3a", 30),
        ("pool", "3b", 60),
    ]


def test_degradation_needs_two_depths_of_a_family(records: list[Record]) -> None:
    every = [*records, *example()]
    points = {
        (each["network"], each["part"], each["x"]): each["y"]
        for each in drawn(every, "degradation")
    }
    assert points["plain", "training", 56] == pytest.approx(6.9)
    assert points["residual", "validation", 20] == pytest.approx(100 * 45 / IMAGES)
    assert html(Contents.of(every, {})).count("the deepest plain network trained worse") == 1
    few = [*records, *example(["plain20", "resnet56"])]
    assert "degradation" not in {f.name for f in Contents.of(few, {}).depth}


def test_degradation_is_among_the_trainings_where_nothing_was_diagnosed(
    records: list[Record],
) -> None:
    trained = [*example()]
    assert Diagnosis.of(trained) is None
    contents = Contents.of(trained, {})
    parts = {figure.name: figure.part for figure in contents.figures}
    assert parts["degradation"] == parts["training-curves"]
    assert html(contents).count('id="degradation"') == 1
    diagnosed = Contents.of([*records, *trained], {})
    assert "degradation" not in {figure.name for figure in diagnosed.figures}
    assert "degradation" in {figure.name for figure in diagnosed.depth}


def test_rows_stand_in_order_up_to_the_last_map(records: list[Record]) -> None:
    found = Diagnosis.of(reversed(records))
    assert found is not None
    assert list(found.gradient_norms("plain20", "0")) == ["conv1", "conv2_1", "conv2_2"]
    points = [
        (each["x"], each["y"], each["place"])
        for each in drawn(records, "gradient-norm")
        if (each["network"], each["moment"]) == ("plain20", 0)
    ]
    assert points == [(1, 23.2, "conv1"), (2, 4.817, "conv2_1"), (3, 1, "conv2_2")]
