"""What is ranked together, and which accuracies are told apart."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch

from atalho.choice.choosing import choose
from atalho.choice.pairs import differ_significantly, side_by_side
from atalho.evaluation.accuracy import pack
from atalho.ranking import (
    Comparison,
    Row,
    comparison,
)
from atalho.record import Query, Record
from example_records import IMAGES, NETWORKS, changed, example, wilson, without


def row(compared: Comparison, network: str) -> Row:
    return {row.network: row for row in compared.rows}[network]


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
        ("top1", "split", "train", "split train against val"),
        ("top1", "images", 180, "images 180 against 3600"),
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


@pytest.mark.parametrize("quantity", ["top1", "top5", "loss"])
def test_other_threads_do_not_exclude_an_accuracy(quantity: str) -> None:
    records = changed(example(), "resnet20", "latency", threads=4)
    records = [
        replace(each, conditions={**each.conditions, "threads": 4})
        if (each.subject, each.quantity) == ("resnet20", quantity)
        else each
        for each in records
    ]
    before, after = (row(comparison(each), "resnet20") for each in (example(), records))
    assert "latency" in before.readings
    assert "latency" not in after.readings
    assert (quantity in before.readings) == (quantity in after.readings)
    assert before.value("top1") == after.value("top1")


@pytest.mark.parametrize(
    "condition",
    ["p90", "p99", "noise", "idle", "window", "quartiles", "runs", "in_turns_with", "left_out"],
)
def test_what_a_measurement_found_besides_is_no_condition(condition: str) -> None:
    compared = comparison(changed(example(), "resnet20", "latency", **{condition: "other"}))
    assert "latency" in row(compared, "resnet20").readings
    assert condition not in compared.conditions["latency"]


def test_which_images_are_right_is_no_condition() -> None:
    compared = comparison(changed(example(), "resnet20", "top1", right="AA=="))
    assert "top1" in row(compared, "resnet20").readings
    assert "right" not in compared.conditions["top1"]


def test_a_noisy_time_is_not_ranked_with_quiet_ones_and_the_reason_is_said() -> None:
    noise = {"noisy": True, "noise": "other processes kept 0.9 cores busy"}
    found = row(comparison(changed(example(), "resnet20", "latency", **noise)), "resnet20")
    assert [apart.reason for apart in found.apart] == [noise["noise"]]
    records = example()
    for name in list(NETWORKS)[:4]:
        records = changed(records, name, "latency", **noise)
    compared = comparison(records)  # four of seven noisy: the three quiet ones are ranked
    assert "noisy" not in compared.conditions["latency"]
    assert compared.conditions["latency"]["batch"] == 1
    assert {r.network for r in compared.rows if "latency" in r.readings} == set(list(NETWORKS)[4:])


@pytest.mark.parametrize("quantity", ["latency", "throughput"])
def test_of_as_many_the_quiet_ones_are_ranked_though_older(quantity: str) -> None:
    noisy = example()
    for name in NETWORKS:
        noisy = changed(noisy, name, quantity, 1.0, noisy=True)
    compared = comparison([*example(), *noisy])
    assert "noisy" not in compared.conditions[quantity]
    assert all(each.value(quantity) != 1.0 for each in compared.rows)


def test_of_several_machines_one_is_ranked_and_never_two_together() -> None:
    board = example()
    for name, quantity in product(NETWORKS, ("latency", "throughput", "peak_memory")):
        board = changed(board, name, quantity, device="A board", threads=4)
    fewer = [each for each in board if each.subject != "plain56"]
    for records, device in (
        ([*board, *example()], "A board"),
        ([*example(), *board], "Example EPYC 9000, 2 cores"),
        ([*fewer, *example()], "Example EPYC 9000, 2 cores"),
        ([*example(), *fewer], "Example EPYC 9000, 2 cores"),
    ):
        compared = comparison(records)
        assert len(compared.rows) == len(NETWORKS)
        for each, quantity in product(compared.rows, ("latency", "throughput", "peak_memory")):
            if quantity in each.readings:
                assert each.readings[quantity].condition("device") == device


def test_one_network_without_a_time_for_one_image_does_not_move_the_rest_to_another_batch() -> None:
    records = [
        each
        for each in example()
        if (each.subject, each.quantity, each.conditions.get("batch")) != ("plain32", "latency", 1)
    ]
    compared = comparison(records)
    assert compared.conditions["latency"]["batch"] == 1
    assert row(compared, "plain32").value("latency") is None


CHOSEN = {"chosen_from": "eager float32, onnxruntime float32, openvino bf16"}


def test_engines_chosen_from_the_same_ones_are_ranked_together() -> None:
    versions = {"python": "3.11.9", "atalho": "0.1.0", "torch": "2.15.0"}
    own = {"engine": "openvino", "dtype": "bf16", "versions": {**versions, "openvino": "2026.4"}}
    records = changed(example(), "resnet20", "latency", **own)
    for name in NETWORKS:
        records = changed(records, name, "latency", **CHOSEN)
    compared = comparison(records)
    assert all("latency" in each.readings for each in compared.rows)
    assert compared.conditions["latency"]["chosen_from"] == CHOSEN["chosen_from"]
    assert not {"engine", "dtype"} & compared.conditions["latency"].keys()
    assert row(compared, "resnet20").readings["latency"].condition("engine") == "openvino"
    older = changed(records, "plain20", "latency", versions={**versions, "torch": "2.14.0"})
    assert [a.reason for a in row(comparison(older), "plain20").apart] == [
        "torch 2.14.0 against 2.15.0"
    ]
    other = changed(records, "plain20", "latency", chosen_from="eager float32")
    (apart,) = row(comparison(other), "plain20").apart
    assert "chosen_from eager float32 against eager float32, onnxruntime" in apart.reason


def test_how_an_engine_agrees_is_compared_with_the_same_engine() -> None:
    records = [
        Record.of(
            name, "agreement", value, "measured", **CHOSEN, engine=engine, trial_seconds=value
        )
        for name, given in {"a": (1.0, 0.99), "b": (0.98, 0.97)}.items()
        for engine, value in zip(("onnxruntime", "openvino"), given, strict=True)
    ]
    compared = comparison(records)
    engine = compared.conditions["agreement"]["engine"]
    expected = {"onnxruntime": {"a": 1.0, "b": 0.98}, "openvino": {"a": 0.99, "b": 0.97}}[engine]
    assert {r.network: r.value("agreement") for r in compared.rows} == expected
    assert not any(each.apart for each in compared.rows)


@pytest.mark.parametrize("condition", ["stopped_at", "trained_on", "auxiliary_weight"])
def test_how_a_network_was_trained_is_told_and_ranked(condition: str) -> None:
    compared = comparison(changed(example(), "resnet20", "top1", **{condition: 0.3}))
    assert "top1" in row(compared, "resnet20").readings


def test_a_failure_is_no_column_and_no_row() -> None:
    failed = [
        Record.of(name, "failure", -9, "measured", stage="latency at batch 64", cause="killed")
        for name in ("resnet20", "vgg19")
    ]
    compared = comparison([*example(), *failed])
    assert (compared.rows, compared.conditions) == (
        comparison(example()).rows,
        comparison(example()).conditions,
    )
    assert compared.failures == tuple(failed)


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
    first = 3555 / IMAGES
    assert reading.value == pytest.approx((first + 0.95) / 2)
    assert reading.deviation == pytest.approx((first - 0.95) / 2**0.5)
    assert reading.interval == (0.92, wilson(3555, IMAGES)[1])


def test_a_newer_record_of_a_seed_replaces_the_older() -> None:
    again = changed(example(["resnet20"]), "resnet20", "top1", 0.5)
    reading = row(comparison([*example(["resnet20"]), *again]), "resnet20").readings["top1"]
    assert [record.value for record in reading.records] == [0.5]


def test_a_newer_training_replaces_the_older_whatever_its_seeds() -> None:
    longer = changed(example(["resnet20"], seed=5), "resnet20", "top1", 0.99, epochs=200.0)
    reading = row(comparison([*example(["resnet20"]), *longer]), "resnet20").readings["top1"]
    assert [record.value for record in reading.records] == [0.99]


def test_without_the_images_intervals_tell_apart() -> None:
    compared = comparison(without_right(example()))
    assert differ_significantly(row(compared, "resnet56"), row(compared, "plain56"))
    assert differ_significantly(row(compared, "plain56"), row(compared, "resnet56"))
    assert not differ_significantly(row(compared, "resnet56"), row(compared, "plain32"))
    unknown = comparison(changed(without_right(example()), "plain56", "top1", interval="wide"))
    assert not differ_significantly(row(unknown, "resnet56"), row(unknown, "plain56"))


def answered(wrong: dict[str, set[int]]) -> list[Record]:
    """The example's networks with the images that each gets wrong."""
    records = example(list(wrong))
    for name, numbers in wrong.items():
        right = pack(torch.tensor([number not in numbers for number in range(IMAGES)]))
        value = 1 - len(numbers) / IMAGES
        given = {"right": right, "interval": wilson(IMAGES - len(numbers), IMAGES)}
        records = changed(records, name, "top1", value, **given)
    return records


