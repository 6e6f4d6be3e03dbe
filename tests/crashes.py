"""Kills training runs with SIGKILL until they end, and compares them with one that was left alone.

    python tests/crashes.py KILLS FOLDER

The first run is killed as each of its files is flushed to the disk, the others at random moments. A process of its own:
torch is loaded once and never used in it, so that it can fork. Prints `KILLS kills, RUNS runs` when every run has ended
with the same bits; an AssertionError says what differs.
"""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from math import inf
from pathlib import Path

import torch
import torch._dynamo  # every optimiser loads it, which takes a second

from atalho import data, networks, recipes
from atalho.data.dataset import Dataset
from atalho.networks import subjects
from atalho.runtime.device import Device
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.checkpoint import load

LONGEST = 0.7  # of what a whole run takes, that a process may live


def _arguments() -> Arguments:
    """A run with all that a state can hold: momentum, an average, a best epoch."""
    network = networks.get("resnet20", input=(1, 8, 8))
    recipe = replace(
        recipes.get("quick", subjects.facts(network)),
        epochs=None,
        steps=30,
        batch_size=4,
        averaging=0.9,
        best=True,
    )
    cpu = Device("cpu", 1)
    return Arguments("resnet20", recipe, 0, cpu, "float32", save_every=0.0)


def _few(digits: Dataset) -> Dataset:
    """So few images that evaluation and the average's statistics take no longer than training."""
    splits = {name: split.select(torch.arange(8)) for name, split in digits.splits.items()}
    return replace(digits, splits=splits)


def _start(arguments: Arguments, digits: Dataset, folder: Path, flushes: float = inf) -> int:
    """A process that trains, and kills itself at a flush of that number."""
    child = os.fork()
    if not child:
        code = 1
        try:
            torch.set_num_threads(1)
            os.fsync = _deadly(os.fsync, flushes)
            run.execute(arguments, digits, folder, resume=True)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def _deadly(fsync: Callable[[int], None], flushes: float) -> Callable[[int], None]:
    calls = count(1)

    def deadly(descriptor: int) -> None:
        if next(calls) == flushes:
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(descriptor)

    return deadly


def _at_flushes(arguments: Arguments, digits: Dataset, folder: Path) -> int:
    """Trains to the end in processes of which the first is killed at its first flush, the second at its second; how many were."""
    for kills in count():
        _, status = os.waitpid(_start(arguments, digits, folder, kills + 1), 0)
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0, f"a run failed by itself after {kills} kills"
            return kills
    raise AssertionError


def _compare(one: Path, other: Path) -> None:
    for name in ("model.safetensors", "config.json", "metrics.csv", "args.yaml"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    states = [load(folder / "checkpoints") for folder in (one, other)]
    tensors = [found[0].tensors for found in states if found]
    assert tensors[0].keys() == tensors[1].keys()
    assert any(name.startswith("optimiser.") for name in tensors[0])
    for name, tensor in tensors[0].items():
        assert torch.equal(tensor, tensors[1][name]), name
    assert not [*other.rglob("*.tmp")]


def main(kills: int, folder: Path) -> None:
    arguments, digits = _arguments(), _few(data.load("digits", folder))
    whole = folder / "whole"
    begun = time.monotonic()
    os.waitpid(_start(arguments, digits, whole), 0)
    longest = LONGEST * (time.monotonic() - begun)
    chance = random.Random(0)
    killed = _at_flushes(arguments, digits, folder / "flushed")
    _compare(whole, folder / "flushed")
    runs = 1
    while killed < kills:
        runs += 1
        parts = folder / f"parts-{runs}"
        while True:
            child = _start(arguments, digits, parts)
            end = time.monotonic() + chance.uniform(0, longest)
            status = 0
            while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
                time.sleep(0.001)
            if ended == (0, 0):
                os.kill(child, signal.SIGKILL)
                _, status = os.waitpid(child, 0)
            else:
                status = ended[1]
            if os.WIFSIGNALED(status):
                killed += 1
                continue
            assert os.WEXITSTATUS(status) == 0, "a run failed by itself"
            break
        _compare(whole, parts)
    print(f"{killed} kills, {runs} runs")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
