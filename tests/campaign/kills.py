"""Kills: at every system call that touches the disk, at every flush, in the middle of writes, and at random moments.

The next call must end as one that was left alone.
"""

import os
import random
import resource
import signal
import time
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import Any

from campaign.counts import Counts
from campaign.processes import can_trace, disturbed, ended, killed_after, moments, spaced
from campaign.works import DETECTS, STEPS, Work, fresh, left_alone, settle, works
from together import Together

LONGEST = 0.8
"""Of what a whole call takes, that a process may live."""

TOGETHER = 0.015
"""How many of the campaign's cases are kills of one of two processes that train together."""


def trainings(cases: int, folder: Path) -> Iterator[Counts]:
    """Kills of trainings."""
    train, *_ = works(folder)
    yield from of_work(train, cases, folder / train.name)


def others(cases: int, folder: Path) -> Iterator[Counts]:
    """Kills of all else that takes seconds, and of one of two processes that train together."""
    _, *rest = works(folder)
    for work in rest:
        if work.quick:
            yield from of_work(work, cases, folder / work.name)
    yield two_processes(max(1, int(cases * TOGETHER)), folder)


def comparisons(cases: int, folder: Path) -> Iterator[Counts]:
    """Kills of comparisons, which take half an hour."""
    *_, compare = works(folder)
    yield from of_work(compare, cases, folder / compare.name)


def of_work(work: Work, cases: int, root: Path) -> Iterator[Counts]:
    """Random kills, as many as its share; a quarter as many in the middle of writes; at most as many as `cases` / 4 at system calls."""
    whole, seconds = left_alone(work, root)
    kills = max(1, int(cases * work.share))
    if can_trace():
        yield at_calls(work, whole, root, cases // 4)
    yield at_flushes(work, whole, root)
    yield in_writes(work, whole, root, max(1, kills // 4))
    yield at_random(work, whole, root, kills, seconds)


def at_calls(work: Work, whole: Mapping[str, Any], root: Path, most: int) -> Counts:
    """Kills at each system call that touches the work's folder, in turn; of more than `most`, at so many evenly spaced ones."""
    counts, log = Counts(f"kills at system calls: {work.name}", DETECTS), root / "log"
    with counts.timed():
        counted = fresh(root, "counted")
        calls = moments(partial(work.call, counted), counted, log)
        counts.ends["system calls in all"] = len(calls)
        for moment in spaced(calls, most):
            folder = fresh(root, "killed")
            code = disturbed(partial(work.call, folder), log, moment, "signal=KILL")
            _settled(counts, work, whole, folder, f"killed at {moment}", code)
    return counts


def at_flushes(work: Work, whole: Mapping[str, Any], root: Path) -> Counts:
    """Kills the first process at its first flush of a file, the second at its second, until one comes to the end."""
    counts, folder = Counts(f"kills at flushes: {work.name}", DETECTS), fresh(root, "flushed")
    with counts.timed():
        for number in count(1):
            before = partial(_kill_at_flush, number)
            if ended(partial(work.call, folder), root / "log", before) != -signal.SIGKILL:
                break
            counts.end("killed")
        settle(counts, work, whole, folder, f"{work.name}, killed at every flush")
    return counts


def _kill_at_flush(number: int) -> None:
    calls, fsync = count(1), os.fsync

    def deadly(descriptor: int) -> None:
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(descriptor)

    os.fsync = deadly


def in_writes(work: Work, whole: Mapping[str, Any], root: Path, kills: int) -> Counts:
    """Kills in the middle of a write: the kernel ends a process where one of its files would be larger than a limit."""
    counts, chance = Counts(f"kills in writes: {work.name}", DETECTS), random.Random(0)
    files = [path for path in (root / "whole").rglob("*") if path.is_file() and path.stat().st_size]
    with counts.timed():
        for _ in range(kills):
            folder, size = fresh(root, "cut"), chance.choice(files).stat().st_size
            before = partial(_limit_files, chance.randrange(size))
            code = ended(partial(work.call, folder), root / "log", before)
            _settled(counts, work, whole, folder, f"killed where a file has {size} bytes", code)
    return counts


def _limit_files(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def at_random(
    work: Work, whole: Mapping[str, Any], root: Path, kills: int, seconds: float
) -> Counts:
    """Kills at random moments, in one folder until the work is done there, so many times in all."""
    counts, chance = Counts(f"random kills: {work.name}", DETECTS), random.Random(0)
    with counts.timed():
        while counts.cases < kills:
            counts.ends["folders"] += 1
            folder = fresh(root, "random")
            call, log = partial(work.call, folder), root / "log"
            while counts.cases < kills and killed_after(
                chance.uniform(0, LONGEST * seconds), call, log
            ):
                counts.end("killed")
            settle(counts, work, whole, folder, f"{work.name}, folder {counts.ends['folders']}")
    return counts


def _settled(
    counts: Counts, work: Work, whole: Mapping[str, Any], folder: Path, how: str, code: int
) -> None:
    """Counts a case by the exit code of its process, and whether the next call mends all."""
    counts.end("killed" if code < 0 else "ended before")
    settle(counts, work, whole, folder, f"{work.name}, {how}")


# Two processes that train together

_DYING = """
import os, signal, threading
if rank == {rank}:
    threading.Timer({seconds}, os.kill, (os.getpid(), signal.SIGKILL)).start()
"""


def two_processes(kills: int, root: Path) -> Counts:
    """Kills one of two processes that train together at random moments; a further call must end with the same bits."""
    counts, chance = Counts("random kills: two processes", DETECTS), random.Random(0)
    words = ["train", "resnet20", "--steps", str(STEPS), "-b", "8", "-t", "1", "--save-every", "0"]
    words += ["--precision", "float32", "--sync-bn", "--resume", "--output"]
    with counts.timed(), Together() as together:
        together(*words, str(root / "warm"))
        begun, whole = time.monotonic(), root / "together"
        undisturbed = together(*words, str(whole))
        seconds = time.monotonic() - begun
        assert [each.code for each in undisturbed] == [0, 0], undisturbed[0].errors
        ranks = cycle((0, 1))
        for number in range(kills):
            folder, example = root / f"together-{number}", f"two processes, {number}"
            dying = _DYING.format(rank=next(ranks), seconds=chance.uniform(0, seconds))
            codes = [each.code for each in together(*words, str(folder), before=dying)]
            counts.end("killed" if -signal.SIGKILL in codes else "ended before")
            _end_together(counts, together, [*words, str(folder)], whole, example)
    return counts


def _end_together(
    counts: Counts, together: Together, words: list[str], whole: Path, example: str
) -> None:
    folder = Path(words[-1])
    again = together(*words)
    if any(each.code for each in again):
        stuck = any("IN-USE" in each.errors for each in again)
        column = "stuck_locks" if stuck else "wrong_results"
        counts.fault(column, f"{example}: {again[0].errors[-300:]}")
        return
    for name in ("model.safetensors", "metrics.csv"):
        if (folder / name).read_bytes() != (whole / name).read_bytes():
            counts.fault("differing_bits", f"{example}: {name}")
    if litter := [path for path in folder.rglob(".*") if path.name != ".lock"]:
        counts.fault("litter", f"{example}: {litter[0].name}")
