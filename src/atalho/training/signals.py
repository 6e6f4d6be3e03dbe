"""SIGINT and SIGTERM during training: after the first signal the current step ends, a second one ends the process at once."""

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
from atalho.errors import Exit, Stopped
from atalho.runtime.ending import CODES
from atalho.runtime.torchrun import started_together
from atalho.runtime.world import World

PATIENCE = 9.0  # seconds from a signal to the end of the process, at most
MEETING = 0.5  # seconds between two exchanges of processes on GPUs
END = b"\0"  # no signal has this number


@dataclass(frozen=True)
class Interruptible:
    """A split of which no further batch is read once a signal was received.

    Args:
        stop: is called after the work on every batch, and raises `Stopped` after a signal.
    """

    split: Batched
    stop: Callable[[], None]

    @property
    def framing(self) -> Framing:
        return self.split.framing

    def batches(self, size: int) -> Iterator[Split]:
        """The split's own batches."""
        for each in self.split.batches(size):
            yield each
            self.stop()


@dataclass
class Received:
    """The exit code of the first signal that was received; None before that."""

    code: Exit | None = None


class Meetings:
    """Exchanges among processes, after the same piece of work in each, on whether any of them has received a signal.

    A piece is a step of training or a batch of an evaluation. On processors there is an exchange after each. On GPUs it waits for
    all queued work, so there is one every `MEETING` seconds at most, unless a piece takes longer.
    """

    def __init__(self, world: World, device: torch.device) -> None:
        self.world = world
        self.device = device
        self.every = 0.0 if device.type == "cpu" else MEETING
        self.done, self.next = 0, 1
        self.last = 0, time.monotonic()

    def any(self, flag: bool) -> bool:
        """Whether `flag` is set in any process; False where there is no exchange. All must call it after every piece of work."""
        if self.world.size == 1:
            return flag
        self.done += 1
        if self.done < self.next:
            return False
        now, (done, before) = time.monotonic(), self.last
        mine = torch.tensor([flag, now - before], dtype=torch.float32, device=self.device)
        flags, seconds = self.world.sum(mine).tolist()
        pieces = self.done - done
        due = int(self.every * self.world.size * pieces / max(seconds, 1e-6))
        self.last = self.done, now
        # The first pieces may only have been queued when their time was taken: no interval is longer than two before it.
        self.next = self.done + max(1, min(due, 2 * pieces))
        return bool(flags)


class Stop:
    """Ends a training in all processes after the same piece of work, once any of them has received a signal.

    Args:
        received: by this process.
        step: returns how many steps are done.
    """

    def __init__(
        self, received: Received, world: World, device: torch.device, step: Callable[[], int]
    ) -> None:
        self.received = received
        self.meetings = Meetings(world, device)
        self.step = step

    def __call__(self) -> None:
        """Raises `Stopped` after a signal."""
        code = self.received.code
        if self.meetings.any(code is not None):
            raise Stopped(code or Exit.TERMINATED, self.step())


@contextmanager
def collected(say: Callable[[str], None]) -> Iterator[Received]:
    """Inside, a signal does not end the process but sets `Received`, which the work reads between its steps.

    A process that is still there nine seconds later, or receives another signal, ends at once. A thread of its own sees to that,
    since one long operation, such as a backward pass, does not return to Python meanwhile. Another signal is nothing new to
    processes that torchrun started: a scheduler sends it to all, and torchrun passes it on to those that have it already.

    Args:
        say: is called with the reason before the process ends at once.
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
        for byte in iter(lambda: reader.recv(1), END):
            if byte[0] not in CODES:
                continue
            code = CODES[signal.Signals(byte[0])]
            if timer and started_together():
                continue
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
        # Closing the writer would not end the watcher where a process forked meanwhile holds a copy of it.
        writer.send(END)
        watcher.join()
        writer.close()
        reader.close()
