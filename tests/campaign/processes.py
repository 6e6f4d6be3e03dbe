"""Processes that do a piece of work and are disturbed at it: forked, traced, and told how they ended.

They are forked from one that has loaded torch and never uses it, which takes a millisecond where a new one takes seconds.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from atalho.errors import AtalhoError

DISK = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2"),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "ftruncate", "flock", "chmod", "fchmod"),
)
"""System calls that touch the disk."""

Call = Callable[[], object]


class Moment(NamedTuple):
    """A system call of a process: the `number`th of its name that one of its threads makes."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


def forked(call: Call, log: Path, before: Call = int) -> int:
    """A new process that calls `before` and then `call`; what it prints goes to a file.

    Its exit code is 0, that of an error of atalho's, which is printed, or 1 after a traceback.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        sys.stdout = sys.stderr = log.open("w", buffering=1)
        for descriptor in (1, 2):
            os.dup2(sys.stdout.fileno(), descriptor)
        before()
        call()
        code = 0
    except AtalhoError as error:
        print(error)
        code = error.exit
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(call: Call, log: Path, before: Call = int) -> int:
    """The exit code of a forked process that was left to its end; negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(forked(call, log, before), 0)[1])


def killed_after(seconds: float, call: Call, log: Path) -> bool:
    """Kills a forked process at that time; whether it was still at work."""
    child, end = forked(call, log), time.monotonic() + seconds
    while (status := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
        time.sleep(0.001)
    if status == (0, 0):
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status[1])


def can_trace() -> bool:
    """Whether strace is here; says so where it is not."""
    if not shutil.which("strace"):
        print("strace is not here: no system call is disturbed")
        return False
    return True


def traced(call: Call, log: Path, *options: str) -> int:
    """The exit code of a forked process, negative where a signal ended it, that strace follows with all its children."""
    child = forked(call, log, lambda: os.kill(os.getpid(), signal.SIGSTOP))
    os.waitpid(child, os.WUNTRACED)
    strace = subprocess.Popen(
        ["strace", "-f", "-qq", *options, "-p", str(child)], stderr=subprocess.DEVNULL
    )
    while "TracerPid:\t0\n" in Path(f"/proc/{child}/status").read_text() and strace.poll() is None:
        time.sleep(0.002)
    os.kill(child, signal.SIGCONT)
    _, status = os.waitpid(child, 0)
    strace.wait()
    return os.waitstatus_to_exitcode(status)


def disturbed(call: Call, log: Path, moment: Moment, how: str) -> int:
    """As `traced`, with one system call disturbed as strace's option `inject` says: `signal=KILL`, `error=ENOSPC`."""
    inject = f"inject={moment.name}:{how}:when={moment.number}"
    return traced(call, log, "-o", os.devnull, "-e", f"trace={moment.name}", "-e", inject)


def moments(call: Call, folder: Path, log: Path, alone: bool = False) -> list[Moment]:
    """The system calls by which a process touches what is below a folder, in the order of their names.

    Args:
        alone: leaves out those that share name and number with another thread's that touches something else.
    """
    trace = log.with_name("trace")
    names = ",".join(f"?{each}" for each in DISK)
    code = traced(call, log, "-y", "-o", str(trace), "-e", f"trace={names}")
    assert code == 0, log.read_text()
    seen: Counter[tuple[str, str]] = Counter()
    touching, others = set(), set()
    for line in trace.read_text(errors="replace").splitlines():
        if begun := re.match(r"(\d+) +(\w+)\(", line):
            thread, name = begun.groups()
            seen[thread, name] += 1
            (touching if str(folder) in line else others).add(Moment(name, seen[thread, name]))
    return sorted(touching - others if alone else touching)


def spaced(moments: list[Moment], most: int) -> list[Moment]:
    """All of them; of more than `most` so many, evenly spaced."""
    return moments[:: max(1, -(-len(moments) // max(1, most)))]
