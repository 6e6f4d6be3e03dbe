"""The outcome of every image, and the pictures of mistakes: what is stored of them, and what is not."""

import csv
import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from atalho import data
from atalho.data import pictures
from atalho.data.dataset import Dataset, Split
from atalho.data.on_disk import OnDisk
from atalho.data.photos import FRAMING
from atalho.evaluation import outcomes, suspects, thumbnails
from atalho.evaluation.accuracy import records, tally
from atalho.record import Record
from photo_folders import fill, picture, save

CLASSES = ("cat", "dog", "owl")


@pytest.fixture
def photos(tmp_path: Path) -> Dataset:
    root = fill(tmp_path / "photos", dict.fromkeys(CLASSES, 8))
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    save(root / "cat" / "00.jpg", picture(99, (900, 600)), exif=exif)
    return data.load(str(root), tmp_path / "data", framings=(FRAMING,))


def accuracy_record(photos: Dataset, split: str = "test") -> Record:
    """The record of a network that takes every image for the last class."""
    labels = photos.splits[split].labels
    logits = torch.zeros(len(labels), len(photos.classes))
    logits[:, -1] = torch.arange(1, len(labels) + 1) / len(labels)
    accuracy = tally([(logits, labels)])
    document = outcomes.of_dataset(accuracy.outcomes, photos, split)
    checksum = f"sha256:{photos.checksum}"
    top1, *_ = records("x", accuracy, document, split=split, data="p", data_checksum=checksum)
    return top1


def test_a_record_has_the_outcome_of_every_image(photos: Dataset) -> None:
    labels = photos.splits["test"].labels
    logits = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(0)) * 4
    accuracy = tally([*zip(logits.split(2), labels.split(2), strict=True)])
    document = outcomes.of_dataset(accuracy.outcomes, photos, "test")
    assert document is not None
    probabilities = logits.double().softmax(1).numpy()
    rows = np.arange(len(labels))
    assert document["classes"] == [*CLASSES]
    assert document["truth"] == labels.tolist()
    assert document["predicted"] == probabilities.argmax(1).tolist()
    assert document["confidence"] == pytest.approx(probabilities.max(1), abs=1e-6)
    assert document["of_truth"] == pytest.approx(probabilities[rows, labels], abs=1e-6)
    mistakes = [row for row, *_ in document["pictures"]]
    expected = [row for row in rows if probabilities[row].argmax() != labels[row]]
    assert mistakes == sorted(expected, key=lambda row: -probabilities[row].max())
    on_disk = photos.splits["test"]
    assert isinstance(on_disk, OnDisk)
    for row, checksum, file in document["pictures"]:
        path = on_disk.photo(row).path
        assert checksum == hashlib.sha256(path.read_bytes()).hexdigest()
        assert file == f"{path.parent.name}/{path.name}"
    top1, *others = records("x", accuracy, document)
    assert top1.conditions["outcomes"] == document
    assert not any("outcomes" in each.conditions for each in others)


def test_only_the_most_confident_mistakes_have_pictures() -> None:
    logits = torch.zeros(100, 2)
    logits[:, 0] = torch.arange(100) / 10
    accuracy = tally([(logits, torch.ones(100, dtype=torch.int64))])
    split = Split(torch.arange(100, dtype=torch.uint8)[:, None, None, None], torch.ones(100))
    assert accuracy.outcomes is not None
    document = outcomes.document(accuracy.outcomes, split, {"a": "A", "b": "B"})
    assert document["classes"] == ["A", "B"]
    assert [row for row, *_ in document["pictures"]] == [*range(99, 75, -1)]
    row, checksum, file = document["pictures"][0]
    assert (checksum, file) == (hashlib.sha256(bytes([row])).hexdigest(), "")


def test_thumbnails_lie_beside_the_records_by_checksum(photos: Dataset, tmp_path: Path) -> None:
    record = accuracy_record(photos, "train")
    thumbnails.write([record], photos.splits, tmp_path)
    files = {path.stem: path for path in (tmp_path / "thumbnails").iterdir()}
    assert {*files} == {checksum for _, checksum, _ in record.conditions["outcomes"]["pictures"]}
    for path in files.values():
        with Image.open(path) as image:
            assert max(image.size) <= pictures.SIDE
    modified = {path: path.stat().st_mtime_ns for path in files.values()}
    thumbnails.write([record], photos.splits, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in files.values()} == modified
    thumbnails.remove(tmp_path)
    assert not (tmp_path / "thumbnails").exists()
    thumbnails.remove(tmp_path)


