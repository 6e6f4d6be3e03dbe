"""What a folder of photos holds: classes, splits, what is neither, and folders that hold no classes at all."""

import os
import re
import time
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from atalho.data import listing
from atalho.data.formats import readable
from atalho.data.layout import WHOLE, Layout, layout
from atalho.data.names import label_of, split_of
from atalho.data.trainable import check_trainable
from atalho.errors import AtalhoError, Exit

PNG = b"\x89PNG\r\n\x1a\n"


def touch(root: Path, *names: str) -> Path:
    """A folder with files that are named as images; nothing is decoded here."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    return root


def found(layout: Layout) -> dict[str, dict[str, list[str]]]:
    """The images of every class of every split, by their names from the class's folder on."""
    images: dict[str, dict[str, list[str]]] = {}
    for split, part in layout.splits.items():
        by_class = images.setdefault(split, {name: [] for name in part.classes})
        for path, label in part.images():
            parts = path.relative_to(layout.root).parts
            (place, *_) = (
                n for n, each in enumerate(parts) if label_of(each) == part.classes[label]
            )
            by_class[part.classes[label]].append("/".join(parts[place:]))
    return images


def refused(root: Path) -> AtalhoError:
    with pytest.raises(AtalhoError) as error:
        check_trainable(layout(root))
    assert error.value.exit == Exit.DATA
    return error.value


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(("train", "train"), ("Train", "train"), ("TRAINING", "train"), ("train_set", "train")),
        *(("val", "val"), ("Valid", "val"), ("validation", "val"), ("dev", "val"), ("Eval", "val")),
        *(("evaluation", "val"), ("validation set", "val"), ("Test", "test"), ("testing", "test")),
        *(("test-data", "test"), ("testset", "test"), ("test images", "test")),
        *(("trainer", None), ("testament", None), ("valley", None), ("train2", None), ("", None)),
    ],
)
def test_split_folders_are_named_in_any_case_and_usual_spelling(
    name: str, split: str | None
) -> None:
    assert split_of(name) == split


def test_splits_are_found_whatever_lies_beside_their_classes(tmp_path: Path) -> None:
    touch(tmp_path, "Train/ant/a.png", "Train/bee/b.png", "VALID/ant/c.png", "VALID/bee/d.png")
    touch(tmp_path, "VALID/contact-sheet.png", "Test/ant/e.png", "Test/bee/f.png", "extra/g.png")
    touch(tmp_path, "more.png")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "Test" / "empty").mkdir()
    read = layout(tmp_path)
    check_trainable(read)
    assert found(read) == {
        "train": {"ant": ["ant/a.png"], "bee": ["bee/b.png"]},
        "val": {"ant": ["ant/c.png"], "bee": ["bee/d.png"]},
        "test": {"ant": ["ant/e.png"], "bee": ["bee/f.png"]},
    }
    assert read.left_out == (
        "extra, 1 image beside the split folders",
        "2 images beside the class folders (VALID/contact-sheet.png, more.png)",
        "2 folders without images (Test/empty, annotations)",
    )
    assert read.describe() == (
        f"{tmp_path}: 2 classes (ant 3, bee 3), 6 images, in the splits train 2, val 2, test 2"
    )


def test_a_class_may_be_named_as_a_split(tmp_path: Path) -> None:
    read = layout(touch(tmp_path, "bus/a.png", "train/b.png", "train/steam/c.png", "train/d.png"))
    assert found(read) == {
        WHOLE: {"bus": ["bus/a.png"], "train": ["train/b.png", "train/d.png", "train/steam/c.png"]}
    }


