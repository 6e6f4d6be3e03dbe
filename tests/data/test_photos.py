"""Folders of photos as data sets: how they are divided, what is read again, and what is refused."""

import hashlib
import io
import json
import os
import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from atalho import data
from atalho.data import image, manifest
from atalho.data.copies import MOST_BITS, fingerprint, groups
from atalho.data.dataset import Dataset
from atalho.data.image import Framing, load
from atalho.data.photos import OnDisk
from atalho.errors import AtalhoError, Exit
from photo_folders import SMALL, fill, picture, save


def loaded(root: Path, **options: object) -> Dataset:
    return data.load(str(root), root.parent / "data", framing=SMALL, **options)  # type: ignore[arg-type]


def names(found: Dataset, split: str) -> set[str]:
    images = found.splits[split]
    assert isinstance(images, OnDisk)
    return {"/".join(photo.path.parts[-2:]) for photo in images.photos}


def test_classes_are_divided_in_shares_and_nothing_is_lost(tmp_path: Path) -> None:
    found = loaded(fill(tmp_path / "pets", {"cat": 20, "dog": 40, "eel": 3}))
    assert (found.name, found.classes, found.mirror) == ("pets", ("cat", "dog", "eel"), True)
    assert found.input == (3, 24, 24)
    counts = {name: split.labels.bincount().tolist() for name, split in found.splits.items()}
    assert counts == {"train": [14, 28, 1], "val": [3, 6, 1], "test": [3, 6, 1]}
    parts = [names(found, split) for split in ("train", "val", "test")]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 63


def test_the_division_depends_on_content_alone(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", {"a": 20, "b": 20})
    other = tmp_path / "other"
    order = [*range(40)]
    random.Random(0).shuffle(order)
    for number, path in zip(order, sorted(one.rglob("*.png")), strict=True):
        renamed = other / path.parent.name / f"{number}.png"
        renamed.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, renamed)

    def contents(root: Path) -> dict[str, set[str]]:
        found = loaded(root)
        return {
            split: {hashlib.sha256(p.path.read_bytes()).hexdigest() for p in images.photos}
            for split, images in found.splits.items()
            if isinstance(images, OnDisk)
        }

    assert contents(one) == contents(other)


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
    found = groups(
        [str(number) for number in range(len(pictures))], [fingerprint(each) for each in pictures]
    )
    assert found == [number // 4 * 4 for number in range(len(pictures))]


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
    seen = [fingerprint(picture(0))._replace(bits=np.packbits(h).tobytes().hex()) for h in hashes]
    expected = [*range(len(hashes))]
    for one, a in enumerate(hashes):
        for other, b in enumerate(hashes[:one]):
            if (a != b).sum() <= MOST_BITS and expected[one] != expected[other]:
                low, high = sorted((expected[one], expected[other]))
                expected = [low if each == high else each for each in expected]
    files = [str(number) for number in range(len(hashes))]
    assert groups(files, seen) == expected
    far = [
        each._replace(levels=f"{number:02x}" * 64)
        for number, each in zip(range(0, 250, 4), seen, strict=False)
    ]
    assert groups(files[: len(far)], far) == [*range(len(far))]
    assert groups(["same"] * 3, far[:3]) == [0, 0, 0]
    assert groups([], []) == []


def test_copies_stay_on_one_side(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 12, "dog": 12})
    for name in ("cat", "dog"):
        for number in range(0, 12, 2):
            made = Image.open(root / name / f"{number:02}.png")
            save(root / name / f"copy {number:02}.jpg", made.resize((80, 64)), quality=85)
    shutil.copy(root / "cat" / "01.png", root / "dog" / "also.png")  # one picture, two labels
    found = loaded(root)
    sides = {name: split for split in found.splits for name in names(found, split)}
    assert len(sides) == 37
    for name in ("cat", "dog"):
        for number in range(0, 12, 2):
            assert sides[f"{name}/{number:02}.png"] == sides[f"{name}/copy {number:02}.jpg"]
    assert sides["cat/01.png"] == sides["dog/also.png"]
    assert Counter(sides.values())["train"] > 20


