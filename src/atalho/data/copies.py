"""Finds pictures that are copies of one another: the same file, or the same picture saved again at another size or quality.

A picture's fingerprint consists of a difference hash (Krawetz 2013) and of 64 grey levels. The hash says of 16 rows of 17 grey
values whether each value is brighter than the one before it. The hash is fast to look up, the levels are more reliable: pictures
with little in them, such as handwritten digits, have similar hashes. Of 200 ImageNet photos, two that differ are at least 67 of 256
bits and 14 of 255 levels apart; 99 % of their copies, saved with quality 20 to 90 at a quarter to twice the size, at most 31 bits
and 1 level.

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
"""Bytes of a fingerprint: the difference hash, and the mean grey level of each of LEVELS² parts of the picture."""

DECODED = 8 * (SIDE + 1)
"""Pixels that are enough for the shorter side: a fingerprint of more is no better."""

MOST_BITS = 31
"""The largest number of bits in which the hashes of copies differ."""

MOST_SHARE = 0.4
"""The largest share of the bits set in either hash in which copies differ: on a plain background few bits are set."""

MOST_LEVELS = 2
"""The largest mean difference of the grey levels of copies, of 255."""

BANDS = 16
"""How many parts of 16 bits each the hash is divided into."""

WAVE = np.array(
    [[(-1) ** (column & mask).bit_count() for column in range(LEVELS)] for mask in (0, 4, 6, 2)],
    np.int16,
)
WAVES = np.einsum("ui,vj->uvij", WAVE, WAVE).reshape(BANDS, LEVELS**2)
"""(BANDS, LEVELS²): for each band a Walsh function of the levels, of rows and columns with up to three changes of sign."""

BLOCK = 1 << 14
"""How many pictures are compared at a time, so that they stay in a processor's cache."""

NEIGHBOURS = 100
"""How many pictures with the same band each picture is compared with: those that follow it in the order of their levels."""

MOST_COPIES = 8
"""The largest group of similar pictures that are copies where the group is most of its class: more show one scene, taken again."""

MIXED = 0.1
"""The largest share of other classes in a group of copies: with more, similarity says nothing of what the pictures show."""


@dataclass(frozen=True)
class Copies:
    """Which of a folder's pictures are copies.

    Attributes:
        groups: (N,) a number for every picture, equal for copies and for copies of copies: the row of the first of them.
        identical: number of files that are identical with an earlier one.
        similar: number of other pictures that look like an earlier one and are in its group.
        scenes: the rows of pictures that look alike but are not copies, group by group: one scene, taken again.
        compared: number of pairs whose fingerprints were compared.
    """

    groups: Numbers
    identical: int
    similar: int
    scenes: Numbers
    compared: int


def fingerprint(image: Image.Image) -> bytes:
    """The fingerprint of an upright RGB picture, which changes little when the picture is saved again."""
    small = image.resize((SIDE + 1, SIDE), Image.Resampling.BILINEAR).convert("L")
    grey = np.asarray(small)
    levels = small.resize((LEVELS, LEVELS), Image.Resampling.BOX)
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes() + levels.tobytes()


def find(
    sha256: NDArray[np.uint8], fingerprints: NDArray[np.uint8], labels: Numbers, kind: Kind
) -> Copies:
    """The copies among pictures.

    A group of pictures that look alike is divided again into groups of identical files where more than a tenth of it is of other
    classes, or where it is most of its class and larger than `MOST_COPIES`: a fixed camera took the pictures, and their small
    differences are what a network has to learn.

    Args:
        sha256: (N, 32) bytes of the files' checksums.
        fingerprints: (N, BYTES).
        labels: (N,) indices of the classes.
    """
    rows = np.arange(len(labels))
    none = rows[:0]
    if kind == "off" or not len(rows):
        return Copies(rows, 0, 0, none, 0)
    first, file = _unique(sha256)
    identical = len(rows) - len(first)
    if kind == "exact":
        return Copies(first[file], identical, 0, none, 0)
    group, compared = _near(fingerprints[first])
    scenes = np.flatnonzero(_scenes(group, labels[first])[group])
    scenes = scenes[np.argsort(group[scenes], kind="stable")]
    group[scenes] = scenes
    similar = len(first) - len(np.unique(group))
    return Copies(first[group][file], identical, similar, first[scenes], compared)


def in_two_classes(sha256: NDArray[np.uint8], labels: Numbers) -> list[list[int]]:
    """The rows of every file that lies in more than one class: a list for each file."""
    first, file = _unique(sha256)
    many = np.zeros(len(first), bool)
    many[file[labels != labels[first][file]]] = True
    by_file: dict[int, list[int]] = {}
    for row in np.flatnonzero(many[file]).tolist():
        by_file.setdefault(int(file[row]), []).append(row)
    return [*by_file.values()]


def _unique(rows: NDArray[np.uint8]) -> tuple[Numbers, Numbers]:
    """The indices of the first of equal rows, in order, and for every row the position of its equal among these."""
    whole = np.ascontiguousarray(rows).view(f"S{rows.shape[1]}")[
        :, 0
    ]  # sorted twice as fast as void
    _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[which]


