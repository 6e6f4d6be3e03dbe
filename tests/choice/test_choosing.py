"""The Pareto front, and the choice."""

import random
from itertools import product

import pytest

from atalho.choice.choosing import COSTS, Miss, choose, misses, pareto_front
from atalho.ranking import Comparison, Reading, Row, comparison
from atalho.record import HIGHER_IS_BETTER, Record
from example_records import IMAGES, NETWORKS, changed, example, without


def row(compared: Comparison, network: str) -> Row:
    return {row.network: row for row in compared.rows}[network]


def plain_row(network: str, **values: float) -> Row:
    records = {q: Record.of(network, q, value, "measured") for q, value in values.items()}
    return Row(network, {q: Reading((record,)) for q, record in records.items()})


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


def test_the_choice_is_the_fastest_that_is_close_enough_to_the_best() -> None:
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


def test_a_limit_on_accuracy_is_the_least() -> None:
    choice = choose(comparison(example()), {"top1": 3558 / IMAGES})
    assert choice and {r.network for r in choice.within} == {"resnet56", "resnet32"}
    assert choice.chosen.network == "resnet32"


def test_a_network_misses_the_limits_that_its_values_are_beyond() -> None:
    found = row(comparison(without(example(), "peak_memory", "resnet56")), "resnet56")
    limits = {"latency": 0.005, "peak_memory": 1e9, "top1": 0.99, "params": 855_770, "top5": 0.9}
    assert misses(found, limits) == (
        Miss("latency", 0.005, 0.0066),
        Miss("peak_memory", 1e9, None),
        Miss("top1", 0.99, 3560 / IMAGES),
    )


@pytest.mark.parametrize("quantity", ["latency", "peak_memory"])
def test_a_limit_is_for_one_image(quantity: str) -> None:
    records = [
        each
        for each in example(["resnet20"])
        if each.quantity != quantity or each.conditions["batch"] == 8
    ]
    (found,) = comparison(records).rows
    assert found.readings[quantity].condition("batch") == 8
    assert misses(found, {quantity: 1e12}) == (Miss(quantity, 1e12, None),)


def test_the_front_weighs_all_costs_that_every_network_within_has() -> None:
    generator = random.Random(0)
    sizes = set()
    for _ in range(60):
        rows = [
            plain_row(
                f"n{index}",
                top1=generator.randint(1, 9) / 10,
                **{q: float(generator.randint(1, 5)) for q in COSTS if generator.random() < 0.9},
            )
            for index in range(generator.randint(1, 6))
        ]
        rows.sort(key=lambda each: -each.readings["top1"].value)
        limits = {"top1": 0.3}
        choice = choose(Comparison(tuple(rows), {}), limits)
        if choice is None:
            continue
        within = [each for each in rows if each.readings["top1"].value >= 0.3]
        assert list(choice.within) == within
        measured = [q for q in COSTS if all(q in each.readings for each in within)]
        assert choice.dimensions == ("top1", *measured)

        def better(one: Row, other: Row, of: tuple[str, ...] = choice.dimensions) -> bool:
            gains = [
                (1 if q in HIGHER_IS_BETTER else -1)
                * (one.readings[q].value - other.readings[q].value)
                for q in of
            ]
            return min(gains) >= 0 and max(gains) > 0

        expected = [each for each in within if not any(better(o, each) for o in within)]
        assert list(choice.front) == expected
        sizes.add((len(measured), len(expected)))
    assert len(sizes) > 6


def test_without_accuracy_there_is_no_choice() -> None:
    assert choose(comparison(without(example(), "top1"))) is None
