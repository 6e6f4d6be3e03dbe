"""Confidence intervals of fractions, and McNemar's exact test of two networks on the same images."""

from base64 import b64decode
from binascii import Error
from math import sqrt
from typing import NamedTuple

Z95 = 1.959963984540054  # 97.5 % of a standard normal distribution lie below it


def wilson(fraction: float, count: int) -> tuple[float, float]:
    """The 95 % confidence interval of a fraction observed in `count` independent cases (Wilson 1927)."""
    centre = fraction + Z95**2 / (2 * count)
    spread = Z95 * sqrt(fraction * (1 - fraction) / count + Z95**2 / (4 * count**2))
    scale = 1 + Z95**2 / count
    # At 0 and 1 the bound equals the fraction; rounding must not move it.
    return min(fraction, max(0.0, (centre - spread) / scale)), max(
        fraction, min(1.0, (centre + spread) / scale)
    )


class Paired(NamedTuple):
    """McNemar's test of two networks on the same images.

    Attributes:
        first, second: how many images only the first, and only the second network classifies correctly.
        p: the two-sided p value of McNemar's exact test.
    """

    first: int
    second: int
    p: float

    @property
    def differ(self) -> int:
        """How many images only one of the two networks classifies correctly."""
        return self.first + self.second


def paired(first: object, second: object, images: int) -> Paired | None:
    """McNemar's test from two conditions `right`: bits in base64, one for each of `images` images.

    Returns None where one of them is not valid, as it may be in a record of another program.
    """
    one, other = _bits(first, images), _bits(second, images)
    if one is None or other is None:
        return None
    only_one, only_other = (one & ~other).bit_count(), (other & ~one).bit_count()
    return Paired(only_one, only_other, mcnemar(only_one, only_other))


def mcnemar(first: int, second: int) -> float:
    """The two-sided p value of McNemar's exact test.

    Args:
        first, second: the discordant pairs of either kind; under the null hypothesis `first` is binomial with probability 1/2.
    """
    pairs = first + second
    tail = combinations = 1  # binomial(pairs, 0)
    for k in range(min(first, second)):
        combinations = combinations * (pairs - k) // (k + 1)
        tail += combinations
    return min(1.0, 2 * tail / (1 << pairs))


def _bits(right: object, images: int) -> int | None:
    """The packed bools of a condition `right` as the bits of an integer; padding bits of the last byte are zeros."""
    if not isinstance(right, str):
        return None
    try:
        packed = b64decode(right, validate=True)
    except (Error, ValueError):
        return None
    return int.from_bytes(packed) if 0 <= 8 * len(packed) - images < 8 else None
