"""Predictions by workers, a shard of the pictures at a time: the same bytes as by one process, whoever is killed on the way."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from filelock import FileLock
from PIL import Image

import atalho
from atalho.cli import main
from atalho.errors import AtalhoError, Exit
from atalho.evaluation import predicting, shard
from atalho.evaluation.predicting import Guess, Prediction, Source
from atalho.evaluation.shard import MOST, Shard, shards
from atalho.runtime import cluster as runtime
from atalho.runtime.cluster import Cluster, Result, Task

BATCH = 4


def filled(folder: Path, count: int) -> Path:
    """A folder of pictures, one of them torn and one in a folder of its own."""
    generator = np.random.default_rng(0)
    (folder / "below").mkdir(parents=True)
    for number in range(count - 2):
        pixels = generator.integers(0, 256, (9, 9), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04}.png")
    Image.fromarray(pixels).save(folder / "below" / 'a\n,".png')
    (folder / "0003 torn.png").write_bytes(b"torn")
    return folder


def test_two_workers_write_the_bytes_of_one_process(finished: Path, tmp_path: Path) -> None:
    photos = filled(tmp_path / "photos", 30)
    lines: list[str] = []
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    settings: dict[str, Any] = {"top": 2, "threads": 1, "batch_size": 16}
    expected = atalho.predict_to_file(finished, photos, here, **settings)
    settings |= {"on": "local:2", "reporter": atalho.Reporter(say=lines.append)}
    predicted = atalho.predict_to_file(finished, photos, there, **settings)
    assert there.read_bytes() == here.read_bytes()
    assert (predicted.pictures, predicted.unreadable) == (30, 1)
    assert (expected.pictures, expected.unreadable) == (30, 1)
    assert lines[0] == "local:2: 2 shards, 2 at a time so far; threads of each: 1"
    begun = [line.partition(": begins on ")[0] for line in lines if ": begins on " in line]
    assert sorted(begun) == ["pictures 1 to 16", "pictures 17 to 30"]
    assert len([line for line in lines if line.startswith(("[1/2] ", "[2/2] "))]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.csv", "photos", "there.csv"]


def test_pictures_of_a_call_without_workers_are_not_sent_again(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = filled(tmp_path / "photos", 9)
    whole, begun = tmp_path / "whole.csv", tmp_path / "begun.csv"
    settings: dict[str, Any] = {"top": 2, "threads": 1, "batch_size": 2}
    atalho.predict_to_file(finished, photos, whole, **settings)
    serial = predicting.predict
    monkeypatch.setattr(predicting, "predict", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        atalho.predict_to_file(finished, photos, begun, **settings)
    lines = whole.read_bytes().splitlines(keepends=True)
    begun.write_bytes(b"".join(lines[:6]))  # five pictures
    monkeypatch.setattr(predicting, "predict", serial)
    sent: list[Task] = []

    def results(cluster: Cluster, tasks: Sequence[Task], **_: object) -> Iterator[Result]:
        sent.extend(tasks)
        yield from runtime.results(tasks)

    monkeypatch.setattr(Cluster, "__enter__", lambda self: self)
    monkeypatch.setattr(Cluster, "results", results)
    predicted = atalho.predict_to_file(finished, photos, begun, on="local:2", **settings)
    assert [task.name for task in sent] == [f"pictures {n} to {min(n + 1, 9)}" for n in (5, 7, 9)]
    assert (predicted.continued, predicted.pictures) == (5, 4)
    assert begun.read_bytes() == whole.read_bytes()


def named(pictures: Iterable[Source]) -> Iterator[Prediction]:
    """Instead of a network: a picture's name is its label."""
    for each in pictures:
        if each.path == "torn":
            error = AtalhoError("DATA-IMAGE", each.path, "torn", next_step="", exit=Exit.DATA)
            yield Prediction(each.path, error)
        else:
            yield Prediction(each.path, (Guess(each.path, "ünï", 1 / 3),))