@pytest.mark.parametrize("wrapped", ["images", "images/all", "Images 2024/more/photos"])
def test_a_folder_around_all_is_stepped_into(tmp_path: Path, wrapped: str) -> None:
    touch(tmp_path, "readme.png")
    inner = touch(tmp_path / wrapped, "ant/a.png", "bee/x/b.png")
    read = layout(tmp_path)
    assert found(read) == {WHOLE: {"ant": ["ant/a.png"], "bee": ["bee/x/b.png"]}}
    assert [*read.splits[WHOLE].paths()] == [inner / "ant/a.png", inner / "bee/x/b.png"]
    assert read.left_out == ("1 image beside the class folders (readme.png)",)
    # With an image beside them they may be parts of one class, and so is what lies deep in one.
    touch(inner, "c.png")
    assert refused(tmp_path).code == "DATA-CLASSES"


def test_a_class_alone_is_not_stepped_into(tmp_path: Path) -> None:
    touch(tmp_path, "bee/images/a.png", "bee/images/b.png")
    assert [*found(layout(tmp_path))[WHOLE]] == ["bee"]


def test_splits_in_a_folder_around_them_are_found(tmp_path: Path) -> None:
    touch(tmp_path / "tiny", "train/ant/images/a.png", "train/bee/images/b.png", "test/ant/c.png")
    touch(tmp_path / "tiny", "test/bee/d.png")
    (tmp_path / "tiny" / "notes.txt").write_text("none")
    assert [*layout(tmp_path).splits] == ["train", "test"]


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        # labels in a table, in file names, or nowhere
        (["images/1.png", "images/2.png", "labels.csv"], "DATA-CLASSES", r"one class alone \(images, 2 images\).*1 \.csv"),
        (["cat.1.png", "dog.1.png"], "DATA-EMPTY", "holds 2 images in no class folder"),
        (["cats/1.png", "cats/2.png"], "DATA-CLASSES", "one class alone"),
        (["notes.txt", "more/notes.md"], "DATA-EMPTY", r"no images as CLASS/image.*1 \.txt, 1 \.md|1 \.md, 1 \.txt"),
        ([], "DATA-EMPTY", "no images as CLASS/image"),
        # splits without classes
        (["train/1.png", "val/2.png", "test/3.png"], "DATA-SPLITS", "named as splits .*in no class folders"),
        (["train/cat.1.png"], "DATA-SPLITS", "named as splits"),
        (["images/train/1.png", "images/val/2.png", "labels/train/1.txt"], "DATA-SPLITS", "named as splits"),
        (["train/images/1.png", "val/images/2.png", "train/labels/1.txt"], "DATA-CLASSES", "one class alone"),
        (["train/a/1.png", "train/b/2.png", "test/3.png", "test/4.png"], "DATA-SPLITS", "test holds 2 images in no class folders.*test/CLASS"),
        (["train/a/1.png", "train/b/2.png", "val/images/3.png"], "DATA-SPLITS", "val holds 1 image in no class folders.*val/CLASS"),
        (["train/n1/n1_1.JPEG", "train/n2/n2_1.JPEG", "val/ILSVRC2012_val_00000001.JPEG"], "DATA-SPLITS", "val holds 1 image.*valprep.sh"),
        # splits in the classes
        (["a/train/1.png", "a/test/2.png", "b/train/3.png"], "DATA-SPLITS", r"classes \(a, b\) hold folders of splits"),
        # classes that are not the same
        (["train/a/1.png", "train/b/2.png", "test/a/3.png", "test/c/4.png"], "DATA-CLASSES", "train lacks c; test lacks b"),
        (["train/a/1.png", "Training/b/2.png"], "DATA-SPLITS", "Training and train"),
        (["val/a/1.png", "val/b/2.png"], "DATA-EMPTY", r"none to train on.*--data \S*/val for what is in it"),
        (["Validation/a/1.png", "Validation/b/2.png"], "DATA-EMPTY", r"--data \S*/Validation for what is in it"),
    ],
)  # fmt: skip
def test_folders_that_hold_no_classes_are_refused(
    tmp_path: Path, names: list[str], code: str, said: str
) -> None:
    for name in names:
        if name.endswith((".csv", ".txt", ".md")):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("text")
        else:
            touch(tmp_path, name)
    error = refused(tmp_path)
    assert error.code == code
    assert re.search(said, str(error)), error