def test_split_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    fill(root / "training", {"cat": 4, "dog": 5})
    fill(root / "valid", {"cat": 2, "dog": 1}, 100)
    fill(root / "testing", {"cat": 1, "dog": 3}, 200)
    (root / "annotations").mkdir()
    said: list[str] = []
    found = loaded(root, warn=said.append)
    counts = {name: split.labels.bincount().tolist() for name, split in found.splits.items()}
    assert counts == {"train": [4, 5], "val": [2, 1], "test": [1, 3]}
    assert not said
    shutil.copy(root / "training" / "cat" / "00.png", root / "testing" / "cat" / "x.png")
    again = loaded(root, warn=said.append)
    assert [line.partition(": ")[2] for line in said] == [
        "1 pictures are in more than one of train, val, test"
    ]
    assert again.splits["test"].labels.bincount().tolist() == [2, 3]


@pytest.mark.parametrize("second", ["val", "test"])
def test_validation_is_divided_from_train_and_what_is_given_is_the_test(
    tmp_path: Path, second: str
) -> None:
    root = tmp_path / "pets"
    fill(root / "train", {"cat": 20, "dog": 20})
    fill(root / second, {"cat": 2, "dog": 1}, 100)
    found = loaded(root)
    counts = {name: split.labels.bincount().tolist() for name, split in found.splits.items()}
    assert counts == {"train": [17, 17], "val": [3, 3], "test": [2, 1]}
    assert f"tested on its {'validation' if second == 'val' else 'test'} folder" in found.note


def test_a_train_folder_alone_is_divided_as_classes_are(tmp_path: Path) -> None:
    found = loaded(fill(tmp_path / "pets" / "train", {"cat": 20, "dog": 20}).parent)
    assert [len(found.splits[name].labels) for name in ("train", "val", "test")] == [28, 6, 6]
    # A class may be called train.
    flat = loaded(fill(tmp_path / "vehicles", {"bus": 20, "train": 20}))
    assert flat.classes == ("bus", "train")


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (
            {"train/cat": 4, "train/dog": 4, "val/cat": 1, "val/eel": 1, "val/fox": 1},
            "DATA-CLASSES",
            "train lacks eel, fox; val lacks dog",
        ),
        ({"cat": 3, "dog": 2, "eel": 0}, "DATA-FEW", "2 of its 3 classes .*dog, eel"),
        ({"train/cat": 3, "training/cat": 3}, "DATA-SPLITS", "train and training"),
        ({"val/cat": 3}, "DATA-EMPTY", "none to train on"),
        ({"cat": 0}, "DATA-EMPTY", "no images"),
    ],
)
def test_folders_that_cannot_be_divided(
    tmp_path: Path, make: dict[str, int], code: str, said: str
) -> None:
    fill(tmp_path / "pets", make)
    with pytest.raises(AtalhoError, match=said) as error:
        loaded(tmp_path / "pets")
    assert (error.value.code, error.value.exit) == (code, Exit.DATA)


def test_a_class_of_copies_has_too_few(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 5, "dog": 1})
    for number in range(5):
        shutil.copy(root / "dog" / "00.png", root / "dog" / f"copy{number}.png")
    with pytest.raises(AtalhoError, match=r"DATA-FEW.*dog"):
        loaded(root)


