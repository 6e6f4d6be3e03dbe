"""The ten figures of Canziani et al. 2016, each from the records that it needs and from no others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from atalho.page import figures
from atalho.page.chart.axes import NARROW, WIDE
from atalho.page.contents import Contents
from atalho.page.figures import CANZIANI, accuracies, batches, costs, learning
from atalho.page.figures.figure import Figure
from atalho.page.page import html
from atalho.page.words import fits
from atalho.ranking import comparison
from atalho.record import Record
from example_records import ANALYSED, BATCHES, analysed, changed, example, foreign, without
from web_page import Page

MORE = {"degradation", "accuracy-latency", "training-curves", "training-loss"}


def found(records: Sequence[Record]) -> dict[str, Figure]:
    return {figure.name: figure for figure in Contents.of(records, {}).figures}


def rows(figure: Figure, *keys: str) -> list[dict[str, Any]]:
    """The data of a figure that have these keys, each once."""
    spec = figure.chart.draw(NARROW)
    return [r for data in spec["datasets"].values() for r in data if all(key in r for key in keys)]


def caption(figure: Figure) -> str:
    return figure.words.below.replace("\u00a0", " ")


def test_all_ten_are_drawn_from_a_comparison_without_training() -> None:
    records = analysed()
    assert set(found(records)) == {*CANZIANI, "accuracy-latency"}
    assert len(CANZIANI) == 10
    assert figures.absent(Contents.of(records, {}).figures) == ""
    assert set(found(example())) - set(CANZIANI) == MORE
    curves = [r for r in example(["resnet20"]) if r.quantity.startswith(("train_", "val_"))]
    assert figures.absent(Contents.of(curves, {}).figures) == ""


def test_figures_stand_under_headings_in_their_order() -> None:
    text = Page(html(Contents.of(analysed(), {}))).text
    parts = [accuracies.PART, "Figure 1.", batches.PART, "Figure 6.", costs.PART, "Figure 11."]
    assert sorted(parts, key=text.index) == parts
    assert learning.PART not in text


@pytest.mark.parametrize(
    ("quantity", "gone"),
    [
        ("power", {"power-batch", "operations-power"}),
        ("peak_memory", {"memory-batch", "memory-parameters"}),
        ("latency", {"time-batch", "operations-time", "accuracy-latency"}),
        ("throughput", {"accuracy-throughput"}),
        ("params", {"memory-parameters", "accuracy-parameter"}),
        ("macs", {"accuracy-operations", "operations-time", "operations-power"}),
        (
            "top1",
            {
                *("accuracy-network", "accuracy-operations", "accuracy-latency"),
                *("accuracy-throughput", "accuracy-parameter"),
            },
        ),
    ],
)
def test_what_was_not_measured_is_not_drawn_and_said_to_be_absent(
    quantity: str, gone: set[str]
) -> None:
    left = Contents.of(without(analysed(), quantity), {}).figures
    assert {*CANZIANI, "accuracy-latency"} - {figure.name for figure in left} == gone
    said = figures.absent(left)
    for name, title in CANZIANI.items():
        assert (title in said) is (name in gone)


def test_cited_accuracies_are_hollow_and_say_from_where() -> None:
    drawn = found(analysed())
    for name in (
        "accuracy-network",
        "accuracy-operations",
        "accuracy-throughput",
        "accuracy-parameter",
    ):
        marks = rows(drawn[name], "hollow")
        assert {row["network"] for row in marks} == set(ANALYSED)
        assert all(row["hollow"] for row in marks)
        assert "Hollow: cited from A. N. Example 2026, Table 1, not measured here" in caption(
            drawn[name]
        )
        assert "imagenet (val split)" in caption(drawn[name])
    assert not any(row["hollow"] for row in rows(found(example())["accuracy-network"], "hollow"))


def test_accuracies_cited_on_other_data_do_not_share_an_axis() -> None:
    other = changed(analysed(), "vgg16", "top1", data="cifar10")
    drawn = found(other)["accuracy-network"]
    assert {row["network"] for row in rows(drawn, "hollow")} == set(ANALYSED) - {"vgg16"}
    assert "Not drawn, for want of a comparable measurement: vgg16." in caption(drawn)


def test_bars_have_the_values_and_stand_in_their_order() -> None:
    drawn = found(analysed())
    lengths = {row["network"]: row["x"] for row in rows(drawn["accuracy-network"], "zero")}
    assert lengths == pytest.approx({name: 100 * given[2] for name, given in ANALYSED.items()})
    density = rows(drawn["accuracy-parameter"], "zero")
    assert {row["network"]: row["x"] for row in density} == pytest.approx(
        {name: 100 * top1 / (params / 1e6) for name, (params, _, top1, *_) in ANALYSED.items()}
    )
    assert [row["x"] for row in density] == sorted((row["x"] for row in density), reverse=True)
    assert all(row["low"] == row["high"] for row in density)
    bars = rows(found(example())["accuracy-network"], "zero")
    assert all(row["low"] < row["x"] < row["high"] for row in bars)


@pytest.mark.parametrize(
    ("name", "quantity", "factor"),
    [
        ("time-batch", "latency", 1e-3),
        ("power-batch", "power", 1),
        ("memory-batch", "peak_memory", 1e6),
    ],
)
def test_a_line_a_network_by_batch(name: str, quantity: str, factor: float) -> None:
    records = analysed()
    drawn = {(r["network"], r["x"]): r["y"] for r in rows(found(records)[name], "line")}
    assert set(drawn) == {(network, size) for network in ANALYSED for size in BATCHES}
    for record in records:
        if record.quantity == quantity:
            size = record.conditions["batch"]
            per = size if quantity == "latency" else 1
            assert drawn[record.subject, size] == pytest.approx(record.value / per / factor)


def test_a_noisy_batch_does_not_stand_among_quiet_ones() -> None:
    noisy = [
        Record.of(r.subject, r.quantity, 9 * r.value, r.provenance, **r.conditions, noisy=True)
        if (r.subject, r.quantity, r.conditions.get("batch")) == ("vgg16", "latency", 16)
        else r
        for r in analysed()
    ]
    drawn = found(noisy)
    points = {(r["network"], r["x"]) for r in rows(drawn["time-batch"], "line")}
    assert ("vgg16", 8) in points and ("vgg16", 16) not in points
    assert "Not measured at every size: vgg16." in caption(drawn["time-batch"])
    assert "batch of 16: that operations predict time" in caption(drawn["operations-time"]).lower()
    assert "n = 5" in caption(drawn["operations-time"])


def test_time_by_operations_is_at_one_image_and_at_sixteen_or_the_most() -> None:
    def panels(batches: Sequence[int]) -> list[str]:
        spec = found(analysed(batches=batches))["operations-time"].chart.draw(WIDE)
        return [each["title"] for each in spec.get("concat", [spec])]

    assert panels(BATCHES) == ["Batch of 1", "Batch of 16"]
    assert panels((1, 4, 8)) == ["Batch of 1", "Batch of 8"]
    assert panels((1,)) == ["Batch of 1"]


def test_the_line_drawn_is_the_one_fitted() -> None:
    records = analysed()
    drawn = found(records)["memory-parameters"]
    ends = [(row["x"], row["y"]) for row in rows(drawn, "place")]
    memory = {
        r.subject: r.value
        for r in records
        if r.quantity == "peak_memory" and r.conditions["batch"] == 1
    }
    params = {name: given[0] for name, given in ANALYSED.items()}
    names = list(params)
    slope, intercept = np.polyfit([params[n] for n in names], [memory[n] for n in names], 1)
    assert ends == [
        pytest.approx((p / 1e6, (slope * p + intercept) / 1e6))
        for p in (min(params.values()), max(params.values()))
    ]
    assert f"{slope / 4:.2f} bytes for each byte" in caption(drawn)


def test_nothing_is_said_of_few_networks() -> None:
    few = found(analysed(["alexnet", "resnet18", "vgg16"]))
    assert set(few) == {*CANZIANI, "accuracy-latency"}
    assert not any("on this machine" in figure.words.below for figure in few.values())
    assert rows(few["memory-parameters"], "place") == []
    enough = found(analysed())
    claimed = {name for name, figure in enough.items() if "on this machine" in figure.words.below}
    assert claimed == {
        *("operations-time", "memory-parameters", "operations-power"),
    }


def test_the_front_of_speed_falls_to_the_right() -> None:
    drawn = found(example())["accuracy-throughput"]
    stairs = [(row["x"], row["y"]) for row in rows(drawn, "place")]
    compared = comparison(example())
    points = [(row.value("throughput"), 100 * (row.value("top1") or 0)) for row in compared.rows]
    assert stairs == sorted(stairs, key=lambda point: (point[0], -point[1]))
    for x, y in points:
        assert x is not None
        # Nothing lies above the staircase: where it is left of a point, it is at least as high.
        assert max(b for a, b in stairs if a >= x) >= y - 1e-9
    front = fits.line([(x, y / 100) for x, y in points if x and (x, y) in stairs])
    assert front is not None
    assert f"Along the front of {front.n} networks" in caption(drawn)


def test_straight_lines_are_on_linear_axes_and_batches_on_logarithmic_ones() -> None:
    drawn = found(analysed())

    def scales(name: str) -> set[str]:
        found: set[str] = set()

        def walk(node: Any) -> None:
            if isinstance(node, dict):
                if "scale" in node and "domain" in node["scale"] and "field" in node:
                    found.add(f"{node['field'][0]}:{node['scale'].get('type')}")
                for child in node.values():
                    walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)

        walk(drawn[name].chart.draw(WIDE))
        return {each for each in found if each[0] in "xy"}

    assert scales("time-batch") == scales("memory-batch") == {"x:log", "y:log"}
    assert scales("power-batch") == {"x:log", "y:linear"}
    for name in ("memory-parameters", "operations-time", "operations-power"):
        assert scales(name) == {"x:linear", "y:linear"}


def test_odd_batches_and_powers_are_no_crash() -> None:
    odd = [
        *analysed(),
        *(Record.of(n, "latency", 0.1, "measured", batch=0) for n in ANALYSED),
        *(foreign(n, "power", 0.0, batch=b) for n in ANALYSED for b in ("x", -1, 2)),
    ]
    for figure in found(odd).values():
        assert figure.chart.draw(NARROW)


def test_a_cited_accuracy_on_other_data_is_not_drawn() -> None:
    macs = Record.of("resnet110", "macs", 2.5e8, "computed", input=[3, 32, 32], num_classes=10)
    elsewhere = Record.of("resnet110", "top1", 0.93, "cited", data="cifar10", reference="X")
    same = Record.of("resnet110", "top1", 0.985, "cited", reference="X")
    assert "Hollow" in caption(found([*example(), macs, same])["accuracy-operations"])
    assert "Hollow" not in caption(found([*example(), macs, elsewhere])["accuracy-operations"])