def _scenes(group: Numbers, labels: Numbers) -> NDArray[np.bool_]:
    """For each number of a group, whether its pictures show one scene, taken again, and are not copies."""
    classes, label, of_class = np.unique(labels, return_inverse=True, return_counts=True)
    pairs, counts = np.unique(group * len(classes) + label, return_counts=True)
    most = np.zeros(len(group), np.int64)
    np.maximum.at(most, pairs // len(classes), counts)
    sizes = np.bincount(group, minlength=len(group))
    mixed = most < (1 - MIXED) * sizes
    # A group has the number of its first picture, whose class stands for the group's.
    return mixed | (sizes > MOST_COPIES) & (2 * sizes > of_class[label])


def _near(fingerprints: NDArray[np.uint8]) -> tuple[Numbers, int]:
    """For every picture the index of the first that it is a copy of, directly or by other copies; and how many pairs were compared.

    Pictures are compared whose hashes have a band in common. That is true of all that differ in fewer bits than there are bands,
    and of nine tenths of those that differ in 31. Pictures on a plain background have many bands in common. Within a band, each
    picture is therefore compared only with those that follow it in the order of a Walsh coefficient of the levels, which is nearly equal for
    copies; every band uses another coefficient.
    """
    first, which = _unique(fingerprints)
    hashes, levels = fingerprints[first, :HASH], fingerprints[first, HASH:]
    group = np.arange(len(first))
    compared = 0
    for band in range(BANDS):
        # Every sixteenth bit, from all over the picture: neighbouring bits are often equal.
        bits = hashes[:, band // 8 :: BANDS // 8] >> (7 - band % 8) & 1
        key = np.packbits(bits, axis=1).view(np.uint16)[:, 0]
        # The coefficients of two pictures differ by no more than the sum of the differences of their levels.
        blocks = (levels[at : at + BLOCK].astype(np.int16) for at in range(0, len(levels), BLOCK))
        coefficients = np.concatenate([block @ WAVES[band] for block in blocks])
        order = np.lexsort((coefficients, key))
        words = hashes.view(np.uint64)[order]
        pictures = _Ordered(words, levels[order], key[order], coefficients[order])
        ranked = group[order]
        left = np.arange(len(order))
        for distance in range(1, NEIGHBOURS + 1):
            left = pictures.within_reach(left, distance)
            if not len(left):
                break
            unjoined = left[ranked[left] != ranked[left + distance]]
            compared += len(unjoined)
            near = pictures.near(unjoined, distance)
            if len(near):
                group = _joined(group, order[near], order[near + distance])
                ranked = group[order]
    return first[group][which], compared


@dataclass(frozen=True)
class _Ordered:
    """Pictures in an order in which copies are close to one another."""

    hashes: NDArray[np.uint64]
    levels: NDArray[np.uint8]
    key: NDArray[np.uint16]
    coefficients: NDArray[np.int16]

    def within_reach(self, left: Numbers, distance: int) -> Numbers:
        """The positions in `left` whose picture may be a copy of the one `distance` positions after it."""
        left = left[: np.searchsorted(left, len(self.key) - distance)]
        step = self.coefficients[left + distance] - self.coefficients[left]
        same = self.key[left] == self.key[left + distance]
        return np.compress(same & (step <= MOST_LEVELS * LEVELS**2), left)

    def near(self, left: Numbers, distance: int) -> Numbers:
        """The positions in `left` whose picture is a copy of the one `distance` positions after it."""
        starts = range(0, len(left), BLOCK)
        blocks = [self._near(left[start : start + BLOCK], distance) for start in starts]
        return np.concatenate(blocks) if blocks else left

    def _near(self, left: Numbers, distance: int) -> Numbers:
        one, other = self.hashes[left], self.hashes[left + distance]
        bits = np.bitwise_count(one ^ other).sum(axis=1)
        either = np.bitwise_count(one | other).sum(axis=1)
        left = left[(bits <= MOST_BITS) & (bits <= MOST_SHARE * either)]
        dark, light = np.sort([self.levels[left], self.levels[left + distance]], axis=0)
        return np.compress((light - dark).mean(axis=1) <= MOST_LEVELS, left)


def _joined(group: Numbers, one: Numbers, other: Numbers) -> Numbers:
    """The groups after those of each pair of pictures are joined; a joined group has the number of its first picture."""
    ends, index = np.unique(np.stack([group[one], group[other]]), return_inverse=True)
    index = index.reshape(2, -1)
    edges = coo_array((np.ones(len(one), np.int8), (index[0], index[1])), (len(ends), len(ends)))
    _, part = connected_components(edges, directed=False)
    lowest = np.full(len(ends), len(group))
    np.minimum.at(lowest, part, ends)
    joined = np.arange(len(group))
    joined[ends] = lowest[part]
    return joined[group]
