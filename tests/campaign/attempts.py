"""One attempt at breaking atalho inside this process, watched: how it ended, its time and memory, programs and writes."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from atalho.errors import AtalhoError
from atalho.runtime import child
from campaign.counts import Counts, peak_memory

T = TypeVar("T")

MOST_SECONDS = 10.0
"""Of the processor, that a case may take."""

MOST_MEMORY = 400 * 2**20
"""Bytes that a case may take beyond the most that the process has had before."""

DETECTS = ("tracebacks", "executed_payloads", "writes_outside", "reads_outside", "unbounded")

CHILD = [sys.executable, "-P", "-m", child.__name__]
"""How a process of atalho's own begins."""

_PROGRAMS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "pty.spawn")
_CHANGES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.truncate",
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Bounds(NamedTuple):
    """What an attempt may touch.

    Attributes:
        writable: folders below which it may write.
        secret: a file that it must not read; None where there is none.
        mark: a path that a payload in a file makes when it is run; None where there is none.
    """

    writable: tuple[Path, ...]
    secret: Path | None = None
    mark: Path | None = None


class _Watch:
    """What Python's audit events of one attempt show. An audit hook cannot be taken away, so that one serves all."""

    def __init__(self) -> None:
        self.bounds: Bounds | None = None
        self.faults: list[tuple[str, str]] = []
        sys.addaudithook(self._event)

    def _event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.bounds is None:
            return
        if event in _PROGRAMS and not _own_child(event, arguments):
            self.faults.append(("executed_payloads", f"{event} {arguments[:1]}"))
        elif event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike):
                self._opened(Path(os.fsdecode(path)), flags or 0)
        elif event in _CHANGES and not self._writable(Path(os.fsdecode(arguments[0]))):
            self.faults.append(("writes_outside", f"{event} {arguments[0]}"))

    def _opened(self, path: Path, flags: int) -> None:
        assert self.bounds
        if self.bounds.secret is not None and path.absolute() == self.bounds.secret:
            self.faults.append(("reads_outside", str(path)))
        if flags & _WRITING and not self._writable(path):
            self.faults.append(("writes_outside", f"open {path}"))

    def _writable(self, path: Path) -> bool:
        assert self.bounds
        place = path.absolute()
        # A folder is opened to be written only for a temporary file without a name.
        return str(place) in (os.devnull, tempfile.gettempdir()) or any(
            place.is_relative_to(folder) for folder in self.bounds.writable
        )

    @contextmanager
    def watching(self, bounds: Bounds) -> Iterator[None]:
        self.bounds, self.faults = bounds, []
        try:
            yield
        finally:
            self.bounds = None


def _own_child(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether a program is a process of atalho's own, as the one that draws the page's charts."""
    return event == "subprocess.Popen" and [*arguments[1][:4]] == CHILD


_WATCH = _Watch()


class Attempt(NamedTuple):
    """How an attempt ended: with a result, an error of atalho's, or another exception, which is a fault."""

    result: Any = None
    error: BaseException | None = None

    @property
    def refused(self) -> bool:
        return isinstance(self.error, AtalhoError)


def attempt(counts: Counts, example: str, call: Callable[[], Any], bounds: Bounds) -> Attempt:
    """Calls something, counts every fault but wrong results, and returns how it ended; the caller counts the case."""
    peak, begin = peak_memory(), time.process_time()
    with _WATCH.watching(bounds):
        try:
            ended = Attempt(result=call())
        except Exception as error:  # what fails, and how, is what is looked for
            ended = Attempt(error=error)
    if (seconds := time.process_time() - begin) > MOST_SECONDS:
        counts.fault("unbounded", f"{example}: {seconds:.0f} s")
    if (memory := peak_memory() - peak) > MOST_MEMORY:
        counts.fault("unbounded", f"{example}: {memory >> 20} MiB")
    if ended.refused and not _one_line(ended.error):
        counts.fault("tracebacks", f"{example}: an error of several lines")
    elif ended.error is not None and not ended.refused:
        text = str(ended.error).replace("\n", " ")[:200]
        counts.fault("tracebacks", f"{example}: {type(ended.error).__name__}: {text}")
    for column, what in _WATCH.faults:
        counts.fault(column, f"{example}: {what}")
    if bounds.mark is not None and bounds.mark.exists():
        counts.fault("executed_payloads", f"{example}: {bounds.mark} is there")
        bounds.mark.rmdir()
    return ended


def _one_line(error: BaseException | None) -> bool:
    return "\n" not in str(error)
