"""The page's first paragraph: the choice within the limits, its ties, who is beyond them, and what relaxing one buys."""

import random
import re
from dataclasses import replace
from html import unescape

import pytest

from atalho.choice.choosing import NO_LIMITS, Choice, Limits, choose
from atalho.comparison import cited
from atalho.page.words import conditions
from atalho.page.words.answer import enough, sentences
from atalho.page.words.certainty import details
from atalho.ranking import Comparison, comparison
from atalho.record import Record
from example_records import IMAGES, bits, example, renamed, wilson, without
from example_records import changed as with_other
from web_page import HOSTILE


def answer(records: list[Record], **limits: float) -> str:
    compared = comparison(records)
    return said(compared, choose(compared, limits), limits)


def said(compared: Comparison, choice: Choice | None, limits: Limits = NO_LIMITS) -> str:
    """The paragraph as text, with plain spaces."""
    return unescape(" ".join(sentences(compared, choice, limits))).replace("\u00a0", " ")


def test_the_choice_has_a_value_for_each_limit() -> None:
    found = answer(example(), latency=0.003, peak_memory=30e6, top1=0.95)
    assert found.startswith(
        "Within 3.00 ms of latency for one image and 30.0 MB of peak memory and at 95.0 % of top-1 accuracy "
        "or more: <strong>plain20</strong> is the fastest of the 2 networks that are close enough to the most accurate: "
        "on digits (validation split, 3,600 images), "
    )
    assert (
        "98.7 % (95 % interval 98.2–99.1 %, as one chosen among 2), in 2.10 ms for one image, with 21.4 MB peak memory."
        in found
    )


def test_each_network_beyond_the_limits_is_there_with_what_it_misses() -> None:
    found = answer(without(example(), "peak_memory", "plain32"), latency=0.003, peak_memory=30e6)
    (sentence,) = re.findall(r"Beyond the limits: ([^:]+)\. ", found)
    assert sentence.split("; ") == [
        "resnet56, latency 6.60 ms (2.2 ×) and peak memory 34.4 MB (1.15 ×)",
        "resnet32, latency 3.70 ms (1.23 ×)",
        "plain32, latency 3.40 ms (1.13 ×)",
        "googlenet.small, latency 14.8 ms (4.93 ×) and peak memory 96.4 MB (3.21 ×)",
        "plain56, latency 6.10 ms (2.03 ×) and peak memory 31.4 MB (1.05 ×)",
    ]
    assert (
        "Peak memory was not measured, or under other conditions, and counts as beyond its limit: plain32."
        in found
    )
    assert "energy" not in found.lower()
    assert "Beyond" not in answer(example())


def test_a_limit_on_what_nobody_measured_is_said_once() -> None:
    found = answer(example(), energy=2.0)
    assert "No network with a measured accuracy is known to be within 2.00 J/image" in found
    assert (
        "Energy was not measured, or under other conditions, and counts as beyond its limit: every network."
        in found
    )
    assert "Relaxing the limit of energy would allow no network." in found


def test_a_hair_beyond_a_limit_is_not_said_to_be_nothing() -> None:
    assert "resnet20, latency 2.40 ms (just over)" in answer(example(), latency=0.0023999)
    assert "resnet56, top-1 accuracy 98.9 % (just short)" in answer(example(), top1=0.989)


def test_what_relaxing_buys_is_said() -> None:
    records = with_other(example(), "resnet56", "top1", 1.0, interval=wilson(IMAGES, IMAGES))
    records = with_other(
        records, "plain20", "top1", 0.9, interval=wilson(3240, IMAGES), right=bits(range(360))
    )
    found = answer(records, latency=0.00211, peak_memory=1e9)
    assert "Latency relaxed to 2.40 ms would choose resnet20, 8.8 points more accurate." in found
    assert (
        "Relaxing the limit of peak memory alone would gain no accuracy that these images can show"
        in found
    )
    none = answer(example(), latency=1e-9)
    assert "Latency relaxed to 2.10 ms would allow plain20, 98.7 % (95 %" in none