def test_a_shard_goes_on_from_its_last_whole_batch(tmp_path: Path) -> None:
    pictures = tuple(map(str, range(10)))
    each = Shard(tmp_path / "shards" / "s.jsonl", pictures, BATCH)
    begun: list[list[str]] = []

    def until(stop: int) -> None:
        def classify(left: Iterable[Source]) -> Iterator[Prediction]:
            names = [source.path for source in left]
            begun.append(names)
            for prediction in named(map(Source, names, map(Path, names))):
                if prediction.path == str(stop):
                    raise KeyboardInterrupt
                yield prediction

        each.finish(classify)

    with pytest.raises(KeyboardInterrupt):
        until(6)
    part = each.file.with_name("s.jsonl.part")
    with part.open("a") as file:
        file.write('{"path": "6", "la')  # as a kill leaves it
    until(10)
    assert begun == [[*pictures], [*pictures[4:]]]
    assert [*each.predictions()] == [*named(Source(name, Path(name)) for name in pictures)]
    assert not part.exists()
    until(0)  # nothing is left
    assert len(begun) == 2


def test_an_error_is_kept_as_it_was(tmp_path: Path) -> None:
    each = Shard(tmp_path / "s.jsonl", ("a", "torn"), BATCH)
    each.finish(named)
    guessed, torn = each.predictions()
    assert guessed.outcome == (Guess("a", "ünï", 1 / 3),)
    assert isinstance(torn.outcome, AtalhoError)
    assert (torn.path, torn.outcome.cause) == ("torn", "torn")


def test_a_shard_has_one_owner(tmp_path: Path) -> None:
    each = Shard(tmp_path / "s.jsonl", ("a",), BATCH)
    with FileLock(tmp_path / ".s.jsonl.lock"), pytest.raises(AtalhoError, match="IN-USE"):
        each.finish(named)
    assert not each.finished


@pytest.mark.parametrize("count", [1, 3, 64, 65, 1000, 100_000])
@pytest.mark.parametrize("batch", [1, 48, 64, 5000])
def test_shards_begin_where_batches_of_all_pictures_begin(count: int, batch: int) -> None:
    pictures = [f"{number}.jpg" for number in range(count)]
    every = shards(pictures, batch, Path("x"), lambda part: part[0])
    assert [name for each in every for name in each.pictures] == pictures
    assert all(each.first % batch == 0 for each in every)
    assert all(pictures[each.first] == each.pictures[0] for each in every)
    assert max(len(each.pictures) for each in every) <= max(MOST + batch - 1, batch)
    assert len(every) <= 17 or count > 16 * MOST


@pytest.mark.parametrize(
    "words",
    [["--on", "local:2"], ["-", "--on", "local:2", "-o", "a.csv"]],
    ids=["no-file", "standard-input"],
)
def test_what_workers_cannot_do_is_a_usage_error(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "resnet20", "x.png", *words]) == Exit.USAGE
    assert [*tmp_path.iterdir()] == []


def test_a_network_that_is_loaded_is_not_sent(finished: Path, tmp_path: Path) -> None:
    trained = atalho.load(finished)
    with pytest.raises(AtalhoError, match="by its name or its folder"):
        atalho.predict_to_file(trained, tmp_path, tmp_path / "a.csv", on="local:2")


@pytest.mark.full
def test_workers_and_clients_are_killed_and_every_picture_is_there_once(
    finished: Path, tmp_path: Path
) -> None:
    photos, chance = filled(tmp_path / "photos", 400), random.Random(0)
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    atalho.predict_to_file(finished, photos, here, threads=1, batch_size=1)
    command = [sys.executable, "-P", "-m", "atalho", "predict", str(finished), str(photos)]
    command += ["-b", "1", "-t", "1", "-o", str(there), "--on", "local:2"]
    kills = 0
    while True:
        process = psutil.Popen(command, stderr=subprocess.PIPE, text=True)
        while kills < 8 and process.poll() is None:
            time.sleep(chance.uniform(3, 10))
            workers = [each for each in process.children() if "spawn_main" in str(each.cmdline())]
            tasks = [task for worker in workers for task in worker.children()]
            kinds = [each for each in ([process], workers, tasks) if each]
            try:
                chance.choice(chance.choice(kinds)).send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
            kills += 1
        _, errors = process.communicate()
        if process.returncode != Exit.DATA:  # one picture is torn
            assert process.returncode == -9 or "error[CLUSTER-TASK]" in errors, errors
            continue
        assert there.read_bytes() == here.read_bytes()
        assert not shard.folder(there).exists()
        if kills == 8:
            break
        there.unlink()  # it was faster than the kills
