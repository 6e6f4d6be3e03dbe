"""Two networks' answers to the same images → how often they differ, and whether that could be chance (McNemar 1947)."""

from base64 import b64decode
from binascii import Error
from typing import NamedTuple


class Paired(NamedTuple):
    """How two networks answer the same images.

    Attributes:
        first, second: images that the one gets right and the other wrong.
        p: of so uneven a split or a more uneven one, were each such image as likely to fall to either.
    """

    first: int
    second: int
    p: float

    @property
    def differ(self) -> int:
        """Images that only one of them gets right."""
        return self.first + self.second


def paired(first: object, second: object, images: int) -> Paired | None:
    """Two conditions `right` of `images` images side by side; None where one is no such thing: conditions are foreign text."""
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
