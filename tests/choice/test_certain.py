"""What a choice may rest on: validation images, intervals of paired differences, a margin, networks that have learned."""

from collections.abc import Iterable, Mapping
from math import log

import pytest

from atalho.choice.choosing import Choice, choose
from atalho.choice.pairs import differ_significantly, side_by_side
from atalho.ranking import comparison
from atalho.record import Record
from atalho.statistics import wilson
from example_records import bits


def network(
    name: str,
    wrong: Iterable[int],
    images: int,
    seconds: float = 0.01,
    *,
    seed: int = 0,
    split: str = "val",
) -> list[Record]:
    """A network that classifies these images wrong."""
    places = {*wrong}
    top1 = 1 - len(places) / images
    on = {"data": "photos", "split": split, "images": images, "seed": seed}
    right, interval = bits(places, images), list(wilson(top1, images))
    return [
        Record.of(name, "top1", top1, "measured", **on, right=right, interval=interval),
        Record.of(name, "latency", seconds, "measured", batch=1),
    ]


def chosen(records: list[Record], margin: float = 0.01, limits: Mapping[str, float] = {}) -> Choice:
    choice = choose(comparison(records), limits, margin)
    assert choice
    return choice


def test_what_few_photos_cannot_tell_is_not_taken_for_a_tie() -> None:
    """Of 75 photos the slow network gets five right that the fast one does not: p = 0.06, and 6.7 points."""
    records = [*network("slow", range(10), 75, 0.03), *network("fast", range(15), 75, 0.01)]
    choice = chosen(records)
    assert choice.chosen.network == "slow"
    assert not choice.worse and [row.network for row in choice.alike] == ["slow"]
    assert choice.differences["fast"].interval[0] < -0.01


def test_a_network_stands_in_where_its_loss_is_shown_to_be_within_the_margin() -> None:
    def of(images: int) -> list[Record]:
        return [
            *network("slow", range(2), images, 0.03),
            *network("fast", range(2, 5), images, 0.01),
        ]

    assert chosen(of(300)).chosen.network == "slow"
    assert chosen(of(3000)).chosen.network == "fast"
    assert chosen(of(300), margin=0.05).chosen.network == "fast"
    assert chosen(of(3000), margin=0.0).chosen.network == "slow"


def test_what_is_significantly_worse_is_not_taken_however_wide_the_margin() -> None:
    records = [*network("slow", range(0), 3000, 0.03), *network("fast", range(10), 3000, 0.01)]
    choice = chosen(records, margin=0.2)
    assert choice.chosen.network == "slow"
    assert [row.network for row in choice.worse] == ["fast"]


def test_a_network_that_is_close_to_the_best_and_worse_than_another_is_not_taken() -> None:
    """The three are not transitive: fast is not told apart from best, and is significantly worse than middle."""
    best = range(1000, 1100)
    middle = range(105)
    fast = range(112)
    records = [
        *network("best", best, 10_000, 0.03),
        *network("middle", middle, 10_000, 0.02),
        *network("fast", fast, 10_000, 0.01),
    ]
    rows = {row.network: row for row in comparison(records).rows}
    assert not differ_significantly(rows["fast"], rows["best"])
    assert differ_significantly(rows["fast"], rows["middle"])
    assert chosen(records).chosen.network == "middle"
    assert chosen(records[:2] + records[4:]).chosen.network == "fast"


def test_an_accuracy_on_the_test_split_chooses_nothing() -> None:
    tested = [
        *network("slow", range(9), 75, split="test"),
        *network("fast", range(3), 75, split="test"),
    ]
    assert choose(comparison(tested)) is None
    both = [*network("slow", range(4), 75), *network("fast", range(30), 75), *tested]
    choice = chosen(both)
    assert choice.chosen.network == "slow"
    assert choice.chosen.readings["top1"].value == 1 - 4 / 75
    assert choice.chosen.tested["top1"].value == 1 - 9 / 75


def test_the_least_accuracy_is_of_the_images_that_decide() -> None:
    records = [*network("a", range(10), 100), *network("a", range(1), 100, split="test")]
    assert choose(comparison(records), {"top1": 0.95}) is None
    assert choose(comparison(records), {"top1": 0.9})


@pytest.mark.parametrize(("loss", "learned"), [(log(10), False), (32_799.0, False), (2.29, True)])
def test_a_network_that_has_learned_nothing_is_neither_chosen_nor_compared_with(
    loss: float, learned: bool
) -> None:
    on = {"data": "photos", "split": "val", "images": 100, "seed": 0}
    guess = Record.of("a", "loss", loss, "measured", **on, guessing=log(10))
    records = [*network("a", range(2), 100, 0.001), guess]
    choice = choose(comparison(records))
    assert (choice is not None) is learned
    both = chosen([*records, *network("b", range(5), 100)])
    assert [row.network for row in both.within] == (["a", "b"] if learned else ["b"])
    assert [row.network for row in both.unlearned] == ([] if learned else ["a"])


def test_of_many_networks_the_comparisons_with_the_best_are_corrected() -> None:
    """Ten right that the other gets wrong, against two: p = 0.04, which of twelve networks one or another will have by chance."""
    pair = [*network("best", range(2), 500), *network("n0", range(2, 12), 500)]
    assert [row.network for row in chosen(pair).worse] == ["n0"]
    others = [
        record for k in range(1, 11) for record in network(f"n{k}", range(20 * k, 20 * k + 4), 500)
    ]
    assert not chosen([*pair, *others]).worse


def test_the_winner_of_many_has_a_wider_interval() -> None:
    def width(count: int) -> float:
        records = [
            record for k in range(count) for record in network(f"n{k}", range(k, k + 10), 200)
        ]
        interval = chosen(records).interval
        assert interval
        return interval[1] - interval[0]

    assert width(1) == pytest.approx(wilson(0.95, 200)[1] - wilson(0.95, 200)[0])
    assert width(1) < width(3) < width(12)


def test_seeds_that_scatter_widen_the_difference() -> None:
    def seeds(fast: list[int]) -> list[Record]:
        return [
            record
            for seed, wrong in enumerate(fast)
            for record in (
                *network("slow", range(100, 130), 5000, 0.03, seed=seed),
                *network("fast", range(200, 200 + wrong), 5000, 0.01, seed=seed),
            )
        ]

    steady, scattered = seeds([35, 35, 35]), seeds([5, 35, 65])
    rows = {row.network: row for row in comparison(steady).rows}
    assert len(side_by_side(rows["fast"], rows["slow"])) == 3
    assert chosen(steady).chosen.network == "fast"
    assert chosen(scattered).chosen.network == "slow"
    assert rows["fast"].readings["top1"].deviation == pytest.approx(0)


def test_of_other_seeds_nothing_is_paired() -> None:
    records = [*network("a", range(3), 500, seed=0), *network("b", range(4), 500, seed=1)]
    rows = {row.network: row for row in comparison(records).rows}
    assert side_by_side(rows["a"], rows["b"]) == []


def test_networks_that_may_be_better_are_named() -> None:
    records = [
        *network("a", range(2), 75),
        *network("b", range(4, 7), 75),
        *network("c", range(40), 75),
    ]
    choice = chosen(records)
    assert (choice.chosen.network, [row.network for row in choice.rivals]) == ("a", ["b"])
