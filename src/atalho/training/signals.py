"""SIGINT and SIGTERM while work is under way: the first lets a step end, the second leaves at once."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread, Timer
from types import FrameType

import torch

from atalho.data.dataset import Batched, Split
from atalho.data.image import Framing
from atalho.errors import Exit
from atalho.runtime.world import World

PATIENCE = 9.0  # seconds from a signal to the end, whatever the step is doing
MEETING = 0.5  # seconds between two questions of processes on GPUs
CODES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


@dataclass(frozen=True)
class Interruptible:
    """A split that stops being read when a signal has come.

    Args:
        stop: raises `Stopped` then.
    """

    split: Batched
    stop: Callable[[], None]

    @property
    def framing(self) -> Framing:
        return self.split.framing

    def batches(self, size: int) -> Iterator[Split]:
        """As the split's own."""
        for each in self.split.batches(size):
            self.stop()
            yield each


@dataclass
class Received:
    """The exit code of the first signal; None before it."""

    code: Exit | None = None


class Meetings:
    """Several processes asking one another whether a signal has come to any, after the same steps in each.

    Processors ask after every step. GPUs would have to finish their queued work first: there the processes ask after some time.

    Args:
        step: how many are done.
        every: seconds between two questions, at the most unless a step is longer.
    """

    def __init__(self, world: World, device: torch.device, step: int, every: float) -> None:
        self.world = world
        self.device = device
        self.every = every
        self.last = step, time.monotonic()
        self.next = step

    def any(self, flag: bool, step: int) -> bool:
        """Whether `flag` is set in one of the processes, where they meet after this step; all must ask after every step."""
        if step < self.next:
            return False
        now, (last_step, last) = time.monotonic(), self.last
        mine = torch.tensor([flag, now - last], dtype=torch.float32, device=self.device)
        flags, seconds = self.world.sum(mine).tolist()
        steps = self.every * self.world.size * (step - last_step) / seconds
        self.last = step, now
        self.next = step + max(1, int(steps))
        return bool(flags)


@contextmanager
def collected(say: Callable[[str], None]) -> Iterator[Received]:
    """Notes a signal instead of ending, for work that looks at `Received` between its steps.

    A process that has not ended nine seconds after it, or gets another, ends there and then: one long operation, a
    backward pass say, does not return to Python. So a thread of its own watches.

    Args:
        say: is called with the reason, before the process ends here and then.
    """
    received = Received()
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def note(number: int, frame: FrameType | None) -> None:
        received.code = received.code or CODES[signal.Signals(number)]

    def leave(code: Exit, why: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\033[?25h")  # the cursor, which a progress bar hides
        say(why)
        os._exit(code)

    def watch() -> None:
        timer: Timer | None = None
        for byte in iter(lambda: reader.recv(1), b""):
            if byte[0] not in CODES:
                continue
            code = CODES[signal.Signals(byte[0])]
            if timer:
                leave(code, "left at once; what was saved before is kept")
            late = "the step has not ended in time; what was saved before is kept"
            timer = Timer(PATIENCE, leave, (code, late))
            timer.daemon = True
            timer.start()
        if timer:
            timer.cancel()

    before = {number: signal.getsignal(number) for number in CODES}
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        for number in CODES:
            signal.signal(number, note)
        yield received
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        writer.close()
        watcher.join()
        reader.close()
