"""A part of benchmarks/gpu.py: its budget of seconds, its file of results, and the command line that it calls."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1"}
PRINTED = 400  # characters of a result that are printed


@dataclass(frozen=True)
class Options:
    """The script's command line.

    Args:
        output: the folder of the results.
        cifar: the folder that holds cifar-10-batches-bin, where there is one.
        speed: the file that the part `speed` wrote, for the plan of the part `trainings`.
        eager: whether the trainings are never compiled.
        commands: the file of command lines that the part `listed` runs.
        at_once: how many of them run at the same time.
        only: a regular expression; correctness and speed leave out what it does not match.
        smoke: whether every part does as little as it can.
    """

    output: Path
    cifar: Path | None
    speed: Path
    eager: bool
    commands: Path | None
    at_once: int
    only: str
    smoke: bool

    def wants(self, name: str) -> bool:
        """Whether a network or a check is one of `only`."""
        return re.search(self.only, name) is not None

    @cached_property
    def device(self) -> str:
        """The GPU, or the processor where there is none."""
        import torch

        return "cuda:0" if torch.cuda.is_available() else "cpu"


class Part:
    """Writes a part's results; each is on the disk when `write` returns."""

    def __init__(self, name: str, folder: Path, seconds: float) -> None:
        self.name = name
        self.file = folder / f"{name}.ndjson"
        self.begun = time.monotonic()
        self.ends = self.begun + seconds
        self.lock = Lock()
        self.write("part begun", seconds=seconds)

    @property
    def left(self) -> float:
        """Seconds of the budget that are left."""
        return max(0.0, self.ends - time.monotonic())

    def write(self, item: str, **result: Any) -> None:
        """Adds a result, and prints the beginning of it."""
        at = round(time.monotonic() - self.begun, 2)
        line = json.dumps({"part": self.name, "item": item, "after": at, **result}, default=str)
        with self.lock, self.file.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
            text = json.dumps(result, default=str)
            print(f"{self.name} {at:6.1f} s  {item}: {text[:PRINTED]}", flush=True)

    @contextmanager
    def item(self, name: str) -> Iterator[dict[str, Any]]:
        """Inside, a check fills the result; at the end it is written, with the error where there was one."""
        result: dict[str, Any] = {}
        begun = time.monotonic()
        try:
            yield result
        except Exception as error:
            result |= {"ok": False, "error": f"{type(error).__name__}: {error}"[:2000]}
        self.write(name, **{"seconds": round(time.monotonic() - begun, 2), **result})


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "atalho", *words]


def atalho(*words: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """The command line, as a user calls it; one that takes longer is killed, with 124 for its exit code."""
    try:
        return subprocess.run(
            command(*words),
            capture_output=True,
            text=True,
            check=False,
            timeout=max(1.0, seconds),
            env=ENVIRONMENT,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess([*words], 124, "", f"took more than {seconds:.0f} s")


def until(there: Callable[[], bool], seconds: float) -> bool:
    """Waits until `there` returns True; returns whether it did so in time."""
    ends = time.monotonic() + seconds
    while not there():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True
