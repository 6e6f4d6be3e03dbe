"""Folders as people have them, each through the commands that were tried on it: the exit code, and what must be said.

The numbers are those of the reports that a folder is like.
"""

import os
import shutil
import struct
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atalho.cli import main
from atalho.data.formats import readable
from photo_folders import fill, picture, save

THREE = {"ant": 10, "bee": 10, "cow": 10}
SHORT = "--recipe quick --steps 1 -b 4 -t 1 --device cpu --precision float32 --img-size 16"
TRAIN = f"train resnet20 --data {{d}} {SHORT} --output {{d}}-run"

Build = Callable[[Path], object]


def splits(root: Path, names: tuple[str, str, str] = ("train", "val", "test")) -> None:
    for number, (name, count) in enumerate(zip(names, (6, 2, 2), strict=True)):
        fill(root / name, dict.fromkeys(THREE, count), 100 * number)


def labels_in_a_table(root: Path) -> None:
    for number in range(6):
        save(root / "images" / f"{number}.png", picture(number))
    (root / "labels.csv").write_text("id,label\n0,ant\n1,bee\n")


def flat_test(root: Path) -> None:
    fill(root / "train", {"cats": 6, "dogs": 6})
    for number in range(4):
        save(root / "test" / f"{number}.png", picture(50 + number))


def stray_picture(root: Path) -> None:
    splits(root)
    save(root / "val" / "contact-sheet.png", picture(500))


def empty_class(root: Path) -> None:
    splits(root)
    shutil.rmtree(root / "train" / "cow")
    (root / "train" / "cow").mkdir()


def odd_suffixes(root: Path) -> None:
    fill(root, {"ant": 4, "bee": 4})
    for number in range(4):
        save(root / "ant" / f"q{number}.jfif", picture(20 + number), format="JPEG")
        save(root / "bee" / f"q{number}.JPE", picture(30 + number), format="JPEG")
    for number in range(3):
        head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
        (root / "bee" / f"IMG_{number}.HEIC").write_bytes(head + bytes(200))


def archive_of_a_mac(root: Path) -> None:
    fill(root, {"ant": 5, "bee": 5, "cow": 5})
    for name in ("ant", "bee", "cow"):
        (root / "__MACOSX" / name).mkdir(parents=True)
        (root / "__MACOSX" / name / "._00.png").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")


def links(root: Path) -> None:
    elsewhere = fill(root.parent / "elsewhere", {"bee": 5, "more": 5})
    fill(root, {"ant": 5}, 50)
    (root / "bee").symlink_to(elsewhere / "bee")
    (root / "ant" / "more").symlink_to(elsewhere / "more")
    for number in range(2):
        (root / "ant" / f"gone{number}.jpg").symlink_to(f"/nowhere/{number}.jpg")


def odd_names(root: Path) -> None:
    names = [
        "größe, mittel",
        'quo"te',
        "<b>bold",
        "a|b",
        "=1+1",
        "two\nlines",
        "猫",
        " leading",
        "a=b;c",
    ]
    fill(root, dict.fromkeys(names, 4))


def two_forms(root: Path) -> None:
    for split, form, begin in (("train", "NFC", 0), ("val", "NFD", 100)):
        names = [unicodedata.normalize(form, name) for name in ("café", "thé vert", "mate")]
        fill(root / split, dict.fromkeys(names, 5), begin)


def other_encoding(root: Path) -> None:
    fill(root, {"ant": 4, "bee": 4, os.fsdecode(b"caf\xe9"): 4})


def same_pictures(root: Path) -> None:
    fill(root, {"ant": 5, "bee": 5})
    for number in range(3):
        shutil.copy(root / "ant" / f"0{number}.png", root / "bee" / f"same{number}.png")


def one_camera(root: Path) -> None:
    rng = np.random.default_rng(2)
    scene = np.asarray(picture(50, (96, 72))).astype(float)
    for name in ("sound", "scratched"):
        for number in range(12):
            seen = scene + rng.normal(0, 1, scene.shape)
            if name == "scratched":
                seen[number : number + 4, 20:32] = 20
            made = Image.fromarray(seen.clip(0, 255).astype(np.uint8))
            save(root / name / f"{number}.png", made)


