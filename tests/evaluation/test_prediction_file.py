"""Predictions in a file: written as they come, gone on with after a stop, and in flat memory."""

import csv
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import atalho
from atalho.cli import main
from atalho.data import listing
from atalho.data.folder import WORKERS
from atalho.errors import AtalhoError, Exit
from atalho.evaluation import predicting, prediction_file
from atalho.evaluation.predicting import BLOCK, Guess, Prediction, Source, sources
from atalho.weights.trained import Inference

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Seven pictures, one of them torn, one of them named badly."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for name in ("a.png", "b.png", 'c\n,".png', "below/d.png", "e.png", "f.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (9, 9), dtype=np.uint8)).save(path)
    (folder / "torn.png").write_bytes(b"torn")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


def test_every_format_has_the_answers_of_predict(
    finished: Path, photos: Path, tmp_path: Path, capsys: Captured
) -> None:
    expected = atalho.predict(finished, photos, top=2, threads=1)
    for suffix in ("csv", "jsonl", "parquet"):
        command = ["predict", str(finished), str(photos), "--top", "2", "-t", "1"]
        assert main([*command, "-o", str(tmp_path / f"answers.{suffix}")]) == Exit.DATA
        assert "7 pictures" in capsys.readouterr().err
    answers = rows(tmp_path / "answers.csv")
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(tmp_path / "answers.parquet").to_pylist()
    assert [*answers[0]] == [*table[0]] == prediction_file.columns(2)
    for prediction, answer, line, row in zip(expected, answers, lines, table, strict=True):
        assert answer["path"] == line["path"] == row["path"]
        if isinstance(prediction.outcome, AtalhoError):
            assert answer["error"] == line["error"] == row["error"]
            assert answer["label_1"] == ""
            assert row["label_1"] is None
            continue
        labels = [guess.label for guess in prediction.outcome]
        assert [answer["label_1"], answer["label_2"]] == labels
        assert [each["label"] for each in line["labels"]] == labels
        shares = [guess.probability for guess in prediction.outcome]
        assert [float(answer["probability_1"]), row["probability_2"]] == shares
    hidden = [each.name for each in tmp_path.iterdir() if each.name.startswith(".")]
    assert hidden == []


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_call_that_was_stopped_goes_on(
    suffix: str, finished: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = tmp_path / f"whole.{suffix}", tmp_path / f"stopped.{suffix}"
    # One torn picture that the first call meets, and one that the second does.
    (photos / "a.png").write_bytes(b"torn")
    atalho.predict_to_file(finished, photos, whole, threads=1)
    predict = predicting.predict
    classified: list[str] = []

    def until(stop: int) -> None:
        def some(*rest: object, **settings: object) -> Iterator[Prediction]:
            for place, each in enumerate(predict(*rest, **settings)):  # type: ignore[arg-type]
                if place == stop:
                    raise KeyboardInterrupt
                classified.append(each.path)
                yield each

        monkeypatch.setattr(predicting, "predict", some)

    until(3)
    with pytest.raises(KeyboardInterrupt):
        atalho.predict_to_file(finished, photos, stopped, threads=1)
    lines = tmp_path / (".stopped.parquet.jsonl" if suffix == "parquet" else stopped.name)
    with lines.open("a") as file:
        file.write('{"path": "to')  # as a crash leaves it
    until(100)
    predicted = atalho.predict_to_file(finished, photos, stopped, threads=1)
    assert (predicted.continued, predicted.pictures, predicted.unreadable) == (3, 4, 2)
    assert sorted(classified) == sorted(set(classified))
    assert len(classified) == 7
    assert stopped.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(("suffix", "pictures"), [("csv", 50), ("jsonl", 50), ("parquet", 1)])
def test_a_full_disk_is_one_line_and_the_next_call_goes_on(
    suffix: str, pictures: int, tmp_path: Path
) -> None:
    """Of Parquet the lines fit, and the file that is made of them does not."""
    whole, path = tmp_path / f"whole.{suffix}", tmp_path / f"answers.{suffix}"
    (tmp_path / f"..{path.name}.unfinished.1.tmp").touch()  # as a killed process leaves it

    def predict(path: Path) -> None:
        with prediction_file.opened(path, {}, 1) as file:
            for number in range(pictures):
                if f"{number}.png" not in file.done:
                    file.write(Prediction(f"{number}.png", (Guess("ant", "ant", 0.75),)))

    predict(whole)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(AtalhoError, match="what was predicted before is kept") as caught:
            predict(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.code, caught.value.exit) == ("DISK", Exit.RESOURCES)
    predict(path)
    assert path.read_bytes() == whole.read_bytes()
    assert {*tmp_path.iterdir()} == {whole, path}


def test_a_killed_process_goes_on(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for place in range(300):
        Image.new("L", (64, 64), place % 256).save(folder / f"{place:03}.png")
    answers = tmp_path / "answers.jsonl"
    command = [sys.executable, "-P", "-m", "atalho", "predict", str(finished), str(folder)]
    command += ["-t", "1", "-b", "1", "-o", str(answers)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        ends = time.monotonic() + 60
        while not (answers.exists() and answers.read_bytes().count(b"\n") > 3):
            assert time.monotonic() < ends
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    lines = answers.read_bytes().count(b"\n")
    assert 3 < lines < 300
    predicted = atalho.predict_to_file(finished, folder, answers, threads=1, batch_size=1)
    assert predicted.continued == lines
    paths = [json.loads(line)["path"] for line in answers.read_text().splitlines()]
    assert sorted(paths) == [str(folder / f"{place:03}.png") for place in range(300)]


def test_other_predictions_are_not_mixed_in(
    finished: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_file = tmp_path / "answers.csv"
    atalho.predict_to_file(finished, photos, finished_file, threads=1)
    for path, message in (
        (finished_file, "exists"),
        (tmp_path / "answers.txt", "ends in none of .csv, .jsonl and .parquet"),
    ):
        with pytest.raises(AtalhoError, match=message) as caught:
            atalho.predict_to_file(finished, photos, path, threads=1)
        assert caught.value.exit == Exit.USAGE
    begun = tmp_path / "begun.csv"

    def stopping(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(predicting, "predict", stopping)
        with pytest.raises(KeyboardInterrupt):
            atalho.predict_to_file(finished, photos, begun, threads=1)
    with pytest.raises(AtalhoError, match="another network"):
        atalho.predict_to_file(finished, photos, begun, threads=1, top=1)
    with (
        prediction_file.opened(tmp_path / "used.csv", {}, 1),
        pytest.raises(AtalhoError, match="IN-USE"),
        prediction_file.opened(tmp_path / "used.csv", {}, 1),
    ):
        pass


@pytest.mark.parametrize("line", ["[]", "3", "{}", "ant", '"path"', "null"])
def test_a_line_that_is_no_prediction_is_said(line: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with pytest.raises(KeyboardInterrupt), prediction_file.opened(path, {}, 1):
        raise KeyboardInterrupt
    path.write_text(line + "\n")
    with (
        pytest.raises(AtalhoError, match="holds a line that is no prediction") as caught,
        prediction_file.opened(path, {}, 1),
    ):
        pass
    assert (caught.value.code, path.read_text()) == ("OUTPUT", line + "\n")


def test_pictures_are_listed_and_decoded_no_further_than_needed(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer comes before the folder was walked through, and no more pictures are held than a block and those under way."""
    trained = atalho.load(finished)
    taken = 0

    def endless() -> Iterator[Source]:
        nonlocal taken
        picture = io.BytesIO()
        Image.new("L", (8, 8)).save(picture, "PNG")
        while True:
            taken += 1
            yield Source(f"{taken}.png", picture.getvalue())

    inference = Inference(torch.device("cpu"), "float32", 4)
    predictions = predicting.predict(trained, endless(), inference, top=1)
    for _ in range(20):
        next(predictions)
    assert taken < 20 + BLOCK + 4 * WORKERS
    predictions.close()  # type: ignore[attr-defined]


def test_a_folder_of_very_many_pictures_is_walked_in_flat_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(25):
        (tmp_path / f"{place:02}.png").touch()
    monkeypatch.setattr(listing, "SORTED", 10)
    most = 0
    entries = listing._entries

    def counted(folder: str, at_once: int | None) -> Iterator[list["os.DirEntry[str]"]]:
        nonlocal most
        for place, each in enumerate(entries(folder, at_once)):
            most = place
            yield each

    monkeypatch.setattr(listing, "_entries", counted)
    walked = sources([str(tmp_path)], io.BytesIO(), print)
    first = next(walked)
    assert most == 0
    assert {first.path, *(each.path for each in walked)} == {*map(str, tmp_path.iterdir())}


def test_which_pictures_have_a_line_takes_eight_bytes_each() -> None:
    count = 100_000
    paths = (f"/photos/of/a/camera/IMG_{place:08}.jpg" for place in range(count))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = prediction_file.Pictures(paths)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(done) == count
    assert grown < 8000  # kB; a set of the names takes 15,000
    assert "/photos/of/a/camera/IMG_00099999.jpg" in done
    assert "/photos/of/a/camera/IMG_00100000.jpg" not in done


def test_a_guess_of_any_class_is_one_line(tmp_path: Path) -> None:
    guess = Guess("a\nb", 'c,"d', 0.5)
    path = tmp_path / "answers.csv"
    with prediction_file.opened(path, {}, 2) as file:
        file.write(Prediction("x\ny.png", (guess,)))
    assert path.read_text().count("\n") == 2
    (row,) = rows(path)
    assert (row["label_1"], row["name_1"], row["label_2"]) == ("a\\nb", 'c,"d', "")
