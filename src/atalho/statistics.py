"""Intervals of fractions, and the paired test of two networks that answered the same images."""

from base64 import b64decode
from binascii import Error
from math import sqrt
from typing import NamedTuple

Z95 = 1.959963984540054  # 97.5 % of a standard normal distribution lie below it


def wilson(fraction: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a fraction seen in `count` independent cases (Wilson 1927)."""
    centre = fraction + Z95**2 / (2 * count)
    spread = Z95 * sqrt(fraction * (1 - fraction) / count + Z95**2 / (4 * count**2))
    scale = 1 + Z95**2 / count
    # At 0 and 1 the bound is the fraction itself; rounding must not put it a hair inside or outside.
    return min(fraction, max(0.0, (centre - spread) / scale)), max(
        fraction, min(1.0, (centre + spread) / scale)
    )


class Paired(NamedTuple):
    """The images that two networks classify differently.

    Attributes:
        first, second: images that only the first, and only the second, gets right.
        p: the two-sided p value of McNemar's exact test.
    """

    first: int
    second: int
    p: float

    @property
    def differ(self) -> int:
        """Images that only one of them gets right."""
        return self.first + self.second


def paired(first: object, second: object, images: int) -> Paired | None:
    """Two conditions `right` of `images` images side by side; None where one is not a valid condition, since records may come from other people."""
    one, other = _bits(first, images), _bits(second, images)
    if one is None or other is None:
        return None
    only_one, only_other = (one & ~other).bit_count(), (other & ~one).bit_count()
    return Paired(only_one, only_other, mcnemar(only_one, only_other))


def mcnemar(first: int, second: int) -> float:
    """The exact two-sided p of McNemar's test: the binomial test of `first` in all discordant pairs at one half."""
    pairs = first + second
    tail = ways = 1  # to choose none of them, then one, …
    for k in range(min(first, second)):
        ways = ways * (pairs - k) // (k + 1)
        tail += ways
    return min(1.0, 2 * tail / (1 << pairs))


def _bits(right: object, images: int) -> int | None:
    """The bools that `right` packs, as the bits of a number; those that fill its last byte are zeros."""
    if not isinstance(right, str):
        return None
    try:
        packed = b64decode(right, validate=True)
    except (Error, ValueError):
        return None
    return int.from_bytes(packed) if 0 <= 8 * len(packed) - images < 8 else None