def test_a_class_that_is_empty_in_the_folder_to_train_on_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "train/ant/a.png", "train/bee/b.png", "val/ant/c.png", "val/cow/d.png")
    (tmp_path / "train" / "cow").mkdir()
    error = refused(tmp_path)
    assert (error.code, "train lacks cow" in error.cause) == ("DATA-CLASSES", True)


def test_what_systems_leave_is_no_class_and_is_counted(tmp_path: Path) -> None:
    touch(tmp_path, "ant/a.png", "bee/b.png", "ant/._a.png", "__MACOSX/ant/._a.png", ".cache/x.png")
    touch(tmp_path, "@eaDir/a.png", "ant/@eaDir/b.png", "ant/.ipynb_checkpoints/a-checkpoint.png")
    touch(tmp_path, "bee/Thumbs.db", "bee/desktop.ini", ".DS_Store", "$RECYCLE.BIN/x.png")
    read = layout(tmp_path)
    assert found(read) == {WHOLE: {"ant": ["ant/a.png"], "bee": ["bee/b.png"]}}
    assert read.left_out == ("10 hidden or left by the system",)


def test_names_are_composed_and_in_utf_8(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    touch(
        tmp_path,
        f"train/{composed}/a.png",
        "train/mate/b.png",
        f"val/{apart}/c.png",
        "val/mate/d.png",
    )
    read = layout(tmp_path)
    check_trainable(read)
    assert read.classes == (composed, "mate")
    assert label_of(os.fsdecode(b"caf\xe9")) == "caf\\xe9"
    label_of(os.fsdecode(b"caf\xe9")).encode()


def test_both_forms_of_a_name_in_one_folder_are_one_class(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    touch(tmp_path, f"{composed}/a.png", f"{apart}/b.png", "x/c.png")
    if len(os.listdir(tmp_path)) < 3:  # noqa: PTH208
        pytest.skip("this file system composes names itself")
    images = found(layout(tmp_path))[WHOLE]
    assert sorted(images[composed]) == sorted([f"{composed}/a.png", f"{apart}/b.png"])


@pytest.mark.parametrize(
    ("suffix", "format"),
    [
        *((".jfif", "JPEG"), (".JPE", "JPEG"), (".dat", "JPEG"), ("", "PNG"), (".img", "GIF")),
        *((".x", "WEBP"), (".x", "BMP"), (".avif", "AVIF"), (".x", "AVIF"), (".heic", "HEIF")),
        *((".x", "HEIF"), (".jp2", "JPEG2000"), (".pnm", "PPM"), (".x", "JPEG2000")),
    ],
)
def test_what_is_an_image_is_found_whatever_its_name(
    tmp_path: Path, suffix: str, format: str
) -> None:
    if format not in readable():
        pytest.skip(f"{format} is not read here")
    touch(tmp_path, "ant/a.png", "bee/b.png")
    try:
        Image.new("RGB", (32, 32), "red").save(tmp_path / "ant" / f"x{suffix}", format)
    except OSError:
        pytest.skip(f"{format} is not written here")
    assert f"ant/x{suffix}" in found(layout(tmp_path))[WHOLE]["ant"]


def test_what_is_no_image_is_counted_by_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "ant/a.png", "bee/b.png")
    for name in ("ant/a.txt", "bee/b.TXT", "notes", "bee/P6", "bee/BM"):
        (tmp_path / name).write_text("BM and P6 may begin a sentence")
    (tmp_path / "bee" / "raw.nef").write_bytes(b"II*\0" + bytes(100))  # of a camera; a TIFF too
    (tmp_path / "bee" / "film.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))
    (tmp_path / "bee" / "list.lst").symlink_to("nowhere")
    (tmp_path / "bee" / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "bee" / "pipe")
    os.mkfifo(tmp_path / "bee" / "pipe.png")
    read = layout(tmp_path)
    assert found(read)[WHOLE]["bee"] == ["bee/b.png", "bee/gone.png"]
    assert read.left_out == (
        "7 files that are no image (3 without a suffix, 2 .txt, 1 .mp4, 1 .nef)",
        "1 link to nothing (bee/list.lst)",
    )


def test_photos_of_iphones_need_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "suffixes", lambda: frozenset((".png",)))
    monkeypatch.setattr(listing, "begins_as_image", lambda path: False)
    touch(tmp_path, "ant/a.png", "bee/b.png", "bee/IMG_1.HEIC", "bee/IMG_2.heic", "bee/x.csv")
    assert layout(tmp_path).left_out == (
        "2 .heic (read after pip install 'atalho[heif]')",
        "1 file that is no image (1 .csv)",
    )


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "more/c.png", "bee/b.png")
    root = touch(tmp_path / "set", "ant/a.png")
    (root / "bee").symlink_to(tmp_path / "elsewhere" / "bee")
    (root / "ant" / "more").symlink_to(tmp_path / "elsewhere" / "more")
    (root / "ant" / "up").symlink_to("..")
    assert found(layout(root)) == {
        WHOLE: {"ant": ["ant/a.png", "ant/more/c.png"], "bee": ["bee/b.png"]}
    }


