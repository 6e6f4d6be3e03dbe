"""What is ranked together, the Pareto front, and the choice."""

import random
from itertools import product
from typing import Any

import pytest

from atalho.choice import Comparison, Reading, Row, choose, comparison, pareto_front, told_apart
from atalho.record import Record
from example_records import IMAGES, NETWORKS, changed, example, wilson, without


def row(compared: Comparison, network: str) -> Row:
    return {row.network: row for row in compared.rows}[network]


def plain_row(network: str, **values: float) -> Row:
    records = {q: Record.of(network, q, value, "measured") for q, value in values.items()}
    return Row(network, {q: Reading((record,)) for q, record in records.items()})


def test_a_row_has_what_the_records_say() -> None:
    compared = comparison(example())
    assert [r.network for r in compared.rows][:2] == ["resnet56", "resnet32"]
    for name, (_, params, macs, right, seconds, megabytes, *_) in NETWORKS.items():
        found = row(compared, name)
        assert found.value("params") == params
        assert found.value("macs") == macs
        assert found.value("top1") == right / IMAGES
        assert found.readings["top1"].interval == tuple(wilson(right, IMAGES))
        assert found.value("latency") == seconds
        assert found.value("peak_memory") == megabytes * 1e6 + 4e5
        assert not found.apart


def test_latency_and_memory_are_for_one_image_and_throughput_for_many() -> None:
    compared = comparison(example())
    batches = {q: compared.conditions[q]["batch"] for q in ("latency", "peak_memory", "throughput")}
    assert batches == {"latency": 1, "peak_memory": 1, "throughput": 64}


def test_the_batch_that_most_networks_share_is_the_one_of_reference() -> None:
    records = [
        record
        for record in example()
        if (record.subject, record.quantity) == ("resnet20", "latency")
        or record.quantity != "latency"
        or record.conditions["batch"] != 1
    ]
    compared = comparison(records)
    assert compared.conditions["latency"]["batch"] == 8
    assert len([r for r in compared.rows if "latency" in r.readings]) == len(NETWORKS)


@pytest.mark.parametrize(
    ("quantity", "condition", "value", "reason"),
    [
        ("latency", "threads", 4, "threads 4 against 2"),
        ("latency", "device", "another", "device another against Example EPYC 9000, 2 cores"),
        ("latency", "dtype", "bf16", "dtype bf16 against float32"),
        ("latency", "engine", "compiled", "engine compiled against eager"),
        ("latency", "protocol", "best of 3", "protocol best of 3 against median of 50"),
        ("latency", "busy", True, "busy yes against not stated"),
        ("latency", "input", [3, 64, 64], "input 3×64×64 against 3×32×32"),
        ("peak_memory", "batch", 2, "batch 2 against 1"),
        ("top1", "data", "cifar10", "data cifar10 against digits"),
        ("top1", "split", "val", "split val against test"),
        ("top1", "images", 180, "images 180 against 360"),
        ("macs", "num_classes", 1000, "num_classes 1000 against 10"),
    ],
)
def test_other_conditions_are_not_ranked_and_the_reason_is_said(
    quantity: str, condition: str, value: Any, reason: str
) -> None:
    found = row(
        comparison(changed(example(), "resnet20", quantity, **{condition: value})), "resnet20"
    )
    assert quantity not in found.readings
    (apart,) = found.apart
    assert apart.record.quantity == quantity
    assert apart.reason == reason


def test_other_versions_are_not_ranked() -> None:
    versions = {"python": "3.11.9", "atalho": "0.1.0", "torch": "2.14.0"}
    found = row(
        comparison(changed(example(), "resnet20", "latency", versions=versions)), "resnet20"
    )
    assert [apart.reason for apart in found.apart] == ["torch 2.14.0 against 2.15.0"]


@pytest.mark.parametrize("condition", ["recipe", "epochs", "steps", "seed", "weights", "at"])
def test_another_training_is_ranked(condition: str) -> None:
    found = row(
        comparison(changed(example(), "resnet20", "top1", **{condition: "other"})), "resnet20"
    )
    assert "top1" in found.readings


def test_what_is_cited_is_never_ranked() -> None:
    cited = Record.of("resnet110", "top1", 0.9999, "cited", reference="A. Somebody 2020")
    compared = comparison([*example(), cited])
    assert "top1" not in row(compared, "resnet110").readings
    assert row(compared, "resnet110").cited == (cited,)
    choice = choose(compared)
    assert choice and choice.best.network == "resnet56"
    assert choose(comparison([cited])) is None


def test_what_was_not_measured_is_absent() -> None:
    found = row(comparison(without(example(), "latency", "resnet20")), "resnet20")
    assert found.value("latency") is None
    assert not found.apart
    assert "energy" not in comparison(example()).conditions


