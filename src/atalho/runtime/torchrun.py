"""The processes that torchrun has started before they have joined each other: they do the same, and one says why all of them fail."""

import os
import time
from threading import Event

from atalho.runtime.ending import noted

PATIENCE = 10.0
"""Seconds in which torchrun ends a process once another one has failed; machines that load torch slowly may need most of them."""

TICK = 0.05
"""Seconds between two looks at whether a signal has come."""

JOINED = Event()
"""Is set once this process has joined the others: from then on, what it fails of may be its own."""


def started_together() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def said_elsewhere() -> bool:
    """Whether the first process of this machine says why this one fails.

    A process that is not the first waits until torchrun ends it, which it does once one has failed: if it ended before the first
    one has said the reason, torchrun would end that one. Where no signal comes, it fails alone.
    """
    if not started_together() or JOINED.is_set() or os.environ["LOCAL_RANK"] == "0":
        return False
    end = time.monotonic() + PATIENCE
    with noted() as signals:
        while not signals and time.monotonic() < end:
            time.sleep(TICK)
    return bool(signals)
