"""Work that is disturbed: trainings, predictions, exports, diagnoses, comparisons; and how it must end once it is left alone."""

import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch._dynamo  # every optimiser loads it, which takes a second

import atalho
from atalho import record
from atalho.errors import AtalhoError, Exit
from atalho.training import checkpoint, run
from campaign.counts import Counts
from campaign.processes import ended
from campaign.rotting import few_digits, short_run
from photo_folders import fill

DETECTS = ("differing_bits", "lost_records", "stuck_locks", "litter", "wrong_results", "tracebacks")

STEPS = 6

LOADED = (
    *("api.comparing", "api.measuring", "api.predicting", "api.trained", "comparison.comparing"),
    *("diagnosis.diagnosing", "evaluation.predicting", "evaluation.prediction_file"),
    *("engines.deploy", "exports"),
)
"""Modules of atalho's that are loaded once, before processes are forked."""


class Work(NamedTuple):
    """What is disturbed.

    Attributes:
        call: does the work in a folder, or goes on with what is there.
        results: all that must be equal when it is done, by name.
        share: how many of the campaign's cases are random kills of it.
        quick: whether it takes seconds at most.
    """

    name: str
    call: Callable[[Path], object]
    results: Callable[[Path], Mapping[str, Any]]
    share: float
    quick: bool = True


def works(root: Path) -> list[Work]:
    """All kinds of work, with what they read below a folder."""
    for module in LOADED:
        import_module(f"atalho.{module}")
    few_digits()
    photos, finished = fill(root / "photos", {"ant": 4, "bee": 4}), root / "finished" / "run"
    finished.parent.mkdir()
    log = root / "log"
    assert ended(partial(_train, finished.parent, 2), log) == 0, log.read_text()
    return [
        Work("train", _train, _trained, 0.1),
        Work("predict", partial(_predict, finished, photos), _predicted, 0.05),
        Work("export", partial(_export, finished), _exported, 0.05),
        Work("diagnose", _diagnose, _measured, 0.025),
        Work("compare", _compare, _measured, 0.01, quick=False),
    ]


def left_alone(work: Work, root: Path) -> tuple[Mapping[str, Any], float]:
    """The results of work that nothing disturbs, in a new folder, and the seconds that it takes."""
    folder, log, begun = root / "whole", root / "log", time.monotonic()
    folder.mkdir(parents=True)
    assert ended(partial(work.call, folder), log) == 0, log.read_text()
    return work.results(folder), time.monotonic() - begun


def fresh(root: Path, name: str) -> Path:
    """An empty folder, in place of the one of that name."""
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def settle(
    counts: Counts, work: Work, whole: Mapping[str, Any], folder: Path, example: str
) -> None:
    """Does the work again, undisturbed, and counts as a fault what is not as if it had never been disturbed.

    Args:
        whole: the results of the work when it is left alone.
        folder: what the disturbed work has left there.
        example: how it was disturbed.
    """
    before, log = _lines(folder), folder.parent / "log"
    if code := ended(partial(work.call, folder), log):
        stuck = code == Exit.USAGE and "IN-USE" in log.read_text()
        column = "stuck_locks" if stuck else "wrong_results"
        counts.fault(column, f"{example}: {log.read_text()[-300:]}")
        return
    results = work.results(folder)
    if different := [name for name in {**whole, **results} if whole.get(name) != results.get(name)]:
        counts.fault("differing_bits", f"{example}: {', '.join(different[:5])}")
    if before - _lines(folder):
        counts.fault("lost_records", example)
    if litter := [path for path in folder.rglob(".*") if path.name != ".lock"]:
        counts.fault("litter", f"{example}: {litter[0].relative_to(folder)}")


def _lines(folder: Path) -> set[bytes]:
    """All whole lines of records."""
    files = [file.read_bytes() for file in folder.rglob("records.jsonl")]
    return {line for content in files for line in content.split(b"\n")[:-1]}


# The work


def _train(folder: Path, steps: int = STEPS) -> None:
    torch.set_num_threads(1)
    run.execute(short_run(steps), few_digits(), folder / "run", resume=True)


def _trained(folder: Path) -> Mapping[str, Any]:
    names = ("model.safetensors", "config.json", "metrics.csv", "args.yaml")
    state = checkpoint.load(folder / "run" / "checkpoints")
    assert state
    return {
        **{name: (folder / "run" / name).read_bytes() for name in names},
        "state": checkpoint.digest(state[0]),
        **_measured(folder / "run"),
    }


def _predict(finished: Path, photos: Path, folder: Path) -> None:
    predict = partial(atalho.predict_to_file, finished, photos, threads=1, batch_size=1)
    for name in ("answers.csv", "answers.parquet"):
        _unless_there(folder / name, predict)


def _predicted(folder: Path) -> Mapping[str, Any]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."}


def _export(finished: Path, folder: Path) -> None:
    _unless_there(folder / "exported", partial(atalho.export, finished, "safetensors", threads=1))


def _exported(folder: Path) -> Mapping[str, Any]:
    return {path.name: path.read_bytes() for path in (folder / "exported").iterdir()}


def _unless_there(path: Path, call: Callable[[Path], object]) -> None:
    """Calls what writes a file or folder, which is refused where it is there and whole."""
    there = path.exists()
    try:
        call(path)
    except AtalhoError as error:
        if not there or error.code != "OUTPUT":
            raise


def _diagnose(folder: Path) -> None:
    networks, measure = ["resnet20", "plain20"], ("flow", "responses")
    atalho.diagnose(networks, output=folder / "diagnosis", measure=measure, threads=1)


def _compare(folder: Path) -> None:
    atalho.compare(["resnet20"], "none", output=folder / "comparison", batch_size=(1,), threads=1)


def _measured(folder: Path) -> Mapping[str, Any]:
    """Each network's quantities, with the values of those that every repetition has the same of.

    A measurement on a busy machine is repeated, and a failure by a signal too, so that their number may differ.
    """
    (file,) = folder.rglob("records.jsonl")
    same = ("computed", "cited")
    return {
        f"{each.subject}: {each.quantity}: {each.value if each.provenance in same else ''}": True
        for each in record.read(file)
        if each.quantity != "failure"
    }