def test_pairs_tell_apart_what_intervals_do_not_and_the_reverse() -> None:
    few, more = set(range(4)), set(range(12))
    compared = comparison(answered({"resnet56": few, "resnet20": more}))
    one, other = row(compared, "resnet56"), row(compared, "resnet20")
    (pairs,) = side_by_side(one, other)
    assert (pairs.first, pairs.second, pairs.p) == (8, 0, 2 / 2**8)
    assert differ_significantly(one, other) and differ_significantly(other, one)
    blind = comparison(without_right(answered({"resnet56": few, "resnet20": more})))
    assert not differ_significantly(row(blind, "resnet56"), row(blind, "resnet20"))

    # The reverse: each is right exactly where the other is wrong.
    opposite = {"resnet56": set(range(1745)), "resnet20": set(range(1745, IMAGES))}
    compared = comparison(answered(opposite))
    one, other = row(compared, "resnet56"), row(compared, "resnet20")
    (pairs,) = side_by_side(one, other)
    assert pairs.differ == IMAGES and pairs.p > 0.05
    assert not differ_significantly(one, other)
    blind = comparison(without_right(answered(opposite)))
    assert differ_significantly(row(blind, "resnet56"), row(blind, "resnet20"))


def without_right(records: list[Record]) -> list[Record]:
    for name in NETWORKS:
        records = changed(records, name, "top1", right=None)
    return records


