"""Folders and files with hostile names, from the photos to the page: shown as text, on one line, and nothing breaks."""

import csv
import io
import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from atalho import networks
from atalho.cli import main
from atalho.data.batches import Preprocessing
from atalho.data.image import Framing
from atalho.networks import subjects
from atalho.weights import trained
from atalho.weights.config import numbered
from atalho.weights.trained import Trained
from photo_folders import picture, save
from web_page import Page

CLASSES = (
    "\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}",
    "\x1b[31mred\x1b[0m\x07",
    "abc\u202egnp\u2066",
    "two\nlines\rand\u2028more",
    "-rf",
    "=1+1|*a*",
    "é" * 127 + "x",
)
FILES = (
    "<script>alert(1)<script>.png",
    "\x1b]0;title\x07\x1b[2J.png",
    "\u202egnp.exe.png",
    "-rf.png",
    "a\nb.png",
    "x" * 251 + ".png",
    os.fsdecode(b"caf\xe9.png"),
    "$(touch pwned)`touch pwned`;.png",
)
RAW = ("\x1b", "\x07", "\u202e", "\u2066", "\u2028", "\r")
"""What no output may hold as it is: a terminal would obey it, or show another text than there is."""


pytestmark = pytest.mark.usefixtures("brief")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile") / "<b>photos\x1b[1m"
    for label, name in enumerate(CLASSES):
        for number, file in enumerate(FILES):
            noise = picture(100 * label + number)
            hue = 42 * (label % (len(CLASSES) - 1))  # the last class looks like the first one
            colour = Image.new("RGB", noise.size, (hue, 255 - hue, 128))
            save(root / name / file, Image.blend(noise, colour, 0.6))
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "resnet20"
    network = networks.get("resnet20", input=(3, 24, 24), num_classes=5)
    model = subjects.build(network, seed=0).eval()
    preprocessing = Preprocessing.per_channel([0.5] * 3, [0.25] * 3)
    own = Trained(network, model, Framing((3, 24, 24)), preprocessing, numbered(5), "")
    folder.mkdir()
    trained.write(folder, model.state_dict(), own.config)
    return folder


def check(capsys: pytest.CaptureFixture[str], *, exact: bool = False) -> str:
    """What a command printed, once neither a terminal would obey any of it nor a traceback is in it.

    Args:
        exact: whether it printed names as they are, for a file.
    """
    out, err = capsys.readouterr()
    for text in (out, err):
        assert exact or not [each for each in RAW if each in text]
        assert "Traceback" not in text
    return out


@pytest.fixture(scope="module")
def compared(photos: Path, weights: Path) -> Path:
    output = photos.parent / "comparison"
    command = f"--copies off -b 1 -t 1 --device cpu --weights {weights} --output {output}"
    assert main(["compare", "resnet20", "--data", str(photos), *command.split()]) == 0
    return output


def test_the_page_shows_them_as_text(compared: Path) -> None:
    text = (compared / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not [each for each in RAW if each in text]
    assert CLASSES[0] in page.text
    assert {tag for tag, name, _ in page.attributes if name.startswith("on")} == set()
    assert "<img src=x" not in text
    assert "<script>alert" not in text
    assert "{{ 7 * 7 }}" in page.text
    summary = (compared / "summary.csv").read_text(encoding="utf-8")
    assert not [each for each in RAW if each in summary]
    assert len((compared / "suspects.csv").read_text(encoding="utf-8").splitlines()) > 1
    for chart in (compared / "charts").glob("*.svg"):
        ElementTree.parse(chart)  # is well-formed
    assert {path.suffix for path in (compared / "thumbnails").iterdir()} <= {".png", ".jpg"}


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown"])
def test_evaluate_and_predict(
    compared: Path, photos: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    chosen = str(compared / "chosen")
    assert main(["evaluate", chosen, "--data", str(photos), "--format", format]) == 0
    evaluated = check(capsys, exact=format == "csv")
    assert main(["predict", chosen, str(photos), "--top", "2", "--format", format]) == 0
    predicted = check(capsys, exact=format == "csv")
    if format == "json":
        assert {*json.loads(evaluated)["per_class"]} == {*CLASSES}
        assert {Path(each["path"]).name for each in json.loads(predicted)} == {*FILES}
    elif format == "csv":
        rows = [*csv.DictReader(io.StringIO(predicted))]
        assert {row["label"].removeprefix("'") for row in rows} <= {*CLASSES}
        texts = [row[name] for row in rows for name in ("path", "label", "name")]
        assert not [each for each in texts if each.startswith(("=", "-", "+", "@"))]
    else:
        assert len(predicted.splitlines()) >= 2 * len(CLASSES) * len(FILES)


def test_files_that_are_written(
    compared: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    chosen = str(compared / "chosen")
    (photos / CLASSES[0] / "broken\x1b[31m\n<i>.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    for name in ("answers.csv", "answers.jsonl"):
        assert main(["predict", chosen, str(photos), "-o", str(tmp_path / name)]) == 3
        check(capsys)
        assert (tmp_path / name).stat().st_size > 0
    where = tmp_path / "where"
    assert main(["predict", chosen, str(photos / CLASSES[1]), "--explain", str(where)]) == 0
    check(capsys)
    pictures = [*where.iterdir()]
    assert len(pictures) == len(FILES)
    assert all(path.name.isascii() and path.name.isprintable() for path in pictures)
    (photos / CLASSES[0] / "broken\x1b[31m\n<i>.png").unlink()
