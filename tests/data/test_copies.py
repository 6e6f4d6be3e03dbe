"""Copies of pictures: found among others in little time, and told from pictures of one scene."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from atalho.data.copies import (
    HASH,
    LEVELS,
    MOST_BITS,
    MOST_COPIES,
    Copies,
    find,
    fingerprint,
    in_two_classes,
)
from photo_folders import picture


def joined(prints: Sequence[bytes], labels: Sequence[int] | None = None) -> Copies:
    """The copies among pictures in files that all differ."""
    files = np.arange(len(prints), dtype=np.uint64)[:, None].repeat(4, axis=1)
    rows = np.frombuffer(b"".join(prints), np.uint8).reshape(len(prints), -1)
    classes = np.array(labels or [0] * len(prints))
    return find(files.view(np.uint8), rows, classes, "similar")


def encoded(made: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    made.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def test_copies_are_found_and_different_photos_are_not(shared: Path) -> None:
    paths = sorted((shared / "data" / "imagenet-sample").rglob("*.jpg"))[::5]
    photos = [Image.open(path).convert("RGB") for path in paths]
    copies = [
        [
            encoded(photo, 40),
            encoded(photo.resize((photo.width // 2, photo.height // 2)), 85),
            encoded(photo.resize((photo.width * 2, photo.height * 2)), 85),
        ]
        for photo in photos
    ]
    pictures = [each for made in zip(photos, copies, strict=True) for each in (made[0], *made[1])]
    found = joined([*map(fingerprint, pictures)])
    assert found.groups.tolist() == [number // 4 * 4 for number in range(len(pictures))]
    assert (found.identical, found.similar, len(found.scenes)) == (0, 3 * len(photos), 0)


def test_groups_are_those_of_brute_force() -> None:
    """Hashes near one another, in chains, by comparing all pairs."""
    rng = np.random.default_rng(0)
    hashes = []
    for _ in range(40):
        bits = rng.integers(0, 2, 256, np.uint8)
        for _ in range(4):
            bits = bits.copy()
            bits[rng.choice(256, rng.integers(0, 14), replace=False)] ^= 1
            hashes.append(bits)
    levels = fingerprint(picture(0))[HASH:]
    prints = [np.packbits(bits).tobytes() + levels for bits in hashes]
    expected = [*range(len(hashes))]
    for one, a in enumerate(hashes):
        for other, b in enumerate(hashes[:one]):
            if (a != b).sum() <= MOST_BITS and expected[one] != expected[other]:
                low, high = sorted((expected[one], expected[other]))
                expected = [low if each == high else each for each in expected]
    assert joined(prints).groups.tolist() == expected
    far = [
        each[:HASH] + bytes([level]) * 64
        for level, each in zip(range(0, 250, 4), prints, strict=False)
    ]
    assert joined(far).groups.tolist() == [*range(len(far))]


def test_the_same_files_are_found_whatever_they_look_like() -> None:
    files = np.array([[1], [2], [1], [3], [2], [1]], np.uint8).repeat(32, axis=1)
    prints = np.arange(6, dtype=np.uint8)[:, None].repeat(96, axis=1) * 40
    labels = np.array([0, 0, 1, 1, 0, 0])
    found = find(files, prints, labels, "exact")
    assert found.groups.tolist() == [0, 1, 0, 3, 1, 0]
    assert (found.identical, found.similar, found.compared) == (3, 0, 0)
    assert find(files, prints, labels, "off").groups.tolist() == [*range(6)]
    assert find(files[:0], prints[:0], labels[:0], "similar").groups.tolist() == []
    assert in_two_classes(files, labels) == [[0, 2, 5]]


def scene(count: int, seed: int = 0) -> list[bytes]:
    """Fingerprints of pictures that a fixed camera took: one scene, noise, and a small mark at another place in each."""
    rng = np.random.default_rng(seed)
    base = np.asarray(picture(seed, (96, 72))).astype(float)
    found = []
    for _ in range(count):
        seen = base + rng.normal(0, 1, base.shape)
        top, left = rng.integers(8, 60, 2)
        seen[top : top + 4, left : left + 12] = 20
        found.append(fingerprint(Image.fromarray(seen.clip(0, 255).astype(np.uint8))))
    return found


def test_a_scene_that_is_taken_again_is_no_copy() -> None:
    """In two classes alike, or as most of one; a picture that was saved three times beside it still is."""
    saved = fingerprint(picture(7))
    prints = [*scene(24), saved, saved, saved]
    found = joined(prints, [number % 2 for number in range(24)] + [0] * 3)
    assert found.groups.tolist() == [*range(24), 24, 24, 24]
    assert sorted(found.scenes.tolist()) == [*range(24)]
    assert found.similar == 2
    alone = joined(prints, [0] * 24 + [1] * 3)
    assert alone.groups.tolist() == [*range(24), 24, 24, 24]


def test_a_few_alike_are_copies_and_a_label_that_is_wrong_is_no_reason() -> None:
    few = scene(MOST_COPIES)
    assert set(joined(few).groups.tolist()) == {0}
    many = scene(12) + [fingerprint(picture(seed)) for seed in range(100, 140)]
    labels = [0] * 11 + [1] * 41
    # One of twelve is of another class; they are not most of class 0 with the rest of it.
    assert joined(many, labels).groups.tolist()[:12] == [*range(12)]
    assert joined(many, [0] * 52).groups.tolist()[:12] == [0] * 12


def drawn(seed: int) -> Image.Image:
    """Some strokes on white, as a product or a character is shown."""
    rng = np.random.default_rng(seed)
    made = Image.new("RGB", (96, 96), "white")
    pen = ImageDraw.Draw(made)
    for _ in range(3):
        pen.line([tuple(each) for each in rng.integers(30, 66, (4, 2)).tolist()], "black", 3)
    return made


def test_copies_on_plain_backgrounds_are_found() -> None:
    originals = [drawn(seed) for seed in range(1500)]
    prints = [fingerprint(each) for each in originals]
    prints += [fingerprint(encoded(each, 60)) for each in originals[:300]]
    found = joined(prints)
    together = sum(found.groups[1500 + place] == found.groups[place] for place in range(300))
    assert together >= 294
    assert len(set(found.groups.tolist())) >= 1250


@pytest.mark.parametrize("bits", [2, 30])
def test_four_times_the_pictures_are_four_times_the_work(bits: int) -> None:
    """Pictures on one plain background that all have bands in common: of which all are near one another, or none."""
    base = np.frombuffer(fingerprint(drawn(0)), np.uint8)

    def compared(count: int) -> int:
        rng = np.random.default_rng(0)
        prints = base[None].repeat(count, axis=0)
        dark = rng.integers(0, bits, (count, LEVELS**2))
        prints[:, HASH:] = (prints[:, HASH:].astype(int) - dark).clip(0)
        for _ in range(bits):
            bit = rng.integers(0, 8 * HASH, count)
            prints[np.arange(count), bit // 8] ^= (1 << bit % 8).astype(np.uint8)
        return joined([*map(bytes, prints)]).compared

    few, many = compared(2500), compared(10_000)
    assert few > 0
    assert many < 10 * few  # and not sixteen times, as all pairs would be