def test_seeds_are_averaged_and_their_intervals_joined() -> None:
    records = example(["resnet20"]) + changed(
        example(["resnet20"], seed=1), "resnet20", "top1", 0.95, interval=[0.92, 0.97]
    )
    reading = row(comparison(records), "resnet20").readings["top1"]
    first = 354 / IMAGES
    assert reading.value == pytest.approx((first + 0.95) / 2)
    assert reading.deviation == pytest.approx((first - 0.95) / 2**0.5)
    assert reading.interval == (0.92, wilson(354, IMAGES)[1])


def test_a_newer_record_of_a_seed_replaces_the_older() -> None:
    again = changed(example(["resnet20"]), "resnet20", "top1", 0.5)
    reading = row(comparison([*example(["resnet20"]), *again]), "resnet20").readings["top1"]
    assert [record.value for record in reading.records] == [0.5]


def test_a_newer_training_replaces_the_older_whatever_its_seeds() -> None:
    longer = changed(example(["resnet20"], seed=5), "resnet20", "top1", 0.99, epochs=200.0)
    reading = row(comparison([*example(["resnet20"]), *longer]), "resnet20").readings["top1"]
    assert [record.value for record in reading.records] == [0.99]


def test_only_disjoint_intervals_tell_apart() -> None:
    compared = comparison(example())
    assert told_apart(row(compared, "resnet56"), row(compared, "plain56"))
    assert told_apart(row(compared, "plain56"), row(compared, "resnet56"))
    assert not told_apart(row(compared, "resnet56"), row(compared, "plain32"))
    unknown = comparison(changed(example(), "plain56", "top1", interval="wide"))
    assert not told_apart(row(unknown, "resnet56"), row(unknown, "plain56"))


@pytest.mark.parametrize(
    "quantities", [("top1", "latency"), ("throughput", "params", "peak_memory")]
)
def test_the_front_is_what_brute_force_finds(quantities: tuple[str, ...]) -> None:
    generator = random.Random(0)
    sign = {"top1": 1, "throughput": 1, "latency": -1, "params": -1, "peak_memory": -1}
    sizes = set()
    for count in [1, 2, 5, 12, 25] * 8:
        values = [[generator.randint(0, 6) for _ in quantities] for _ in range(count)]
        rows = [
            plain_row(str(i), **dict(zip(quantities, v, strict=True))) for i, v in enumerate(values)
        ]
        beaten = set()
        for one, other in product(range(count), repeat=2):
            gains = [
                sign[q] * (values[other][k] - values[one][k]) for k, q in enumerate(quantities)
            ]
            if min(gains) >= 0 and max(gains) > 0:
                beaten.add(str(one))
        front = [r.network for r in pareto_front(rows, quantities)]
        assert front == [str(i) for i in range(count) if str(i) not in beaten]
        sizes.add(len(front))
    assert len(sizes) > 2


def test_the_front_leaves_out_what_was_not_measured() -> None:
    rows = [plain_row("both", top1=0.9, latency=1.0), plain_row("untimed", top1=0.99)]
    assert [r.network for r in pareto_front(rows, ("top1", "latency"))] == ["both"]


def test_the_choice_is_the_fastest_that_is_not_told_apart_from_the_best() -> None:
    choice = choose(comparison(example()))
    assert choice
    assert (choice.chosen.network, choice.best.network, choice.cost) == (
        "plain20",
        "resnet56",
        "latency",
    )
    assert {r.network for r in choice.alike} == set(NETWORKS) - {"plain56"}


def test_a_less_accurate_network_is_not_chosen_however_fast() -> None:
    choice = choose(comparison(changed(example(), "plain56", "latency", 1e-6)))
    assert choice and choice.chosen.network == "plain20"


def test_without_its_latency_a_network_is_not_chosen() -> None:
    choice = choose(comparison(without(example(), "latency", "plain20")))
    assert choice and choice.chosen.network == "resnet20"


def test_without_any_latency_operations_decide() -> None:
    choice = choose(comparison(without(example(), "latency")))
    assert choice and (choice.chosen.network, choice.cost) == ("plain20", "macs")
    choice = choose(comparison(without(without(example(), "latency"), "macs")))
    assert choice and (choice.chosen.network, choice.cost) == ("resnet56", None)


def test_limits_leave_out_what_costs_more_or_was_not_measured() -> None:
    records = without(example(), "peak_memory", "plain20")
    choice = choose(comparison(records), {"peak_memory": 25e6})
    assert choice and {r.network for r in choice.within} == {"resnet20", "plain32"}
    assert choose(comparison(records), {"energy": 2.0}) is None


def test_without_accuracy_there_is_no_choice() -> None:
    assert choose(comparison(without(example(), "top1"))) is None