def test_bad_images_are_all_named_before_anything_begins(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 8, "dog": 8})
    whole = (root / "cat" / "00.png").read_bytes()
    bad = {root / "cat" / f"bad{number}.png" for number in range(5)}
    for path in bad:
        path.write_bytes(whole[:100])
    bomb = save(root / "dog" / "bomb.png", Image.new("1", (10_000, 5_001)))
    said: list[str] = []
    with pytest.raises(AtalhoError, match="6 of its 22 images cannot be used") as error:
        loaded(root, warn=said.append)
    assert (error.value.code, error.value.exit) == ("BAD-IMAGES", Exit.DATA)
    assert len(str(error.value)) < 400
    assert {Path(line.partition(": ")[0]) for line in said} == bad | {bomb}
    assert any("50 megapixels" in line for line in said)
    said.clear()
    found = loaded(root, bad_images="skip", warn=said.append)
    assert len(said) == 6
    assert sum(len(split.labels) for split in found.splits.values()) == 16
    for path in (*bad, bomb):
        path.unlink()
    assert loaded(root).checksum == found.checksum


def test_what_has_not_changed_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    read: list[str] = []
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(
        manifest, "read", lambda path, use: (read.append(path.name), image.read(path, use))[1]
    )

    def load_again() -> Dataset:
        read.clear()
        return data.load(
            str(root), tmp_path / "data", lambda *each: told.append(each), framing=SMALL
        )

    first = load_again()
    assert len(read) == 10
    assert told == [(done, 10) for done in range(1, 11)]
    assert load_again().checksum == first.checksum
    assert read == []
    changed = root / "dog" / "03.png"
    picture(99).save(changed)
    assert load_again().checksum != first.checksum
    assert read == ["03.png"]
    os.utime(changed, (0, 0))
    load_again()
    assert read == ["03.png"]
    (kept,) = (tmp_path / "data" / "manifests").iterdir()
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert lines[0]["root"] == str(root)
    assert len(lines) == 11
    kept.write_text(kept.read_text()[:-40])  # a torn manifest is no manifest
    load_again()
    assert len(read) == 10


def test_the_checksum_is_that_of_splits_classes_and_files(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    first = loaded(root).checksum
    (root / "dog").rename(root / "hound")
    assert loaded(root).checksum != first
    (root / "hound").rename(root / "dog")
    assert loaded(root).checksum == first
    assert data.load(str(root), tmp_path / "data", framing=Framing((1, 8, 8))).checksum == first
    split = tmp_path / "split"
    for name in ("train", "val", "test"):
        fill(split / name, {"cat": 2}, 0)
    one = loaded(split).checksum
    (split / "val").rename(split / "x")
    (split / "test").rename(split / "val")
    (split / "x").rename(split / "test")
    assert loaded(split).checksum == one  # the same files in either
    # The last of one split as the first of the next: the same files in the same order.
    last = save(split / "test" / "cat" / "02.png", picture(5))
    more = loaded(split).checksum
    last.rename(split / "train" / "cat" / "!.png")
    assert len({one, more, loaded(split).checksum}) == 3


def test_batches_and_samples_are_framed_as_in_predict(tmp_path: Path) -> None:
    found = loaded(fill(tmp_path / "pets", {"cat": 12, "dog": 12}))
    train = found.training(with_validation=True)
    assert isinstance(train, OnDisk)
    assert len(train.labels) == len(found.splits["train"].labels) + len(found.splits["val"].labels)
    expected = torch.stack([torch.from_numpy(load(photo.path, SMALL)) for photo in train.photos])
    for size in (1, 7, len(train.photos), 100):
        batches = [*train.batches(size)]
        assert torch.equal(torch.cat([batch.images for batch in batches]), expected)
        assert torch.equal(torch.cat([batch.labels for batch in batches]), train.labels)
        assert {len(batch.labels) for batch in batches[:-1]} <= {size}
    sample = train.sample()
    assert sorted(each.numpy().tobytes() for each in sample) == sorted(
        each.numpy().tobytes() for each in expected
    )
    few = train.select(torch.tensor([3, 1]))
    assert torch.equal(next(few.batches(2)).images, expected[[3, 1]])
    few.photos[1].path.unlink()
    with pytest.raises(AtalhoError, match=few.photos[1].path.name):
        next(few.batches(2))
