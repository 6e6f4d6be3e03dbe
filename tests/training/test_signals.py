"""How often processes ask one another whether a signal has come."""

import subprocess
import sys
import time

import torch

from atalho.runtime.world import ALONE
from atalho.training.signals import Meetings

CPU = torch.device("cpu")


def test_processors_ask_after_every_step() -> None:
    meetings = Meetings(ALONE, CPU, 7, every=0.0)
    assert [meetings.any(step == 9, step) for step in (8, 9, 10)] == [False, True, False]


def test_others_ask_by_the_time_that_their_steps_take() -> None:
    meetings = Meetings(ALONE, CPU, 0, every=0.2)
    waited, met = time.monotonic(), []
    for step in range(1, 100):
        time.sleep(0.01)
        if meetings.any(True, step):
            met.append(time.monotonic() - waited)
            waited = time.monotonic()
    assert 3 <= len(met) <= 10
    assert max(met) < 0.5  # however slow the machine is


FORKING = """
import os, signal, time
from atalho.training import signals
signals.PATIENCE = 0.5
with signals.collected(print) as received:
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    signal.raise_signal(signal.SIGTERM)
    time.sleep(0.1)
os.kill(child, signal.SIGKILL)
time.sleep(1)
print(int(received.code))
"""


def test_a_process_forked_meanwhile_does_not_keep_the_watcher_alive() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "143\n"), done.stderr