def test_pairs_are_of_one_seed_each_and_of_the_same_images() -> None:
    records = answered({"resnet56": {1}, "resnet20": {2}})
    found = comparison(records)
    assert side_by_side(row(found, "resnet56"), row(found, "resnet20"))
    again = changed(records, "resnet20", "top1", seed=1)
    found = comparison([*records, *again])
    assert not side_by_side(row(found, "resnet56"), row(found, "resnet20"))
    half = changed(records, "resnet20", "top1", images=180)
    assert not all("top1" in each.readings for each in comparison(half).rows)


def of_data(name: str, checksum: str | None, network: str) -> list[Record]:
    """The example's network, tested on data of some content."""
    known = {} if checksum is None else {"data_checksum": f"sha256:{checksum}"}
    return changed(answered({network: {1, 2, 3}}), network, "top1", data=name, **known)


def test_folders_of_one_name_and_other_photos_are_not_ranked_together() -> None:
    one, other = of_data("photos", "1" * 64, "resnet56"), of_data("photos", "2" * 64, "resnet20")
    compared = comparison([*one, *other])
    first, second = row(compared, "resnet20"), row(compared, "resnet56")
    assert "top1" in first.readings
    assert "top1" not in second.readings  # so that there is nothing to pair
    (apart,) = (each for each in second.apart if each.record.quantity == "top1")
    assert apart.reason == "data_checksum sha256:11111111… against sha256:22222222…"
    same = comparison([*of_data("pets", "2" * 64, "resnet56"), *other])
    assert side_by_side(row(same, "resnet56"), row(same, "resnet20"))
    unknown = comparison([*of_data("photos", None, "resnet56"), *other])
    assert "top1" not in row(unknown, "resnet56").readings
    older = [*of_data("photos", None, "resnet56"), *of_data("photos", None, "resnet20")]
    assert side_by_side(row(comparison(older), "resnet56"), row(comparison(older), "resnet20"))


def test_each_trained_network_has_an_input_of_its_own() -> None:
    own = {"arguments": "sha256:1"}
    records = changed(example(), "resnet20", "latency", input=[3, 64, 64])
    assert "latency" not in row(comparison(records), "resnet20").readings
    for name in NETWORKS:
        records = changed(records, name, "latency", **own)
    compared = comparison(records)
    assert all("latency" in each.readings for each in compared.rows)
    assert "input" not in compared.conditions["latency"]


def queries(records: list[Record], network: str, quantity: str) -> list[Query]:
    """A command that asked for what a network's records say."""
    return [
        Query(network, (quantity,), each.conditions)
        for each in records
        if (each.subject, each.quantity) == (network, quantity)
    ]


def test_what_a_command_asked_for_is_ranked_and_what_agrees_with_it() -> None:
    faster = [
        replace(each, value=each.value / 2, conditions={**each.conditions, "engine": "compiled"})
        for each in example()
        if each.quantity == "latency"
    ]
    records = [*example(), *faster]
    newest = comparison(records)
    assert newest.conditions["latency"]["engine"] == "compiled"
    for own in (example(), faster):
        found = comparison(records, queries(own, "resnet20", "latency"))
        (engine,) = {each.conditions["engine"] for each in own if each.quantity == "latency"}
        assert found.conditions["latency"]["engine"] == engine
        assert len([each for each in found.rows if "latency" in each.readings]) == len(NETWORKS)
        assert [*found.conditions] == ["latency"]  # nothing else was asked for
    other = comparison(records[:-3], queries(faster, "resnet20", "latency"))
    left = row(other, "googlenet.small")
    assert [each.reason for each in left.apart] == ["engine eager against compiled"]


def test_of_a_network_that_was_trained_twice_the_training_that_is_asked_for_is_ranked() -> None:
    first = changed(example(), "resnet20", "top1", arguments="sha256:1")
    second = changed(example(["resnet20"]), "resnet20", "top1", 0.5, arguments="sha256:2")
    records = [*first, *second]
    assert row(comparison(records), "resnet20").value("top1") == 0.5
    (asked,) = queries(first, "resnet20", "top1")
    found = row(comparison(records, [asked]), "resnet20")
    assert found.value("top1") == 3555 / IMAGES