@pytest.mark.parametrize("quantity", ["latency", "peak_memory", "energy", "size", "top1"])
def test_a_needed_limit_as_it_is_written_is_enough(quantity: str) -> None:
    generator = random.Random(0)
    factors = {"µs": 1e-6, "ms": 1e-3, "s": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "%": 0.01}
    factors |= {"mJ/image": 1e-3, "J/image": 1}
    for _ in range(300):
        value = generator.random() if quantity == "top1" else 10 ** generator.uniform(-5, 3)
        if quantity in ("peak_memory", "size"):
            value *= 1e6
        number, unit = enough(quantity, value).split("\u00a0")
        written = float(number.replace(",", "")) * factors[unit]
        if quantity == "top1":
            assert value - 0.001 <= written <= value + 1e-9
        else:
            assert value * (1 - 1e-9) <= written <= value * 1.011


def test_what_the_choice_costs_is_said() -> None:
    found = answer(example())
    assert (
        "It is 3.1 × faster than resnet56, the most accurate with 98.9 % (95 % interval 98.5–99.2 %), and 0.2 points lower "
        "(95 % interval −0.7 to +0.3 points)." in found
    )
    assert "McNemar" not in found


def test_what_the_images_cannot_tell_is_said_with_how_many_more_would() -> None:
    compared = comparison(example())
    found = said(compared, choose(compared, margin=0.005))
    assert found.startswith("<strong>resnet56</strong> is the most accurate of 7 networks")
    (sentence,) = re.findall(r"These images cannot tell whether .*? would tell\.", found)
    assert sentence == (
        "These images cannot tell whether plain20, 3.1 × faster, is within 0.5 points of resnet56, nor of resnet20, plain32 and resnet32: "
        "it is 0.2 points lower (95 % interval −0.7 to +0.3 points); about 6,600 more images would tell."
    )
    few = said(compared, choose(compared, margin=0.0019))
    assert "it would take more images than can be had" in few
    assert "These images do not exclude that resnet56 is more accurate than" not in found


def test_networks_that_may_be_better_are_named() -> None:
    slower = with_other(example(["resnet56", "resnet20"]), "resnet20", "latency", 0.1)
    compared = comparison(slower)
    found = said(compared, choose(compared, margin=0.0001))
    assert (
        "These images do not exclude that resnet20 is more accurate than resnet56 by more than 0.01 points."
        in found
    )


def test_the_details_name_the_tests() -> None:
    compared = comparison(example())
    choice = choose(compared)
    assert choice
    first, *others = (each.replace("\u00a0", " ") for each in details(choice))
    assert "Bonett and Price 2012, corrected for 6 comparisons, Bonferroni" in first
    assert "excludes a loss of more than 1 point" in first
    assert others[0] == (
        "resnet32: 0.1 points lower (95 % interval −0.5 to +0.4 points); right on 20 images that the other gets wrong, "
        "wrong on 22 that it gets right: may stand in."
    )
    assert others[-1].endswith("significantly less accurate (Holm’s correction).")
    alone = choose(comparison(example(["resnet20"])))
    assert alone and details(alone) == []


def test_the_test_split_is_said_beside_the_choice() -> None:
    tested = [
        replace(each, conditions={**each.conditions, "split": "test", "images": 360}, value=0.975)
        for each in example(["plain20"])
        if each.quantity == "top1"
    ]
    found = answer([*example(), *tested])
    assert "on digits (validation split, 3,600 images), 98.7 %" in found
    assert "On images that nothing was chosen by, digits (test split, 360 images): 97.5 %" in found
    only = answer(tested)
    assert only.startswith(
        "These accuracies are of the test split, and nothing is chosen on what it is tested on"
    )


def test_what_has_learned_nothing_is_said() -> None:
    found = answer(with_other(example(), "plain56", "loss", 2.31))
    assert (
        "Learned nothing, with a loss no better than that of guessing by the classes’ frequencies: plain56."
        in found
    )
    assert "Less accurate" not in found


def test_the_engine_is_said_where_it_is_the_networks_own() -> None:
    chosen = {"chosen_from": "eager float32, openvino bf16", "engine": "openvino", "dtype": "bf16"}
    records = with_other(example(["resnet20"]), "resnet20", "latency", **chosen)
    assert "in 2.40 ms for one image with openvino bf16" in answer(records)
    assert "each network by the fastest of eager float32, openvino bf16" in conditions.machine(
        comparison(records)
    )
    assert "openvino" not in answer(example())