def test_a_thumbnail_is_the_whole_upright_picture_without_its_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "taken at home"
    path = save(tmp_path / "cat" / "a.jpg", picture(1, (900, 600)), exif=exif)
    other = fill(tmp_path, {"dog": 4, "cat": 4})
    images = data.load(str(other), tmp_path / "data", framings=(FRAMING,)).splits
    split = next(
        each for each in images.values() if any(photo.path == path for photo in each.photos())
    )
    row = next(row for row, photo in enumerate(split.photos()) if photo.path == path)
    small = pictures.thumbnail(split, row)
    assert small.suffix == ".jpg"
    assert b"home" not in small.content
    with Image.open(io.BytesIO(small.content)) as image:
        assert image.size == (75, 112)
        assert not image.getexif()


def test_small_images_keep_their_pixels() -> None:
    images = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8, 1)
    small = pictures.thumbnail(Split(images, torch.zeros(1)), 0)
    assert small.suffix == ".png"
    with Image.open(io.BytesIO(small.content)) as image:
        assert np.array_equal(np.array(image), images[0, :, :, 0].numpy())


def test_all_thumbnails_together_are_bounded(
    photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = accuracy_record(photos, "train")
    thumbnails.write([record], photos.splits, tmp_path / ".")
    sizes = [path.stat().st_size for path in (tmp_path / "thumbnails").iterdir()]
    monkeypatch.setattr(thumbnails, "MOST_BYTES", sum(sizes) // 2)
    (tmp_path / "second").mkdir()
    thumbnails.write([record], photos.splits, tmp_path / "second")
    kept = [path.stat().st_size for path in (tmp_path / "second" / "thumbnails").iterdir()]
    assert 0 < sum(kept) <= sum(sizes) // 2


def test_photos_that_have_changed_and_other_data_give_no_thumbnails(
    photos: Dataset, tmp_path: Path
) -> None:
    record = accuracy_record(photos)
    other = replace(record, conditions={**record.conditions, "split": "val"})
    thumbnails.write([other], photos.splits, tmp_path)
    assert not (tmp_path / "thumbnails").exists()
    document = dict(record.conditions["outcomes"])
    row, _, file = document["pictures"][0]
    document["pictures"] = [[row, "0" * 64, file]]
    changed = replace(record, conditions={**record.conditions, "outcomes": document})
    thumbnails.write([changed], photos.splits, tmp_path)
    assert not (tmp_path / "thumbnails").exists()
    on_disk = photos.splits["test"]
    assert isinstance(on_disk, OnDisk)
    for photo in on_disk.photos():
        photo.path.unlink()
    thumbnails.write([record], photos.splits, tmp_path)
    assert not (tmp_path / "thumbnails").exists()


def test_doubted_labels_are_in_a_table_the_least_probable_first(
    photos: Dataset, tmp_path: Path
) -> None:
    images = photos.splits["train"]
    assert isinstance(images, OnDisk)
    hostile = Path('=1+2\n,"x.png')
    names = [*images.album.folder.names]
    names[images.rows[0]] = str(hostile)
    images = renamed(images, names)
    document = dict(accuracy_record(photos, "train").conditions["outcomes"])
    document["classes"] = ["@cat", "dog", "owl"]
    path = suspects.write(document, images, tmp_path)
    assert path == tmp_path / "suspects.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == sum(label != 2 for label in document["truth"])
    assert [row["predicted"] for row in rows] == ["owl"] * len(rows)
    doubts = [float(row["probability_of_label"]) for row in rows]
    assert doubts == sorted(doubts)
    by_file = {row["file"]: row for row in rows}
    assert by_file[f"'{hostile}"]["label"] == "'@cat"
    assert suspects.write(document, images.select(torch.tensor([0])), tmp_path / "no") is None
    digits = Split(torch.zeros(2, 8, 8, 1, dtype=torch.uint8), torch.zeros(2))
    assert suspects.write(document, digits, tmp_path / "no") is None


def test_a_name_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    split = Split(torch.zeros(1, 2, 2, 1, dtype=torch.uint8), torch.zeros(1))
    assert pictures.file(split, 0) == ""
    root = fill(tmp_path / "photos", {"cat": 4, "dog": 4})
    images = data.load(str(root), tmp_path / "data", framings=(FRAMING,)).splits["test"]
    assert isinstance(images, OnDisk)
    name = b"p/caf\xe9/a.jpg".decode("utf-8", "surrogateescape")
    on_disk = renamed(images, [name] * len(images.album.folder))
    assert pictures.file(on_disk, 0).encode() == b"caf\\xe9/a.jpg"


def renamed(images: OnDisk, names: list[str]) -> OnDisk:
    """The same photos with other paths."""
    folder = replace(images.album.folder, root=Path(), names=names)
    return replace(images, album=replace(images.album, folder=folder))
