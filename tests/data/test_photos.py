"""Folders of photos as data sets: how they are divided, what is read again, and what is refused."""

import hashlib
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
from atalho.api.loading import load_data
from atalho.api.reporting import QUIET
from atalho.data.dataset import Dataset
from atalho.data.image import Framing, load
from atalho.data.on_disk import OnDisk
from atalho.data.photos import shares_of
from atalho.errors import AtalhoError, Exit
from photo_folders import SMALL, fill, picture, save


def loaded(root: Path, **options: object) -> Dataset:
    return data.load(str(root), root.parent / "data", framings=[SMALL], **options)  # type: ignore[arg-type]


def names(found: Dataset, split: str) -> set[str]:
    images = found.splits[split]
    assert isinstance(images, OnDisk)
    return {"/".join(photo.path.parts[-2:]) for photo in images.photos()}


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
            split: {hashlib.sha256(p.path.read_bytes()).hexdigest() for p in images.photos()}
            for split, images in found.splits.items()
            if isinstance(images, OnDisk)
        }

    assert contents(one) == contents(other)


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
    found = loaded(root, say=said.append)
    counts = {name: split.labels.bincount().tolist() for name, split in found.splits.items()}
    assert counts == {"train": [4, 5], "val": [2, 1], "test": [1, 3]}
    assert [line.partition(": ")[2] for line in said] == [
        "2 classes (cat 7, dog 9), 16 images, in the splits train 9, val 3, test 4",
        "left out: 1 folder without images (annotations)",
        "kept on one side of a division (--copies similar): 0 files equal to another, 0 photos that look like another "
        "(2 pairs compared)",
        "train 9, val 3, test 4: split as its folders are",
    ]
    said.clear()
    shutil.copy(root / "training" / "cat" / "00.png", root / "testing" / "cat" / "x.png")
    again = loaded(root, say=said.append)
    assert f"{root}: 1 pictures are in more than one of train, val, test" in said
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


def test_no_more_images_are_held_out_than_imagenet_has_for_validation() -> None:
    assert shares_of(40, ("val", "test")) == {"val": 0.15, "test": 0.15, "train": 0.7}
    classes = [
        732 + 568 * step / 999 for step in range(1000)
    ]  # ILSVRC 2012 has 732 to 1,300 in a class
    images = round(sum(classes))
    share = shares_of(images, ("val",))["val"]
    assert sum(round(share * count) for count in classes) == pytest.approx(50_000, rel=0.01)


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
        ({"cat": 3, "dog": 2, "eel": 1}, "DATA-FEW", "2 of its 3 classes .*dog, eel"),
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
        load_data(str(tmp_path / "pets"), tmp_path / "data", QUIET)
    assert (error.value.code, error.value.exit) == (code, Exit.DATA)


def test_a_class_of_copies_has_too_few(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 5, "dog": 1})
    for number in range(5):
        shutil.copy(root / "dog" / "00.png", root / "dog" / f"copy{number}.png")
    assert loaded(root).scarce == ("dog",)
    with pytest.raises(AtalhoError, match=r"DATA-FEW.*dog"):
        load_data(str(root), tmp_path / "data", QUIET)


def test_bad_images_are_all_named_before_anything_begins(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 8, "dog": 8})
    whole = (root / "cat" / "00.png").read_bytes()
    bad = {root / "cat" / f"bad{number}.png" for number in range(5)}
    for path in bad:
        path.write_bytes(whole[:100])
    bomb = save(root / "dog" / "bomb.png", Image.new("1", (10_000, 5_001)))
    said: list[str] = []
    with pytest.raises(AtalhoError, match="6 of its 22 images cannot be used") as error:
        loaded(root, say=said.append)
    assert (error.value.code, error.value.exit) == ("BAD-IMAGES", Exit.DATA)
    assert len(str(error.value)) < 400
    assert {Path(line.partition(": ")[0]) for line in said[1:]} == bad | {bomb}
    assert any("50 megapixels" in line for line in said)
    said.clear()
    found = loaded(root, bad_images="skip", say=said.append)
    assert len(said) == 1 + 6 + 2
    assert sum(len(split.labels) for split in found.splits.values()) == 16
    for path in (*bad, bomb):
        path.unlink()
    assert loaded(root).checksum == found.checksum


