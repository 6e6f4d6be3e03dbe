"""McNemar's exact test beside SciPy's, on bools as they are packed into records."""

import random

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from atalho.evaluation.accuracy import pack
from atalho.statistics import mcnemar, paired


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