def test_the_front_is_named() -> None:
    found = answer(example())
    assert (
        "On the Pareto front of top-1 accuracy, latency and peak memory: resnet56, resnet32, resnet20 and plain20."
        in found
    )
    assert "Pareto" not in answer(without(example(), "peak_memory"))


def test_without_an_accuracy_of_ones_own_others_are_cited() -> None:
    records = [
        record
        for number, name in enumerate(("alexnet", "vgg16", "resnet18", "resnet50"), start=1)
        for record in (
            *cited.records(name),
            Record.of(name, "latency", 0.01 * number, "measured", batch=1),
        )
    ]
    found = answer(records)
    assert found.startswith("No accuracy was measured")
    assert "cited and not measured here, the highest is resnet50’s 75.3 %, in 40.0 ms" in found
    within = answer(records, latency=0.035)
    assert "Within 35.0 ms of latency for one image: alexnet, vgg16 and resnet18." in within
    assert "the highest is vgg16’s 71.6 %" in within
    assert "Beyond the limits: resnet50, latency 40.0 ms (1.14 ×)." in within
    assert "Relaxing" not in within
    elsewhere = Record.of("alexnet", "top1", 0.8, "cited", data="cifar10")
    assert "other people" not in answer([*records, elsewhere])
    (of_variant, *_) = [
        line for line in conditions.cited(comparison(records)) if "resnet18, top-1" in line
    ]
    assert "; of resnet18.b, which differs: shortcuts of option B" in of_variant


def test_a_network_that_failed_and_one_of_unknown_accuracy_are_named() -> None:
    failed = Record.of(
        "vgg19", "failure", -9, "measured", stage="latency at batch 64", cause="killed"
    )
    timed = Record.of("alexnet", "params", 6e7, "computed", input=[3, 32, 32], num_classes=10)
    records = [*example(), failed, timed]
    assert "Failed: vgg19 (latency at batch 64)." in answer(records)
    assert "their accuracy was not measured: alexnet." in answer(records, params=1e8)
    again = Record.of("resnet20", "failure", 1, "measured", stage="energy", cause="no sensor")
    assert "Failed" not in answer([*example(), again])


def test_the_answer_follows_the_records() -> None:
    found = answer(example())
    assert "<strong>plain20</strong> is the fastest of the 6 networks" in found
    assert (
        "98.7 % (95 % interval 98.1–99.1 %, as one chosen among 7), in 2.10 ms for one image"
        in found
    )
    assert "Less accurate: plain56." in found
    assert "mean of 2 seeds, standard deviation 0.0" in answer(example() + example(seed=1))
    slower = answer(with_other(example(), "plain20", "latency", 0.005))
    assert "<strong>resnet20</strong> is the fastest" in slower
    better = with_other(example(), "plain56", "top1", 1.0, interval=[0.999, 1.0], right=bits([]))
    assert "<strong>plain56</strong> is the most accurate of 7 networks" in answer(better)


def test_the_answer_without_latency_and_under_limits() -> None:
    found = answer(without(example(), "latency"))
    assert "<strong>plain20</strong> is the one of fewest operations" in found
    assert " ms" not in found
    found = answer(without(example(), "latency", "plain20"))
    assert "No latency to compare: plain20." in found
    found = answer(example(), peak_memory=25e6)
    assert "Within 25.0 MB of peak memory: <strong>plain20" in found
    assert "Beyond the limits: resnet56, peak memory 34.4 MB (1.38 ×); resnet32," in found
    assert "No network with a measured accuracy is known to be within" in answer(
        example(), latency=1e-9
    )


def test_a_name_in_the_answer_is_escaped() -> None:
    compared = comparison(renamed(example(["resnet20"]), HOSTILE))
    (sentence, *_) = sentences(compared, choose(compared, {}), {})
    assert "<script>" not in sentence
    assert "&lt;script&gt;alert(1)" in sentence
