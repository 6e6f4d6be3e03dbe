"""Thresholds below which a network says that it is unsure: their bound beside SciPy's, and how often it holds."""

import random
from math import log2

import pytest
from scipy.stats import beta, binom

from atalho.choice.answering import RISK, Threshold, fewest_images, steps, threshold


def answers(
    images: int, generator: random.Random, *, power: float
) -> tuple[list[float], list[float]]:
    """Confidences of images that are right, and wrong, of a network whose probabilities are as often right as they say."""
    right: list[float] = []
    wrong: list[float] = []
    for _ in range(images):
        confidence = generator.random() ** (1 / power)
        (right if generator.random() < confidence else wrong).append(confidence)
    return right, wrong


def error_of(found: Threshold, *, power: float) -> float:
    """The true share of wrong answers at a threshold: the mean of 1 - confidence above it."""
    low = found.confidence

    def below(x: float) -> float:  # ∫ (1 - c) p c^(p - 1) dc from 0 to x
        return x**power - power / (power + 1) * x ** (power + 1)

    return (below(1.0) - below(low)) / (1 - low**power)


@pytest.mark.parametrize(("max_error", "power"), [(0.02, 20), (0.04, 20), (0.2, 3)])
def test_the_bound_is_exact_and_the_most_images_are_answered(
    max_error: float, power: float
) -> None:
    right, wrong = answers(3000, random.Random(1), power=power)
    found = threshold(right, wrong, max_error)
    assert found is not None
    assert found.images == 3000
    assert found.wrong == sum(each >= found.confidence for each in wrong)
    assert found.answered == found.wrong + sum(each >= found.confidence for each in right)
    exact = beta.ppf(1 - RISK / steps(3000), found.wrong + 1, found.answered - found.wrong)
    assert found.bound == pytest.approx(exact, abs=1e-9)
    assert found.bound <= max_error
    # The next threshold below it would answer one image more, with too high a bound.
    below = max(each for each in [*right, *wrong] if each < found.confidence)
    mistakes = sum(each >= below for each in wrong)
    count = found.answered + 1
    assert beta.ppf(1 - RISK / steps(3000), mistakes + 1, count - mistakes) > max_error


@pytest.mark.parametrize(("images", "max_error"), [(300, 0.1), (1000, 0.05), (1000, 0.02)])
def test_the_promise_is_broken_no_more_often_than_its_risk(images: int, max_error: float) -> None:
    generator = random.Random(images)
    tries, broken, promised = 300, 0, 0
    for _ in range(tries):
        found = threshold(*answers(images, generator, power=15), max_error)
        if found is not None:
            promised += 1
            broken += error_of(found, power=15) > max_error
    assert promised > 0
    # Were it broken with a probability of 5 %, so many times or more would be seen once in a thousand.
    assert broken <= binom.ppf(0.999, tries, RISK)


def test_small_errors_take_many_images() -> None:
    assert [fewest_images(each) for each in (0.01, 0.02, 0.05, 0.1)] == [528, 252, 97, 46]


def test_too_few_images_and_too_many_mistakes_give_no_threshold() -> None:
    for max_error in (0.01, 0.02, 0.1):
        fewest = fewest_images(max_error)
        assert threshold([0.9] * (fewest - 1), [], max_error) is None
        found = threshold([0.9] * fewest, [], max_error)
        assert found is not None
        assert (found.answered, found.wrong) == (fewest, 0)
    assert threshold([], [], 0.1) is None
    assert threshold([0.5] * 1000, [0.9] * 100, 0.05) is None


def test_images_that_are_equally_sure_are_answered_together() -> None:
    found = threshold([0.9] * 500 + [0.5] * 500, [0.5] * 400, 0.05)
    assert found is not None
    assert (found.confidence, found.answered, found.wrong) == (0.9, 500, 0)


def test_as_many_thresholds_are_tested_as_halving_takes() -> None:
    assert [steps(images) for images in (1, 2, 3, 4, 7, 8, 1000)] == [1, 2, 2, 3, 3, 4, 10]
    assert steps(0) == 1
    assert all(steps(images) >= log2(images) for images in range(1, 5000))
