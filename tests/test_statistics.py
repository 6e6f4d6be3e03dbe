"""McNemar's exact test, exact bounds and paired intervals beside SciPy's and beside simulation."""

import random

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, norm

from atalho.evaluation.accuracy import pack
from atalho.statistics import (
    Paired,
    apart,
    difference,
    fewest_images,
    holm,
    images_to_tell,
    mcnemar,
    most_lost,
    paired,
    predictive_r2,
    quantile,
    wilson,
)


@pytest.mark.parametrize(
    "pair", [(0, 0), (1, 0), (3, 6), (6, 3), (5, 5), (0, 5), (0, 6), (40, 61), (700, 900)]
)
def test_p_is_scipys(pair: tuple[int, int]) -> None:
    first, second = pair
    theirs = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(theirs, rel=1e-9)


def test_a_large_test_set_is_quick_and_exact() -> None:
    assert mcnemar(2500, 2600) == pytest.approx(binomtest(2500, 5100).pvalue, rel=1e-9)


@pytest.mark.parametrize("images", [1, 7, 8, 9, 64, 360, 1001])
def test_pairs_are_counted_as_bools_are(images: int) -> None:
    generator = random.Random(images)
    one, other = ([generator.random() < 0.7 for _ in range(images)] for _ in range(2))
    found = paired(pack(torch.tensor(one)), pack(torch.tensor(other)), images)
    assert found
    assert found.first == sum(a and not b for a, b in zip(one, other, strict=True))
    assert found.second == sum(b and not a for a, b in zip(one, other, strict=True))
    assert found.differ == int(np.sum(np.array(one) != np.array(other)))
    assert found.p == mcnemar(found.first, found.second)


@pytest.mark.parametrize("odd", [None, 3, ["x"], "no base64!", "é", "", "AAAAAAAA"])
def test_what_is_no_such_condition_is_no_pair(odd: object) -> None:
    good = pack(torch.ones(12, dtype=torch.bool))
    assert paired(good, good, 12)
    assert paired(good, odd, 12) is None
    assert paired(odd, good, 12) is None
    assert paired(good, good, 360) is None


@pytest.mark.parametrize(("lost", "images"), [(0, 299), (0, 298), (1, 16), (5, 1000), (40, 400)])
def test_the_most_that_may_be_lost_is_scipys_exact_bound(lost: int, images: int) -> None:
    theirs = binomtest(lost, images, alternative="less").proportion_ci(0.95, method="exact").high
    assert most_lost(lost, images) == pytest.approx(theirs, abs=1e-9)


def test_299_images_without_an_error_allow_a_loss_of_one_point() -> None:
    assert most_lost(0, 299) <= 0.01 < most_lost(0, 298)
    assert most_lost(1, 16) > 0.25  # VGG-16 in bf16, which was once admitted
    assert most_lost(3, 3) == 1
    assert fewest_images(0.01) == 299
    for lost in (0, 1, 7):
        count = fewest_images(0.02, lost)
        assert most_lost(lost, count) <= 0.02 < most_lost(lost, count - 1)


def test_holms_p_values() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@pytest.mark.parametrize("comparisons", [1, 5, 50])
def test_a_quantile_is_bonferronis(comparisons: int) -> None:
    assert quantile(comparisons) == pytest.approx(norm.ppf(1 - 0.025 / comparisons))


@pytest.mark.parametrize(
    ("images", "first", "second"),
    [(75, 0.05, 0.05), (75, 0.0, 0.03), (300, 0.1, 0.02), (1000, 0.01, 0.02)],
)
def test_paired_intervals_hold_the_truth(images: int, first: float, second: float) -> None:
    draw = np.random.default_rng(0)
    counts = draw.multinomial(images, [first, second, 1 - first - second], size=2000)
    held = 0
    for one, other, _ in counts.tolist():
        low, high = difference([Paired(one, other, 1.0)], images).interval
        held += low <= first - second <= high
    assert held / 2000 > 0.94


def test_several_trainings_count_with_their_spread() -> None:
    one = difference([Paired(10, 20, 1.0)], 1000)
    alike = difference([Paired(10, 20, 1.0)] * 3, 1000)
    spread = difference([Paired(10, 20, 1.0), Paired(10, 10, 1.0), Paired(10, 30, 1.0)], 1000)
    assert one.value == alike.value == pytest.approx(spread.value) == pytest.approx(-0.01)
    assert alike.interval == pytest.approx(one.interval)
    assert spread.interval[0] < alike.interval[0] and spread.interval[1] > alike.interval[1]


def test_fractions_of_other_images_are_compared_by_their_intervals() -> None:
    one, other = (0.9, wilson(0.9, 100)), (0.8, wilson(0.8, 100))
    low, high = apart(one, other).interval
    assert low < 0.1 < high and high - low > wilson(0.9, 100)[1] - wilson(0.9, 100)[0]
    assert apart(one, other).p() == pytest.approx(0.05, abs=0.03)


def test_more_images_tell_where_the_interval_would_end_at_the_margin() -> None:
    found = difference([Paired(10, 12, 1.0)], 400)
    needed = images_to_tell(found, 400, 0.01)
    scale = needed / 400
    again = difference([Paired(round(10 * scale), round(12 * scale), 1.0)], round(needed))
    assert needed > 400 and again.interval[0] == pytest.approx(-0.01, abs=0.001)
    assert images_to_tell(found, 400, 0.005) == float("inf")


def test_a_line_is_judged_by_points_that_it_was_not_fitted_to() -> None:
    xs = [1.0, 2.0, 3.0, 4.0]
    assert predictive_r2(xs, [2 * x + 1 for x in xs]) == pytest.approx(1)
    # By hand: left out, the three points are predicted as 1, 1.5 and 0 by the line, and as 1, 1.5 and 1.5 by the mean.
    assert predictive_r2([0.0, 1.0, 2.0], [2.0, 1.0, 1.0]) == pytest.approx(
        1
        - ((2 - 1) ** 2 + (1 - 1.5) ** 2 + (1 - 0) ** 2)
        / ((2 - 1) ** 2 + (1 - 1.5) ** 2 + (1 - 1.5) ** 2)
    )
    assert predictive_r2(xs, [5.0] * 4) == float("-inf")
    assert predictive_r2([1.0, 1.0, 1.0, 2.0], [1.0, 2.0, 3.0, 9.0]) < 0.9
