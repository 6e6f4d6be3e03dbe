"""Kills a comparison on two local workers with SIGKILL until it ends, and compares it with one that was left alone.

    python tests/worker_crashes.py KILLS FOLDER

Killed at random are the calling process, a worker, or the process of a task. Prints `KILLS kills, COMPARISONS comparisons` when
every comparison has ended with the same weights and values as a serial one; an AssertionError says what differs.
"""

import random
import subprocess
import sys
import time
from pathlib import Path

import psutil

NETWORKS = ["resnet20"]
OPTIONS = ["--steps", "500", "--seeds", "0,1,2", "-b", "1", "-t", "1", "--device", "cpu"]
LONGEST = 20.0  # seconds until a kill: longer than between two checkpoints of a task


def _start(folder: Path, *options: str) -> psutil.Popen:
    command = [sys.executable, "-P", "-m", "atalho", "compare", *NETWORKS, *OPTIONS]
    command += ["--output", str(folder), *options]
    return psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _kill(process: psutil.Popen, chance: random.Random) -> None:
    """Kills the process, or one of those that it has started."""
    workers = [each for each in process.children() if "spawn_main" in " ".join(each.cmdline())]
    tasks = [task for worker in workers for task in worker.children()]
    kinds: list[list[psutil.Process]] = [[process], workers, tasks]
    chance.choice(chance.choice([each for each in kinds if each])).kill()


def _killed(folder: Path, most: int, chance: random.Random) -> int:
    """Carries out a comparison, with at most so many kills while its networks learn; returns how many there were."""
    kills = 0
    while True:
        process = _start(folder, "--on", "local:2")
        while kills < most and process.poll() is None:
            end = time.monotonic() + chance.uniform(0, LONGEST)
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            if process.poll() is None:
                try:
                    _kill(process, chance)
                except psutil.NoSuchProcess:
                    continue
                kills += 1
        _, errors = process.communicate()
        if process.returncode == 0:
            return kills
        # A task whose process is killed several times while its worker lives is an error, and so is a worker that is killed
        # while it starts; the same command goes on.
        assert process.returncode == -9 or "error[CLUSTER" in errors, errors
        assert "Traceback" not in errors, errors


def main(kills: int, folder: Path) -> None:
    from comparison.test_workers import learned, runs

    chance = random.Random(0)
    _, errors = (process := _start(folder / "serial")).communicate()
    assert process.returncode == 0, errors
    killed = comparisons = 0
    while killed < kills:
        comparisons += 1
        killed += _killed(folder / f"{comparisons}", kills - killed, chance)
        assert runs(folder / f"{comparisons}") == runs(folder / "serial")
        assert learned(folder / f"{comparisons}") == learned(folder / "serial")
    print(f"{killed} kills, {comparisons} comparisons")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