def twelve_bits(root: Path) -> None:
    for begin, name in ((0, "ill"), (10, "well")):
        for number in range(6):
            levels = np.asarray(picture(begin + number).convert("L")).astype(float)
            made = Image.fromarray((levels / levels.max() * 4095).astype(np.uint16))
            save(root / name / f"{number}.png", made)


def damaged_exif(root: Path) -> None:
    ifd = struct.pack("<H", 2) + struct.pack("<HHII", 0x010F, 2, 4000, 90000)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + ifd + struct.pack("<HHI", 0x0112, 3, 1) + b"\1\0"
    for number in range(8):
        name = ("ant", "bee")[number % 2]
        save(root / name / f"{number}.jpg", picture(number), exif=exif)


def torn(root: Path) -> None:
    fill(root, {"ant": 5, "bee": 5})
    whole = (root / "ant" / "00.png").read_bytes()
    (root / "ant" / "half.png").write_bytes(whole[: len(whole) // 2])
    (root / "ant" / "page.jpg").write_text("<!DOCTYPE html><title>404</title>")
    (root / "bee" / "empty.jpg").write_bytes(b"")
    (root / "bee" / "lfs.jpg").write_text("version https://git-lfs.github.com/spec/v1\n")


def banners(root: Path) -> None:
    fill(root, {"ant": 6, "bee": 6})
    for number in range(3):
        save(root / "ant" / f"banner{number}.png", picture(50 + number).resize((250_000, 1)))


HEIC = "cannot be used (bee/IMG_0.HEIC" if "HEIF" in readable() else "3 .heic (read after pip"
#   report: what is built, and for each command its exit code and what must be said
CASES: list[tuple[str, Build, list[tuple[str, int, list[str]]]]] = [
    ("01", lambda d: splits(d, ("Train", "Val", "Test")), [(TRAIN, 0, ["3 classes (ant 10, bee 10, cow 10)", "train 18, val 6, test 6"])]),
    ("03", labels_in_a_table, [(TRAIN, 3, ["error[DATA-CLASSES]", "one class alone (images, 6 images)", "1 .csv", "Next: a folder for each class"])]),
    ("04b", flat_test, [(TRAIN, 3, ["error[DATA-SPLITS]", "test holds 4 images in no class folders", "test/CLASS"])]),
    ("05", stray_picture, [(TRAIN, 0, ["train 18, val 6, test 6", "left out: 1 image beside the class folders (val/contact-sheet.png)"])]),
    ("06", empty_class, [(TRAIN, 3, ["error[DATA-CLASSES]", "train lacks cow"])]),
    ("07", odd_suffixes, [
        (TRAIN, 3 if "HEIF" in readable() else 0, [HEIC]),
        (f"{TRAIN} --bad-images skip --resume", 0, ["ant 8, bee 11" if "HEIF" in readable() else "ant 8, bee 8"]),
    ]),
    ("09", archive_of_a_mac, [
        (TRAIN, 0, ["3 classes (ant 5, bee 5, cow 5)", "left out: 1 hidden or left by the system"]),
        ("evaluate {d}-run --data {d} -t 1", 0, ["3 images"]),
    ]),
    ("11", links, [
        (TRAIN, 3, ["error[BAD-IMAGES]", "ant/gone0.jpg: is a link to /nowhere/0.jpg, which is not there", "gone1.jpg"]),
        (f"{TRAIN} --bad-images skip", 0, ["2 classes (ant 12, bee 5)", "gone0.jpg"]),
        ("predict {d}-run {d}/ant --format csv --top 1 -t 1", 3, ["gone0.jpg", "10 of"][:1]),
    ]),
    ("12", odd_names, [
        (TRAIN, 0, ["9 classes", "two\\nlines 4"]),
        ("evaluate {d}-run --data {d} --format csv -t 1", 0, ["'=1+1,", '"größe, mittel",']),
        ("evaluate {d}-run --data {d} --format markdown -t 1", 0, ["| a\\|b |", "| \\<b\\>bold |", "two\\\\nlines"]),
    ]),
    ("13", two_forms, [(TRAIN, 0, [f"3 classes ({unicodedata.normalize('NFC', 'café')} 10, mate 10"])]),
    ("14", other_encoding, [
        (TRAIN, 0, ["3 classes (ant 4, bee 4, caf\\xe9 4)"]),
        *((f"evaluate {{d}}-run --data {{d}} --format {form} -t 1", 0, ["xe9"]) for form in ("table", "csv", "markdown", "json")),
        *((f"predict {{d}}-run {{d}} --format {form} --top 1 -t 1", 0, ["caf"]) for form in ("table", "csv", "markdown", "json")),
    ]),
    ("17", same_pictures, [(TRAIN, 0, ["3 files in two classes at once (ant/00.png, bee/same0.png"])]),
    ("18b", one_camera, [
        (TRAIN, 0, ["24 photos look alike", "0 photos that look like another", "train 16, val 4, test 4"]),
        (f"{TRAIN}2 --copies exact", 0, ["--copies exact", "train 16, val 4, test 4"]),
        ("evaluate {d}-run2 --data {d} -t 1", 0, ["4 images"]),
    ]),
    ("23", twelve_bits, [
        (TRAIN, 0, ["grey levels go up to 4095: 4095 is white"]),
        ("evaluate {d}-run --data {d} -t 1", 0, ["2 images"]),
        ("predict {d}-run {d} --format csv --top 1 -t 1", 0, ["5.png,"]),
    ]),
    ("25", damaged_exif, [
        (TRAIN, 0, ["2 classes (ant 4, bee 4)"]),
        ("predict {d}-run {d} --format csv --top 1 -t 1", 0, ["7.jpg,"]),
    ]),
    ("26", torn, [
        (TRAIN, 3, ["error[BAD-IMAGES]", "4 of its 14 images", "page.jpg: is no image", "--bad-images skip"]),
        (f"{TRAIN} --bad-images skip", 0, ["train 6, val 2, test 2"]),
        ("evaluate {d}-run --data {d} -t 1", 0, ["2 images"]),
        ("export {d}-run --to engine --engine eager -t 1 --data {d} -o {d}-engine", 0, ["{d}-engine"]),
        ("export {d}-run --to safetensors --data {d} -o {d}-saved", 0, ["{d}-saved"]),
    ]),
    ("27", banners, [
        (TRAIN, 3, ["error[BAD-IMAGES]", "ant/banner0.png: 250000×1 pixels are too narrow"]),
        (f"{TRAIN} --bad-images skip", 0, ["train 8, val 2, test 2"]),
    ]),
    ("63", lambda d: fill(d, {"ant": 6, "bee": 6}), [
        (TRAIN, 0, ["12 images"]),
        ("mv {d} {d}-moved", 0, []),
        (f"train resnet20 --data {{d}}-moved {SHORT} --output {{d}}-run --resume", 0, ["12 images"]),
        ("evaluate {d}-run --data {d}-moved -t 1", 0, ["2 images"]),
    ]),
    ("68", lambda d: fill(d / "digits", {"ant": 6, "bee": 6}), [
        ("cd {d}", 0, []),
        (f"train resnet20 --data ./digits {SHORT} --output {{d}}-run", 0, ["resnet20 on ./digits", "12 images"]),
        (f"train resnet20 --data digits {SHORT} --output {{d}}-run2".replace(" --img-size 16", ""), 0, ["the folder of that name here is --data ./digits", "resnet20 on digits"]),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "commands"),
    [pytest.param(build, commands, id=number) for number, build, commands in CASES],
)
# pytest makes errors of warnings, which the program silences: tests/data/test_image.py has them in a process of its own.
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_folders_like_those_of_reports(
    build: Build,
    commands: list[tuple[str, int, list[str]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "set"
    monkeypatch.chdir(tmp_path)
    build(folder)
    for command, code, parts in commands:
        verb, *rest = command.replace("{d}", str(folder)).split()
        if verb == "mv":
            shutil.move(*rest)
            continue
        if verb == "cd":
            monkeypatch.chdir(*rest)
            continue
        assert main([verb, *rest]) == code, (command, capsys.readouterr().err[-2000:])
        captured = capsys.readouterr()
        said = captured.out + captured.err
        assert "Traceback" not in said
        for part in parts:
            assert part.replace("{d}", str(folder)) in said, (command, said)


def test_classes_are_named_as_people_read_them(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Report 73: the network knows them by WordNet's numbers too."""
    fill(tmp_path / "pets", {"goldfish": 1, "tench": 1, "golden retriever": 1})
    weights = str(shared / "data" / "resnet50-v1")
    command = ["evaluate", "resnet50", "--weights", weights, "--data", str(tmp_path / "pets")]
    assert main([*command, "-t", "1", "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["n02099601", "n01443537", "n01440764"]