def test_the_checksum_is_that_of_splits_classes_and_files(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    first = loaded(root).checksum
    (root / "dog").rename(root / "hound")
    assert loaded(root).checksum != first
    (root / "hound").rename(root / "dog")
    assert loaded(root).checksum == first
    assert data.load(str(root), tmp_path / "data", framings=[Framing((1, 8, 8))]).checksum == first
    split = tmp_path / "split"
    for name in ("train", "val", "test"):
        fill(split / name, {"cat": 2, "dog": 1}, 0)
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
    expected = torch.stack([torch.from_numpy(load(photo.path, SMALL)) for photo in train.photos()])
    for size in (1, 7, len(train), 100):
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
    few.photo(1).path.unlink()
    with pytest.raises(AtalhoError, match=few.photo(1).path.name):
        next(few.batches(2))


def grey(seed: int, top: int) -> Image.Image:
    """A picture of 16 bits whose levels go up to `top`."""
    levels = np.asarray(picture(seed).convert("L")).astype(float)
    return Image.fromarray((levels / levels.max() * top).round().astype(np.uint16))


@pytest.mark.parametrize(("top", "white"), [(4095, 4095), (3000, 4095), (65535, 65535), (200, 255)])
def test_grey_of_fewer_bits_keeps_its_levels(tmp_path: Path, top: int, white: int) -> None:
    """White is the folder's, for the darkest of its photos too, in every framing, and for what is trained on them."""
    root = tmp_path / "xray"
    for number in range(6):
        save(root / "ill" / f"{number}.png", grey(number, top))
        save(root / "well" / f"{number}.png", grey(10 + number, top // 3))
    said: list[str] = []
    found = loaded(root, say=said.append)
    assert found.framing.white == white
    assert found.framed(Framing((1, 8, 8))).framing.white == white
    assert any(f"up to {top}: {white} is white" in line for line in said) == (white != 65535)
    for images in found.splits.values():
        assert isinstance(images, OnDisk)
        for photo, pixels in zip(images.photos(), next(images.batches(100)).images, strict=True):
            levels = np.asarray(Image.open(photo.path)).astype(float) / white * 255
            assert abs(float(pixels.max()) - levels.max()) < 25
    # A folder of 8 bits has no such level.
    assert loaded(fill(tmp_path / "pets", {"cat": 3, "dog": 3})).framing.white == 65535


def test_a_photo_that_one_network_of_several_cannot_take_is_found_at_first(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 4, "dog": 4})
    save(root / "dog" / "banner.png", picture(0, (3000, 1)))
    framings = [SMALL, Framing((3, 224, 224), 0.875)]
    assert loaded(root).splits["train"].framing.input == SMALL.input
    said: list[str] = []
    with pytest.raises(AtalhoError, match=r"BAD-IMAGES.*dog/banner\.png"):
        data.load(str(root), tmp_path / "data", framings=framings, say=said.append)
    assert f"{root}/dog/banner.png: 3000×1 pixels are too narrow to be cropped to 224×224" in said
    found = data.load(str(root), tmp_path / "data", framings=framings, bad_images="skip")
    for framing in framings:
        for images in found.framed(framing).splits.values():
            assert len([*images.batches(3)]) > 0


def test_one_picture_in_two_classes_is_said(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 6, "dog": 6})
    shutil.copy(root / "cat" / "03.png", root / "dog" / "also.png")
    said: list[str] = []
    loaded(root, say=said.append, copies="off")
    assert f"{root}: 1 file in two classes at once (cat/03.png, dog/also.png)" in said


@pytest.mark.parametrize(
    ("kind", "same", "alike"), [("exact", 1, 0), ("similar", 1, 1), ("off", 0, 0)]
)
def test_how_many_copies_are_kept_together_is_said(
    tmp_path: Path, kind: str, same: int, alike: int
) -> None:
    root = fill(tmp_path / "pets", {"cat": 6, "dog": 6})
    shutil.copy(root / "cat" / "03.png", root / "cat" / "also.png")
    save(root / "dog" / "again.jpg", picture(7).resize((80, 64)))
    said: list[str] = []
    found = loaded(root, say=said.append, copies=kind)
    assert found.copies == kind
    line = f"--copies {kind}): {same:,} files equal to another, {alike:,} photos that look like another"
    assert sum(line in each for each in said) == 1
    assert sum(len(split.labels) for split in found.splits.values()) == 14  # none is removed


def test_classes_of_one_scene_are_divided_and_said(tmp_path: Path) -> None:
    """One camera and one part: what differs is small, and is what is to be learned."""
    rng = np.random.default_rng(0)
    scene = np.asarray(picture(0, (96, 72))).astype(float)
    for name in ("sound", "scratched"):
        for number in range(12):
            seen = scene + rng.normal(0, 1, scene.shape)
            if name == "scratched":
                top = int(rng.integers(8, 60))
                seen[top : top + 4, 20:32] = 20
            made = Image.fromarray(seen.clip(0, 255).astype(np.uint8))
            save(tmp_path / "parts" / name / f"{number}.png", made)
    said: list[str] = []
    found = loaded(tmp_path / "parts", say=said.append)
    assert {name: len(split.labels) for name, split in found.splits.items()} == {
        "train": 16,
        "val": 4,
        "test": 4,
    }
    assert any("24 photos look alike" in line for line in said)


def test_a_class_that_a_given_split_lacks_is_named(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    fill(root / "train", {"cat": 4, "dog": 5, "eel": 3})
    fill(root / "val", {"cat": 2, "dog": 1, "eel": 0}, 100)
    fill(root / "test", {"cat": 1, "eel": 3}, 200)
    said: list[str] = []
    found = loaded(root, say=said.append)
    assert f"{root}: val has no images of eel" in said
    assert f"{root}: test has no images of dog" in said
    assert found.splits["test"].labels.tolist() == [0, 2, 2, 2]


def test_a_folder_named_as_a_data_set_is_mentioned_and_never_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(Path("digits"), {"cat": 4, "dog": 4})
    said: list[str] = []
    assert data.load("digits", tmp_path / "data", say=said.append).classes[0] == "0"
    assert said == ["digits is the data set; the folder of that name here is --data ./digits"]
    found = data.load("./digits", tmp_path / "data", framings=[SMALL])
    assert (found.name, found.classes) == ("./digits", ("cat", "dog"))


def test_names_in_other_encodings_have_a_checksum(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets", {"cat": 4, "dog": 4})
    raw = os.fsdecode(b"caf\xe9")
    fill(root, {raw: 4}, 50)
    shutil.move(root / raw / "00.png", root / raw / os.fsdecode(b"\xe9.png"))
    found = loaded(root)
    assert found.classes == ("caf\\xe9", "cat", "dog")
    assert len(found.checksum) == 64
    assert loaded(root).checksum == found.checksum
