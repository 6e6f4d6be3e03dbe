"""A process forked while signals are collected. How processes see one another's signals is in test_processes.py."""

import subprocess
import sys

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