def test_many_classes_are_read_in_seconds(tmp_path: Path) -> None:
    for number in range(5000):
        for split in ("train", "val"):
            (tmp_path / split / f"{number:05}").mkdir(parents=True)
            (tmp_path / split / f"{number:05}" / "a.png").write_bytes(b"")
    started = time.process_time()
    read = layout(tmp_path)
    check_trainable(read)
    assert len(read.classes) == 5000
    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", ["unknown", "Unknown", "UNKNOWN"])
@pytest.mark.parametrize("within", ["", "wrap/"])
@pytest.mark.parametrize("parts", [("",), ("train/", "val/", "test/")])
def test_the_folder_unknown_is_no_class(
    name: str, within: str, parts: tuple[str, ...], tmp_path: Path
) -> None:
    classes = (f"{within}{part}{each}/x.png" for part in parts for each in ("ant", "bee"))
    stray = f"{within}{name}/a.png", f"{within}{name}/deep/b.png"
    read = layout(touch(tmp_path, *classes, *stray))
    assert read.classes == ("ant", "bee")
    assert {*read.splits} == ({WHOLE} if parts == ("",) else {"train", "val", "test"})
    assert (read.unknown, read.unknown_images) == (tmp_path / within / name, 2)
    (note,) = read.notes()
    assert note.startswith(f"{tmp_path / within / name}: 2 images taken as none of the classes")
    assert "rename the folder, as not-unknown, if it is a class" in note
    assert len(read.splits[parts[0].rstrip("/")]) == 2


def test_a_class_named_unknown_in_a_split_or_of_a_network_is_one(tmp_path: Path) -> None:
    split = touch(tmp_path / "split", "train/ant/x.png", "train/unknown/x.png", "test/ant/y.png")
    assert layout(split).classes == ("ant", "unknown")
    assert layout(split).unknown is None
    whole = touch(tmp_path / "whole", "ant/x.png", "bee/x.png", "unknown/x.png")
    known = layout(whole, ["ant", "bee", "Unknown"])
    assert (known.classes, known.unknown) == (("ant", "bee", "unknown"), None)
    assert layout(whole, ["ant", "bee"]).classes == ("ant", "bee")
    touch(split, "unknown/z.png")
    assert layout(split, ["ant", "unknown"]).unknown == split / "unknown"


def test_one_class_beside_unknown_is_refused_and_the_way_out_is_said(tmp_path: Path) -> None:
    error = refused(touch(tmp_path, "ant/x.png", "unknown/x.png"))
    assert error.code == "DATA-CLASSES"
    assert "one class alone (ant, 1 image)" in error.cause
    assert "rename the folder, as not-unknown, if it is a class" in error.cause
    alone = layout(touch(tmp_path / "alone", "unknown/ant/x.png", "unknown/bee/x.png"))
    assert (alone.classes, alone.unknown) == (("ant", "bee"), None)
