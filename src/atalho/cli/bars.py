"""The display of progress bars on a terminal."""

import time
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

NEARLY = 0.99
"""How full a bar becomes whose step takes longer than it was expected to."""


class _Bar(BarColumn):
    """A bar; that of a step is filled by the time that it is expected to take, and moves to and fro where that is not known."""

    def render(self, task: Task) -> ProgressBar:
        if task.fields.get("by_time") and task.total:
            task.completed = min(task.elapsed or 0.0, NEARLY * task.total)
        return super().render(task)


class _Left(ProgressColumn):
    """The time left until a task's expected end, and the time so far where that is not known; other tasks' by their speed."""

    def __init__(self) -> None:
        super().__init__()
        self.by_speed = TimeRemainingColumn()

    def render(self, task: Task) -> Text:
        if "ends" not in task.fields:
            return self.by_speed(task)  # type: ignore[return-value]
        ends = task.fields["ends"]
        if ends is None:
            return Text(f"{_clock(task.elapsed or 0.0)} so far", style="progress.elapsed")
        return Text(_clock(ends - time.monotonic()), style="progress.remaining")


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=max(0, round(seconds))))


def display(console: Console) -> Progress:
    """A display of tasks with the field `details`.

    Those of steps also have `ends`, the moment of time.monotonic() at which they are expected to end, None where it is not known;
    and `by_time`, where their total is the seconds until then.
    """
    details = TextColumn("{task.fields[details]}")
    return Progress(TextColumn("{task.description}"), _Bar(), details, _Left(), console=console)
