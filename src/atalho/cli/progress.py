"""Messages and progress on standard error while a command works."""

import sys
import time
from typing import TYPE_CHECKING, ClassVar, Self

from atalho.api.reporting import Reporter
from atalho.errors import printable, visible

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from atalho.training.listeners import Progress as TrainingState


def say(message: str) -> None:
    """Prints a message on standard error, above the progress bars where there are any.

    A terminal obeys nothing in it: names of files and folders may hold any characters.
    """
    message = visible(message)
    if _Bars.current:
        _Bars.current.say(message)
    else:
        print(message, file=sys.stderr, flush=True)


class _Bars:
    """Progress bars on a terminal, lines elsewhere; both on standard error."""

    EVERY = 10.0  # seconds between lines
    current: "ClassVar[_Bars | None]" = None  # the bars on the terminal

    def __init__(self, name: str) -> None:
        self.name = name
        self.progress: RichProgress | None = None
        self.task: TaskID | None = None
        self.last = time.monotonic()  # a line is due EVERY seconds after this

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self.progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[details]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self.progress.start()
            _Bars.current = self
        return self

    def __exit__(self, *_: object) -> None:
        if self.progress:
            self.progress.stop()
            _Bars.current = None

    def say(self, message: str) -> None:
        """Prints a line above the bars, and begins a new bar below it."""
        assert self.progress
        if self.task is not None:
            self.progress.remove_task(self.task)
            self.task = None
        self.progress.console.print(message, markup=False, highlight=False)

    def update(self, done: int, total: int, details: str) -> None:
        if self.progress:
            if self.task is None:
                self.task = self.progress.add_task(printable(self.name), total=total, details="")
            self.progress.update(self.task, completed=done, total=total, details=details)
        elif time.monotonic() - self.last > self.EVERY or done == total:
            self.last = time.monotonic()
            say(f"{self.name} {done / total:.0%}, {details}")


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
    bars = sys.stderr.isatty()
    return Reporter(say, DownloadProgress, ImageProgress, TrainingProgress, bars)
