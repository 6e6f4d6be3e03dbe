"""Which pictures are copies of one another: the same file, or the same picture saved again at another size or quality.

A picture's fingerprint is a difference hash (Krawetz 2013), of 16 rows of 17 grey values whether each is brighter than the one
before it, and 64 grey levels. The hash is fast to look up, the levels are surer: pictures with little in them, as handwritten
digits, have similar hashes. Of 200 ImageNet photos, two that differ are at least 67 of 256 bits and 14 of 255 levels apart; 99 %
of their copies, saved with quality 20 to 90 at a quarter to twice the size, at most 31 bits and 1 level.

Pictures that a fixed camera takes of one scene after another look alike too, and are not copies: see `find`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Kind = Literal["exact", "similar", "off"]
"""Which copies are joined: the same files, pictures that look alike too, or none."""

Numbers = NDArray[np.int64]

SIDE = 16  # of the hash
LEVELS = 8
HASH = SIDE**2 // 8  # bytes
BYTES = HASH + LEVELS**2
"""Of a fingerprint: the bits of the difference hash, and of LEVELS² parts of the picture the mean grey level."""

DECODED = 8 * (SIDE + 1)
"""Pixels of the shorter side, of which a fingerprint is as good as of more."""

MOST_BITS = 31
"""By which the hashes of copies differ."""

MOST_SHARE = 0.4
"""Of the bits that either hash has, by which those of copies differ: on a plain background there are few."""

MOST_LEVELS = 2
"""Of 255, by which the grey levels of copies differ on average."""

BANDS = 16
"""Of the hash, of 16 bits each."""

WAVE = np.array(
    [[(-1) ** (place & mask).bit_count() for place in range(LEVELS)] for mask in (0, 4, 6, 2)],
    np.int16,
)
WAVES = np.einsum("ui,vj->uvij", WAVE, WAVE).reshape(BANDS, LEVELS**2)
"""(BANDS, LEVELS²): for each band a Walsh function of the levels, of rows and columns with up to three changes of sign."""

NEIGHBOURS = 100
"""Pictures with the same band that one is compared to, of those that come next by their levels."""

OFTEN = 8
"""Pictures that look alike, more than which are a scene that was taken again and not a picture that was saved again."""

MIXED = 0.1
"""Share of other classes in a group that looks alike, from which on the likeness says nothing of what is shown."""


@dataclass(frozen=True)
class Copies:
    """Which of a folder's pictures belong together.

    Attributes:
        groups: (N,) a number for every picture, equal for copies and for copies of copies: the place of the first of them.
        same: files whose bytes another has too, beyond the first.
        alike: other pictures that look like one before them, and are in its group.
        apart: the places of pictures that look alike and are not joined, group by group: a scene that was taken again.
        compared: pairs whose fingerprints were compared.
    """

    groups: Numbers
    same: int
    alike: int
    apart: Numbers
    compared: int


def fingerprint(image: Image.Image) -> bytes:
    """The fingerprint of an upright RGB picture: what stays of it when it is saved again."""
    small = image.resize((SIDE + 1, SIDE), Image.Resampling.BILINEAR).convert("L")
    grey = np.asarray(small)
    levels = small.resize((LEVELS, LEVELS), Image.Resampling.BOX)
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes() + levels.tobytes()


def find(
    sha256: NDArray[np.uint8], fingerprints: NDArray[np.uint8], labels: Numbers, kind: Kind
) -> Copies:
    """The copies among pictures.

    A group of pictures that look alike is taken apart again, down to equal files, where other classes have more than a tenth of it,
    or where it is most of its class and larger than `OFTEN`: a fixed camera took them, and what differs is what is to be learned.

    Args:
        sha256: (N, 32) bytes of the files' checksums.
        fingerprints: (N, BYTES).
        labels: (N,) of the classes.
    """
    places = np.arange(len(labels))
    none = places[:0]
    if kind == "off" or not len(places):
        return Copies(places, 0, 0, none, 0)
    first, file = _unique(sha256)
    same = len(places) - len(first)
    if kind == "exact":
        return Copies(first[file], same, 0, none, 0)
    group, compared = _near(fingerprints[first])
    apart = np.flatnonzero(_scenes(group, labels[first])[group])
    apart = apart[np.argsort(group[apart], kind="stable")]
    group[apart] = apart
    alike = len(first) - len(np.unique(group))
    return Copies(first[group][file], same, alike, first[apart], compared)


def in_two_classes(sha256: NDArray[np.uint8], labels: Numbers) -> list[list[int]]:
    """The places of every file that is in more than one class."""
    first, file = _unique(sha256)
    many = np.zeros(len(first), bool)
    many[file[labels != labels[first][file]]] = True
    found: dict[int, list[int]] = {}
    for place in np.flatnonzero(many[file]).tolist():
        found.setdefault(int(file[place]), []).append(place)
    return [*found.values()]


def _unique(rows: NDArray[np.uint8]) -> tuple[Numbers, Numbers]:
    """The places of the first of equal rows, in order, and for every row which of these it equals."""
    whole = np.ascontiguousarray(rows).view(f"V{rows.shape[1]}")[:, 0]
    _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[which]


def _scenes(group: Numbers, labels: Numbers) -> NDArray[np.bool_]:
    """Whether each number of a group stands for pictures of a scene, and not for copies."""
    classes, label, of_class = np.unique(labels, return_inverse=True, return_counts=True)
    pairs, counts = np.unique(group * len(classes) + label, return_counts=True)
    most = np.zeros(len(group), np.int64)
    np.maximum.at(most, pairs // len(classes), counts)
    sizes = np.bincount(group, minlength=len(group))
    mixed = most < (1 - MIXED) * sizes
    # A group has the number of its first picture, and its class here.
    return mixed | (sizes > OFTEN) & (2 * sizes > of_class[label])


def _near(fingerprints: NDArray[np.uint8]) -> tuple[Numbers, int]:
    """For every picture the place of the first that it is a copy of, or a copy's copy; and how many pairs were compared.

    Pictures are compared whose hashes have a band in common: all that differ in fewer bits than there are bands, and nine tenths of
    those that differ in 31. Pictures on a plain background have many bands in common: of these each is compared to those that come
    next in the order of a Walsh coefficient of their levels, another one for every band, which of copies is nearly the same.
    """
    first, which = _unique(fingerprints)
    prints = fingerprints[first]
    group = np.arange(len(first))
    levels = prints[:, HASH:].astype(np.int16)
    compared = 0
    for band in range(BANDS):
        # Bits from all over the picture, every sixteenth: neighbours say the same.
        bits = prints[:, band // 8 : HASH : BANDS // 8] >> (7 - band % 8) & 1
        key = np.packbits(bits, axis=1).view(np.uint16)[:, 0]
        # Of two pictures, coefficients differ by no more than all their levels do.
        coefficients = levels @ WAVES[band]
        order = np.lexsort((coefficients, key))
        row = _Row.of(prints[order], key[order], coefficients[order])
        ranked = group[order]
        left = np.arange(len(order))
        for distance in range(1, NEIGHBOURS + 1):
            left = row.within_reach(left, distance)
            if not len(left):
                break
            apart = left[ranked[left] != ranked[left + distance]]
            compared += len(apart)
            near = row.near(apart, distance)
            if len(near):
                group = _joined(group, order[near], order[near + distance])
                ranked = group[order]
    return first[group][which], compared


@dataclass(frozen=True)
class _Row:
    """Pictures in an order in which copies are next to one another."""

    hashes: NDArray[np.uint64]
    levels: NDArray[np.uint8]
    key: NDArray[np.uint16]
    coefficients: NDArray[np.int16]

    @classmethod
    def of(
        cls,
        prints: NDArray[np.uint8],
        key: NDArray[np.uint16],
        coefficients: NDArray[np.int16],
    ) -> "_Row":
        hashes = np.ascontiguousarray(prints[:, :HASH]).view(np.uint64)
        return cls(hashes, np.ascontiguousarray(prints[:, HASH:]), key, coefficients)

    def within_reach(self, left: Numbers, distance: int) -> Numbers:
        """Those places of `left` whose picture may be a copy of that so many places on."""
        left = left[: np.searchsorted(left, len(self.key) - distance)]
        step = self.coefficients[left + distance] - self.coefficients[left]
        same = self.key[left] == self.key[left + distance]
        return np.compress(same & (step <= MOST_LEVELS * LEVELS**2), left)

    def near(self, left: Numbers, distance: int) -> Numbers:
        """Those places whose picture is a copy of that so many places on."""
        one, other = self.hashes[left], self.hashes[left + distance]
        bits = np.bitwise_count(one ^ other).sum(axis=1)
        either = np.bitwise_count(one | other).sum(axis=1)
        left = left[(bits <= MOST_BITS) & (bits <= MOST_SHARE * either)]
        dark, light = np.sort([self.levels[left], self.levels[left + distance]], axis=0)
        return np.compress((light - dark).mean(axis=1) <= MOST_LEVELS, left)


def _joined(group: Numbers, one: Numbers, other: Numbers) -> Numbers:
    """The groups, once those of some pairs of pictures are one; each has the number of its first."""
    ends, place = np.unique(np.stack([group[one], group[other]]), return_inverse=True)
    place = place.reshape(2, -1)
    edges = coo_array((np.ones(len(one), np.int8), (place[0], place[1])), (len(ends), len(ends)))
    _, part = connected_components(edges, directed=False)
    lowest = np.full(len(ends), len(group))
    np.minimum.at(lowest, part, ends)
    joined = np.arange(len(group))
    joined[ends] = lowest[part]
    return joined[group]
