"""Disks that fail: full, read-only, over quota, broken; a clock that goes back; two processes on one folder.

A call may end with an error of one line; what there was is whole, and the next call ends as one that was left alone.
"""

import ctypes
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from atalho.errors import Exit
from campaign.counts import Counts
from campaign.processes import can_trace, disturbed, ended, forked, moments, spaced
from campaign.works import DETECTS, Work, fresh, left_alone, settle, works

ERRORS = (
    *(("write", "ENOSPC"), ("write", "EDQUOT"), ("write", "EIO"), ("fsync", "EIO")),
    *(("fsync", "ENOSPC"), ("rename", "EROFS"), ("rename", "EACCES"), ("mkdir", "ENOSPC")),
    *(("openat", "ENOSPC"), ("openat", "EMFILE"), ("unlink", "EROFS")),
)
"""System calls, and the errors with which they fail."""

SIZES = (0, 16, 200, 1200, 3000, 6000)
"""Kilobytes of a small disk."""

PAIRS = 20
"""Pairs of processes that begin at once, at most."""

GOOD = frozenset(Exit) - {Exit.INTERRUPTED, Exit.TERMINATED}
"""Exit codes of calls on a disk that fails; where a file cannot be read back, of data, checkpoints and checks too."""

_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS


def campaign(cases: int, folder: Path) -> Iterator[Counts]:
    """All of it for the work that takes seconds."""
    for work in works(folder):
        if work.quick:
            yield from of_work(work, cases, folder / work.name)


def of_work(work: Work, cases: int, root: Path) -> Iterator[Counts]:
    """All of it for one kind of work; each error at `cases` / 20 system calls at most."""
    whole, _ = left_alone(work, root)
    if can_trace():
        yield errors(work, whole, root, cases // 20)
    yield mounts(work, whole, root)
    yield clock(work, whole, root)
    yield pairs(work, whole, root, max(1, min(PAIRS, cases // 10)))


def errors(work: Work, whole: Mapping[str, Any], root: Path, most: int) -> Counts:
    """Lets each system call that touches the work's folder fail, one at a time; of more than `most` so many of each error."""
    counts = Counts(f"errors of the disk: {work.name}", DETECTS)
    with counts.timed():
        counted = fresh(root, "counted")
        calls = moments(partial(work.call, counted), counted, root / "log", alone=True)
        for name, error in ERRORS:
            for moment in spaced([each for each in calls if each.name == name], most):
                folder, example = fresh(root, "failed"), f"{work.name}, {error} at {moment}"
                call = partial(work.call, folder)
                code = disturbed(call, root / "log", moment, f"error={error}")
                _check(counts, code, root, example)
                settle(counts, work, whole, folder, example)
    return counts


def mounts(work: Work, whole: Mapping[str, Any], root: Path) -> Counts:
    """Small disks of several sizes, and a folder that cannot be written."""
    counts = Counts(f"full and read-only disks: {work.name}", DETECTS)
    with counts.timed():
        for size in SIZES:
            folder, after = fresh(root, "small"), root / "after"
            # The small disk is this process's alone: what is on it is copied from there.
            mount = ["mount", "-t", "tmpfs", "-o", f"size={size or 4}k", "none", str(folder)]
            keep = partial(shutil.copytree, folder, after)
            example = f"{work.name}, a disk of {size} kB"
            _check(counts, _kept(work, folder, partial(_mounted, mount), keep), root, example)
            if after.exists():
                settle(counts, work, whole, after, example)
                shutil.rmtree(after)
        folder, example = fresh(root, "read-only"), f"{work.name}, a read-only folder"
        bind = ["mount", "--bind", str(folder), str(folder)]
        remount = ["mount", "-o", "remount,ro,bind", str(folder)]
        before = partial(_mounted, bind, remount)
        _check(counts, ended(partial(work.call, folder), root / "log", before), root, example)
        settle(counts, work, whole, folder, example)
    return counts


def _mounted(*commands: list[str]) -> None:
    """Mounts what no other process sees; ends this process where it may not."""
    if ctypes.CDLL(None).unshare(_NEW_MOUNTS):
        print("no mounts here", flush=True)
        os._exit(Exit.DONE)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for command in commands:
        subprocess.run(command, check=True)


def _kept(
    work: Work, folder: Path, before: Callable[[], object], keep: Callable[[], object]
) -> int:
    """The exit code of a process that calls `before`, does the work and calls `keep`, whatever has become of the work."""

    def call() -> None:
        try:
            work.call(folder)
        finally:
            keep()

    return ended(call, folder.parent / "log", before)


def clock(work: Work, whole: Mapping[str, Any], root: Path) -> Counts:
    """A clock that goes back an hour each time that it is looked at, and only once."""
    counts = Counts(f"a clock that goes back: {work.name}", DETECTS)
    with counts.timed():
        for name, back in (("always", _always_back), ("once", _once_back)):
            folder, example = fresh(root, "clock"), f"{work.name}, the clock goes back {name}"
            _check(counts, ended(partial(work.call, folder), root / "log", back), root, example)
            settle(counts, work, whole, folder, example)
    return counts


def _always_back() -> None:
    begin, looks = time.time(), count()
    time.time = lambda: begin - 3600 * next(looks)
    time.time_ns = lambda: int(1e9 * time.time())


def _once_back() -> None:
    real, looks = time.time, count()
    time.time = lambda: real() - (3600 if next(looks) else 0)


def pairs(work: Work, whole: Mapping[str, Any], root: Path, number: int) -> Counts:
    """Two processes that begin at once in one folder: one does the work, the other does it too or says that it is in use."""
    counts = Counts(f"two processes at once: {work.name}", DETECTS)
    with counts.timed():
        for pair in range(number):
            folder, example = fresh(root, "pair"), f"{work.name}, pair {pair}"
            wait = partial(_until, time.monotonic() + 0.3)
            logs = [root / f"log-{each}" for each in range(2)]
            children = [forked(partial(work.call, folder), log, wait) for log in logs]
            codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
            counts.end(f"exits {' and '.join(map(str, sorted(codes)))}")
            text = " ".join(log.read_text() for log in logs)
            if Exit.DONE not in codes or any(code not in GOOD for code in codes):
                counts.fault("wrong_results", f"{example}: {codes}: {text[-300:]}")
            if "Traceback" in text:
                counts.fault("tracebacks", f"{example}: {text[-300:]}")
            settle(counts, work, whole, folder, example)
    return counts


def _until(begin: float) -> None:
    while time.monotonic() < begin:
        pass


def _check(counts: Counts, code: int, root: Path, example: str) -> None:
    """Counts a case by the exit code of its process, which must be a documented one and no traceback.

    A call's number is not always the same in two processes: an error that met a file of Python's instead is counted apart.
    """
    text = (root / "log").read_text(errors="replace")
    met = re.search(r"Error: \[Errno \d+\] [^:]*: '(/[^']*)'\s*$", text)
    if met and not Path(met[1]).is_relative_to(root):
        counts.end("met another file")
        return
    counts.end(f"exit {code}")
    if "Traceback" in text:
        counts.fault("tracebacks", f"{example}: {text[-300:]}")
    elif code not in GOOD:
        counts.fault("wrong_results", f"{example}: exit {code}: {text[-300:]}")
