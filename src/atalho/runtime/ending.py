"""The signals that end a command, and its exit code after each."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

from atalho.errors import Exit

CODES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}
if sys.platform == "win32":  # which has no SIGTERM between processes, but Ctrl-Break
    CODES[signal.SIGBREAK] = Exit.TERMINATED


@contextmanager
def noted() -> Iterator[list[Exit]]:
    """Inside, such a signal adds its exit code to the list and does nothing else; in the main thread alone, which gets signals."""
    codes: list[Exit] = []

    def note(number: int, frame: FrameType | None) -> None:
        codes.append(CODES[signal.Signals(number)])

    if current_thread() is not main_thread():
        yield codes
        return
    before = {number: signal.signal(number, note) for number in CODES}
    try:
        yield codes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
