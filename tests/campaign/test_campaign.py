"""A share of the campaign, and each of its detectors broken once on purpose."""

import json
import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from atalho.errors import AtalhoError, Exit
from atalho.training import checkpoint
from campaign import attempts, commands, extremes, hostile, names, pickles, rotting, works
from campaign.attempts import Bounds, attempt
from campaign.commands import Ended
from campaign.counts import Counts, peak_memory, write
from campaign.rot import Target, rot
from campaign.works import Work, settle

FLIPS, CUTS = 12, 4
"""Of each file in `make test`; `make campaign` has as many as `CAMPAIGN` says."""

SHARE = 6
"""Generated files of each kind."""

ARMED = (
    *("os.mkdir by GLOBAL", "in a dict", "posix.mkdir by STACK_GLOBAL", "os.makedirs by OBJ"),
    *("posix.system by GLOBAL", "builtins.exec by INST"),
)
"""Payloads that work where they are read without care."""


def clean(counts: Counts) -> None:
    """Nothing is wrong, and something was tried."""
    assert counts.cases
    assert not counts.faults, counts.examples


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    return {target.name: target for target in rotting.targets(tmp_path_factory.mktemp("rot"))}


def test_rot_is_noticed_or_without_effect(targets: dict[str, Target]) -> None:
    assert len(targets) >= 16
    for target in targets.values():
        clean(rot(target, FLIPS, CUTS))


def test_every_detector_of_rot_works(tmp_path: Path) -> None:
    """By a reader that has every fault."""
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.write_bytes(b"content")

    def careless(say: object) -> bytes:
        content = file.read_bytes()
        if len(content) < 3:
            (file.parent / f".{len(content)}.tmp").touch()
            raise ValueError("a traceback")
        (tmp_path.parent / "elsewhere").write_bytes(content)
        return content

    counts = rot(Target("file", file, careless), flips=8, cuts=4)
    assert counts.cases >= 10
    for column in ("unnoticed", "tracebacks", "litter", "writes_outside"):
        assert counts.faults[column], column


@pytest.mark.parametrize("part", [each.__name__ for each in hostile.PARTS])
def test_hostile_files_do_nothing(part: str, tmp_path: Path) -> None:
    clean(getattr(hostile, part)(SHARE, tmp_path))


def test_a_hostile_name_is_shown_as_text(tmp_path: Path) -> None:
    clean(names.names(1, tmp_path))


def test_what_a_terminal_would_obey_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "command", lambda *words: Ended(0, "\x1b[2J", ""))
    assert names.names(1, tmp_path).faults["obeyed"] > 0


def test_the_counts_of_all_parts_add_up(tmp_path: Path) -> None:
    file = tmp_path / "campaign.json"
    for part, cases in (("rot: a", 3), ("rot: b", 2), ("rot: a", 5)):
        counts = Counts(part, ("unnoticed",), cases)
        counts.fault("unnoticed", "an example")
        write(file, counts, command="python -m campaign rot")
    total = json.loads(file.read_text())["total"]
    assert (total["cases"], total["cases_by_kind"]) == (7, {"rot": 7})
    assert {name: number for name, number in total["faults"].items() if number} == {"unnoticed": 2}


def test_every_detector_of_hostile_input_works(tmp_path: Path) -> None:
    """By payloads that are unpickled, files that are read and memory that is taken."""
    counts = Counts("careless", attempts.DETECTS)
    secret, mark = tmp_path / "secret", tmp_path / "mark"
    secret.write_text("secret")
    bounds = Bounds((tmp_path,), secret, mark)
    executed = 0
    for name, payload in pickles.payloads(mark):
        if name in ARMED:
            attempt(counts, name, partial(pickle.loads, payload), bounds)
            executed += 1
            assert counts.faults["executed_payloads"] >= executed, name
    assert executed == len(ARMED)
    attempt(counts, "a read", secret.read_text, bounds)
    attempt(counts, "memory", lambda: b"x" * (peak_memory() + attempts.MOST_MEMORY), bounds)
    attempt(counts, "a program", lambda: os.system("true"), bounds)
    another = partial(subprocess.run, [sys.executable, "-P", "-m", "this"], capture_output=True)
    attempt(counts, "another program", another, bounds)
    assert counts.faults["reads_outside"] == 1
    assert counts.faults["unbounded"] == 1
    assert counts.faults["executed_payloads"] >= executed + 2


def test_nan_at_the_last_step_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of the last step is finite, and no later one shows what its update has made of the weights."""
    monkeypatch.setattr(extremes, "AT", (extremes.STEPS - 1,))
    monkeypatch.setattr(extremes, "PLACES", {"momentum": extremes.PLACES["momentum"]})
    clean(extremes.not_finite(tmp_path / "checked"))
    monkeypatch.setattr(checkpoint, "_check_finite", lambda *_: None)
    assert extremes.not_finite(tmp_path / "unchecked").faults["wrong_results"] == 1


def _disturbed(folder: Path, *parts: str) -> None:
    """In a process of its own, which forks those that are disturbed."""
    script = f"""
from itertools import chain
from pathlib import Path
from campaign import disk, kills
from campaign.works import left_alone, works
folder = Path({str(folder)!r})
train, predict, *_ = works(folder)
root = folder / "root"
whole, seconds = left_alone(train, root)
for counts in chain({", ".join(parts)}):
    assert counts.cases
    assert not counts.faults, counts.examples
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_killed_or_meets_a_full_disk_ends_with_the_same_bits(tmp_path: Path) -> None:
    _disturbed(
        tmp_path,
        "[kills.at_flushes(train, whole, root)]",
        "[kills.at_random(train, whole, root, 6, seconds)]",
        "[kills.in_writes(train, whole, root, 3)]",
        "[disk.mounts(train, whole, root)]",
    )


@pytest.mark.full
def test_hundreds_of_kills(tmp_path: Path) -> None:
    _disturbed(
        tmp_path,
        "kills.of_work(train, 1000, folder / 'train')",
        "disk.of_work(predict, 100, folder / 'predict')",
    )


def test_every_detector_of_kills_works(tmp_path: Path) -> None:
    """By a work that has every fault."""
    counts, folder = Counts("careless", works.DETECTS), tmp_path / "folder"
    folder.mkdir()
    (folder / "records.jsonl").write_text("a record\n")

    def careless(folder: Path) -> None:
        (folder / "records.jsonl").write_text("")
        (folder / ".left.tmp").write_text("")

    work = Work("careless", careless, lambda folder: {"bits": 1}, 1)
    settle(counts, work, {"bits": 0}, folder, "careless")
    assert counts.faults == {"differing_bits": 1, "lost_records": 1, "litter": 1}

    def locked(folder: Path) -> None:
        raise AtalhoError("IN-USE", folder, "locked", next_step="wait", exit=Exit.USAGE)

    def failing(folder: Path) -> None:
        raise AtalhoError("DISK", folder, "full", next_step="wait", exit=Exit.RESOURCES)

    settle(counts, work._replace(call=locked), {}, folder, "locked")
    settle(counts, work._replace(call=failing), {}, folder, "failing")
    assert counts.faults["stuck_locks"] == counts.faults["wrong_results"] == 1
