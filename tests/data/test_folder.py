"""Folders of photos: what is listed, how it is batched, and whose classes it has."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from atalho.data import folder
from atalho.data.folder import Folder, Photos, decoded, images_in
from atalho.data.image import Framing
from atalho.data.layout import WHOLE, layout
from atalho.errors import AtalhoError, Exit

PIXEL = Framing((3, 1, 1))


def scan(root: Path) -> Folder:
    return layout(root).splits[WHOLE]


def picture(path: Path, grey: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (2, 2), grey).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Grey levels 1 to 5 in the order of classes and names, and files that are no photos."""
    picture(tmp_path / "ant" / "a.png", 1)
    picture(tmp_path / "ant" / "b.PNG", 2)
    picture(tmp_path / "ant" / "more" / "c.bmp", 3)
    picture(tmp_path / "bee" / "10.gif", 4)
    picture(tmp_path / "bee" / "9.jpeg", 5)
    (tmp_path / "ant" / "notes.txt").write_text("no image")
    picture(tmp_path / "ant" / ".hidden.png", 9)
    picture(tmp_path / ".cache" / "x.png", 9)
    picture(tmp_path / "beside.png", 9)
    (tmp_path / "cow").mkdir()
    return tmp_path


def test_scan_lists_classes_and_images_in_order(photos: Path) -> None:
    found = scan(photos)
    assert found.classes == ("ant", "bee")
    listed = [(path.relative_to(photos).as_posix(), label) for path, label in found.images()]
    assert listed == [
        ("ant/a.png", 0),
        ("ant/b.PNG", 0),
        ("ant/more/c.bmp", 0),
        ("bee/10.gif", 1),
        ("bee/9.jpeg", 1),
    ]


def test_links_are_followed_to_files_and_not_round_in_circles(photos: Path) -> None:
    (photos / "bee" / "again").symlink_to(photos / "bee")
    (photos / "bee" / "z.png").symlink_to(photos / "ant" / "a.png")
    (photos / "dog").symlink_to(photos / "ant")
    found = scan(photos)
    assert found.classes == ("ant", "bee", "dog")
    assert [label for _, label in found.images()] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_batches_are_the_images_in_order(photos: Path, size: int) -> None:
    seen: list[tuple[int, int]] = []
    told: list[tuple[int, int]] = []
    failed: list[AtalhoError] = []
    batches = Photos(
        scan(photos), (7, 3, 0), PIXEL, failed.append, lambda *each: told.append(each)
    ).batches(size)
    sizes = []
    for images, labels in batches:
        assert images.dtype == torch.uint8
        assert images.shape[1:] == (1, 1, 3)
        sizes.append(len(labels))
        seen += zip(images[:, 0, 0, 0].tolist(), labels.tolist(), strict=True)
    assert seen == [(1, 7), (2, 7), (3, 7), (4, 3), (5, 3)]
    assert sizes == [size] * (5 // size) + [5 % size] * (5 % size > 0)
    assert told[-1] == (5, 5)
    assert not failed


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("bad", ["ant/a.png", "bee/10.gif", "bee/9.jpeg"])
def test_an_image_that_cannot_be_read_is_named_and_left_out(
    photos: Path, bad: str, size: int
) -> None:
    (photos / bad).write_bytes(b"torn")
    failed: list[AtalhoError] = []
    batches = [*Photos(scan(photos), (0, 1, 2), PIXEL, failed.append).batches(size)]
    levels = [level for images, _ in batches for level in images[:, 0, 0, 0].tolist()]
    order = ["ant/a.png", "ant/b.PNG", "ant/more/c.bmp", "bee/10.gif", "bee/9.jpeg"]
    assert levels == [level for level, name in enumerate(order, 1) if name != bad]
    assert [error.subject for error in failed] == [str(photos / bad)]


def test_only_a_few_are_decoded_ahead(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    lock = threading.Lock()

    def load(source: Path, framing: Framing) -> np.ndarray:
        with lock:
            begun.append(source)
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(folder, "load", load)
    stream = decoded((Path(str(number)) for number in range(1000)), PIXEL)
    for _ in range(10):
        next(stream)
    assert len(begun) <= 10 + 2 * folder.WORKERS + 1
    stream.close()  # type: ignore[attr-defined]
    assert len(begun) <= 10 + 2 * folder.WORKERS + 1


def test_labels_are_found_by_label_and_by_a_name_that_is_one_classs(photos: Path) -> None:
    found = scan(photos)
    assert found.labels({"n1": "yak", "bee": "bee", "n3": "ant"}, "net") == (2, 1)
    assert found.labels({"n1": "Bee", "n2": "Ant, emmet, pismire"}, "net") == (1, 0)
    assert found.labels({"Ant": "Ant", "ant": "ant", "bee": "bee"}, "net") == (1, 2)
    with pytest.raises(AtalhoError) as error:
        found.labels({name: name for name in ("Aunt", "bee", *map(str, range(9)))}, "net")
    assert (error.value.code, error.value.exit) == ("DATA-CLASSES", Exit.DATA)
    assert (
        "1 of its 2 classes are unknown to net (ant); it knows 11 (Aunt, bee, 0, …)"
        in error.value.cause
    )
    with pytest.raises(AtalhoError, match=r"unknown to net \(ant\)"):
        found.labels({"n1": "ant", "n2": "ant", "bee": "bee"}, "net")
    with pytest.raises(AtalhoError, match="ant and bee are one class of net"):
        found.labels({"ant": "bee", "n2": "cow"}, "net")


def test_folders_without_photos(tmp_path: Path, photos: Path) -> None:
    empty = tmp_path / "cow"
    for root, code in ((tmp_path / "none", "DATA-MISSING"), (empty, "DATA-EMPTY")):
        with pytest.raises(AtalhoError) as error:
            scan(root)
        assert (error.value.code, error.value.exit) == (code, Exit.DATA)
        assert error.value.subject == str(root)


def test_images_in_a_folder_are_those_below_it_too(photos: Path) -> None:
    assert len(images_in(photos)) == 6
