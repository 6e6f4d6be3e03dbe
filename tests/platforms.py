"""Other systems' behaviour, simulated on Linux: what Windows and macOS lack or do otherwise, as far as atalho meets it."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest

ACCESS_VIOLATION = 0xC0000005
"""The exit code of a process on Windows that has read where it may not."""


def without_proc(patch: pytest.MonkeyPatch) -> None:
    """There is no /proc, as on every system but Linux, and no limit on the cores that a process may use."""
    read, write = Path.read_text, Path.write_text

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path, *arguments: Any, **named: Any) -> Any:
            if path.is_relative_to("/proc"):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            return method(path, *arguments, **named)

        return call

    patch.setattr(Path, "read_text", guarded(read))
    patch.setattr(Path, "write_text", guarded(write))
    patch.delattr(os, "sched_getaffinity")


def windows(patch: pytest.MonkeyPatch) -> None:
    """Windows: folders cannot be opened, only what was opened to be written is flushed, and there are no POSIX modules or signals."""
    opening, flushing = os.open, os.fsync

    def opened(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        if os.path.isdir(path):  # noqa: PTH112 (it may be a descriptor)
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opening(path, flags, *arguments, **named)

    def flushed(descriptor: int) -> None:
        import fcntl

        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flushing(descriptor)

    without_proc(patch)
    patch.setattr(os, "open", opened)
    patch.setattr(os, "fsync", flushed)
    patch.setitem(sys.modules, "resource", None)
    patch.setattr(sys, "platform", "win32")
    for name in ("fork", "sysconf", "getuid", "killpg"):
        patch.delattr(os, name)
    patch.setenv("USERNAME", "someone")  # as Windows sets it, and torch reads it
    patch.delattr(signal, "SIGKILL")
    patch.setattr(signal, "SIGBREAK", signal.SIGTTIN, raising=False)  # of the same number
    memory = SimpleNamespace(rss=50 << 20, peak_wset=80 << 20)
    patch.setattr(psutil.Process, "memory_info", lambda process: memory)


def held_open(patch: pytest.MonkeyPatch, times: int) -> list[Path]:
    """Another program has a file open that is to be replaced, so that so many renames are refused; returns those that were tried."""
    replace, tried = Path.replace, list[Path]()

    def refused(path: Path, target: Path) -> Path:
        tried.append(path)
        if len(tried) <= times:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
        return replace(path, target)

    patch.setattr(Path, "replace", refused)
    return tried


def macos(patch: pytest.MonkeyPatch, full_flush: Callable[[int], int]) -> None:
    """macOS: no /proc, peak memory in bytes, and a call of its own that flushes the drive's cache.

    Args:
        full_flush: is called with the descriptor in its place; raises OSError on a volume without it.
    """
    fcntl: Any = ModuleType("fcntl")
    fcntl.F_FULLFSYNC = 51
    fcntl.fcntl = lambda descriptor, command: full_flush(descriptor)
    resource: Any = ModuleType("resource")
    resource.RUSAGE_SELF = 0
    resource.getrusage = lambda who: SimpleNamespace(ru_maxrss=80 << 20)
    without_proc(patch)
    patch.setitem(sys.modules, "fcntl", fcntl)
    patch.setitem(sys.modules, "resource", resource)
    patch.setattr(sys, "platform", "darwin")
