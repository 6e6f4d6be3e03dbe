"""Messages and progress on standard error while a command works."""

import os
import sys
import time
from typing import TYPE_CHECKING, ClassVar, Self

from atalho.api.reporting import Reporter
from atalho.errors import printable, visible

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from atalho.tasks import Begun
    from atalho.training.listeners import Progress as TrainingState


def say(message: str) -> None:
    """Prints a message on standard error, above the progress bars where there are any.

    A terminal obeys nothing in it: names of files and folders may hold any characters.
    """
    message = visible(message)
    if _Bars.display:
        _Bars.display.console.print(message, markup=False, highlight=False)
        for bars in _Bars.shown:
            bars.restart()
    else:
        print(message, file=sys.stderr, flush=True)


def _draws_bars() -> bool:
    """Whether standard error is a terminal that can draw over a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class _Bars:
    """Progress bars on a terminal, all of them in one display; lines elsewhere. Both on standard error."""

    EVERY = 10.0  # seconds between lines
    display: "ClassVar[RichProgress | None]" = None
    shown: ClassVar[list["_Bars"]] = []

    def __init__(self, name: str) -> None:
        self.name = name
        self.task: TaskID | None = None
        self.last = time.monotonic()  # a line is due EVERY seconds after this

    def __enter__(self) -> Self:
        if _draws_bars():
            if not _Bars.display:
                from rich.console import Console

                from atalho.cli.bars import display

                _Bars.display = display(Console(stderr=True))
                _Bars.display.start()
            _Bars.shown.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self in _Bars.shown:
            self.restart()
            _Bars.shown.remove(self)
            if _Bars.display and not _Bars.shown:
                _Bars.display.stop()
                _Bars.display = None

    def restart(self) -> None:
        """Removes the bar; the next update begins a new one, below what was printed meanwhile."""
        if _Bars.display and self.task is not None:
            _Bars.display.remove_task(self.task)
            self.task = None

    def update(self, done: int, total: int, details: str) -> None:
        if _Bars.display:
            if self.task is None:
                self.task = _Bars.display.add_task(printable(self.name), total=total, details="")
            _Bars.display.update(self.task, completed=done, total=total, details=details)
        elif time.monotonic() - self.last > self.EVERY or done == total:
            self.last = time.monotonic()
            say(f"{self.name} {done / total:.0%}, {details}")


class StepsProgress(_Bars):
    """The progress of steps: a bar of the one that is under way, and one of all; nothing where there is no terminal."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.step: TaskID | None = None

    def __exit__(self, *errors: object) -> None:
        super().restart()
        self._end_step()
        super().__exit__(*errors)

    def __call__(self, begun: "Begun") -> None:
        if not (bars := _Bars.display):
            return
        done = begun.number - 1
        if self.task is None:
            self.task = bars.add_task(printable(self.name), details="")
        details = f"{done} of {begun.of} steps"
        bars.update(
            self.task, completed=done, total=begun.of, details=details, ends=_moment(begun.left)
        )
        self._end_step()
        self.step = bars.add_task(
            printable(begun.name),
            total=begun.seconds,
            details="",
            by_time=True,
            ends=_moment(begun.seconds),
        )

    def _end_step(self) -> None:
        if _Bars.display and self.step is not None:
            _Bars.display.remove_task(self.step)
            self.step = None

    def restart(self) -> None:
        """Does nothing: the bars stay until the last step has ended, whatever is printed above them."""


def _moment(seconds: float | None) -> float | None:
    """The moment of time.monotonic() that is so many seconds from now."""
    return None if seconds is None else time.monotonic() + seconds


class TrainingProgress(_Bars):
    """The progress of a training run: loss, accuracy, images a second, time left."""

    def __call__(self, progress: "TrainingState") -> None:
        self.update(
            progress.step,
            progress.steps,
            f"epoch {progress.epoch:.1f}, loss {progress.loss:.3f}, top-1 {progress.top1:.1%}, "
            f"{progress.images_per_second:.0f} images/s",
        )


class DownloadProgress(_Bars):
    """The progress of a download, in megabytes."""

    def __call__(self, done: int, total: int) -> None:
        self.update(done, total, f"{done / 1e6:.0f} of {total / 1e6:.0f} MB")


class ImageProgress(_Bars):
    """The progress of reading a folder's images."""

    def __call__(self, done: int, total: int) -> None:
        self.update(done, total, f"{done:,} of {total:,} images")


def screen() -> Reporter:
    """The reporter of all commands: messages and progress on standard error."""
    bars = _draws_bars()
    return Reporter(say, DownloadProgress, ImageProgress, TrainingProgress, StepsProgress, bars)
