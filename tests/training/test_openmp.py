"""Only the thread that trains has a team of OpenMP's, beside which another one would slow every step down.

GNU's OpenMP lets threads that wait for each other go to sleep as soon as a process's teams have more threads than there are
processors. On two, ResNet-20 then trained at three quarters of its speed.
"""

import os
import subprocess
import sys
from pathlib import Path

from photo_folders import fill

COUNTING = """
import sys, threading
import psutil
from atalho.cli import main
from atalho.training.loop import Run

advance = Run.advance

def counted(run):
    global native
    advance(run)
    native = psutil.Process().num_threads() - threading.active_count()

Run.advance = counted
assert main(sys.argv[1:]) == 0
print(native, file=sys.stderr)
"""


def _native(*words: str, data: Path | str, output: Path) -> int:
    """The threads that Python did not start, at the last step."""
    settings = ["--data", str(data), "--steps", "4", "-b", "4", "-t", "2", "--precision", "bf16"]
    command = [sys.executable, "-c", COUNTING, "train", *words, *settings, "--output", str(output)]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1])


def test_the_thread_that_writes_checkpoints_has_no_team(tmp_path: Path) -> None:
    never, always = (
        _native("resnet20", "--save-every", each, data="digits", output=tmp_path / each)
        for each in ("1000", "0")
    )
    assert always == never


def test_threads_that_decode_photos_have_no_teams(tmp_path: Path) -> None:
    photos = fill(tmp_path / "photos", {"ant": 8, "bee": 8})
    one, three = (
        _native(
            "resnet18", "--from-scratch", "--workers", each, data=photos, output=tmp_path / each
        )
        for each in ("1", "3")
    )
    assert three == one
