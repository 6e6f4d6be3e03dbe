"""Which pictures are copies of one another: the same file, or the same picture saved again at another size or quality.

A picture's fingerprint is a difference hash (Krawetz 2013), of 16 rows of 17 grey values whether each is brighter than the one
before it, and 64 grey levels. The hash is fast to look up, the levels are surer: pictures with little in them, as handwritten
digits, have similar hashes. Of 200 ImageNet photos, two that differ are at least 67 of 256 bits and 14 of 255 levels apart; 99 %
of their copies, saved with quality 20 to 90 at a quarter to twice the size, at most 31 bits and 1 level.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 16  # of the hash
LEVELS = 8
MOST_BITS = 31
"""By which the hashes of copies differ."""

MOST_LEVELS = 2
"""Of 255, by which the grey levels of copies differ on average."""

BANDS = 16
"""Of the hash, of 16 bits each."""


class Fingerprint(NamedTuple):
    """What stays of a picture when it is saved again.

    Attributes:
        bits: the difference hash, SIDE² bits in hexadecimal.
        levels: of LEVELS² parts of the picture, the mean grey level in hexadecimal.
    """

    bits: str
    levels: str


def fingerprint(image: Image.Image) -> Fingerprint:
    """The fingerprint of an upright RGB picture."""
    small = image.resize((SIDE + 1, SIDE), Image.Resampling.BILINEAR).convert("L")
    grey = np.asarray(small)
    levels = small.resize((LEVELS, LEVELS), Image.Resampling.BOX)
    return Fingerprint(
        np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes().hex(), levels.tobytes().hex()
    )


def groups(files: Sequence[str], fingerprints: Sequence[Fingerprint]) -> list[int]:
    """A number for every picture, equal for copies and for copies of copies: the place of the first of them.

    Only pictures whose hashes have a band in common are compared, so that 100,000 photos take seconds: all that differ in
    fewer bits than there are bands, and nine tenths of those that differ in 31.

    Args:
        files: the SHA-256 of every file.
    """
    first = [*range(len(files))]

    def root(place: int) -> int:
        while first[place] != place:
            first[place] = place = first[first[place]]
        return place

    def join(one: int, other: int) -> None:
        low, high = sorted((root(one), root(other)))
        first[high] = low

    for names in (files, fingerprints):
        seen: dict[object, int] = {}
        for place, name in enumerate(names):
            join(seen.setdefault(name, place), place)
    distinct = sorted(
        {fingerprint: place for place, fingerprint in enumerate(fingerprints)}.items()
    )
    if distinct:
        places = [place for _, place in distinct]
        for one, other in _near([each for each, _ in distinct]):
            join(places[one], places[other])
    return [root(place) for place in range(len(files))]


def _near(fingerprints: Sequence[Fingerprint]) -> set[tuple[int, int]]:
    """The pairs of places whose fingerprints are those of copies."""
    hashes, levels = (
        np.stack([np.frombuffer(bytes.fromhex(text), np.uint8) for text in texts])
        for texts in zip(*fingerprints, strict=True)
    )
    words = hashes.view(np.uint64)
    levels = levels.astype(np.int16)
    bits = np.unpackbits(hashes, axis=1)
    pairs: set[tuple[int, int]] = set()
    for band in range(BANDS):
        # Bits from all over the picture: neighbours say the same.
        key = np.packbits(bits[:, band::BANDS], axis=1).view(np.uint16)[:, 0]
        order = np.argsort(key, kind="stable")
        key = key[order]
        left, distance = np.arange(len(key)), 0
        while len(left):
            distance += 1
            left = left[left + distance < len(key)]
            left = left[key[left] == key[left + distance]]
            one, other = order[left], order[left + distance]
            near = np.bitwise_count(words[one] ^ words[other]).sum(axis=1) <= MOST_BITS
            one, other = one[near], other[near]
            near = abs(levels[one] - levels[other]).mean(axis=1) <= MOST_LEVELS
            pairs.update(zip(one[near].tolist(), other[near].tolist(), strict=True))
    return pairs
