"""Locks on what is written, so that only one process at a time writes it."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from atalho.errors import AtalhoError, Exit
from atalho.files import unfinished

LOCK = ".lock"


@contextmanager
def locked(folder: Path, *, sign: str, holds: str) -> Iterator[None]:
    """Locks a folder for this process, and creates it where it does not exist.

    The lock is released when the process ends, in whatever way.

    Args:
        sign: the name of the file that is written first, by which a folder of atalho's is recognised.
        holds: what such a folder holds, in one word, for the error.

    Raises:
        AtalhoError: OUTPUT (exit 2), where the folder holds something else or cannot be written; IN-USE (exit 2), where another
            process has locked it.
    """
    if folder.exists() and not (folder / sign).exists() and not _unused(folder, sign):
        raise unusable(folder, f"is no empty folder and holds no {holds}; nothing was written")
    with ExitStack() as held:
        try:
            held.enter_context(locked_inside(folder))
        except OSError as error:
            raise unusable(folder, f"cannot be written ({error.strerror})") from error
        yield


@contextmanager
def locked_inside(folder: Path, patience: float = 0) -> Iterator[None]:
    """Locks a folder of whatever content for this process, and creates it where it does not exist.

    Args:
        patience: seconds to wait for another process.

    Raises:
        AtalhoError: IN-USE (exit 2), where another process still has it locked then.
        OSError: where nothing can be written in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    _acquire(lock, folder, patience)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def locked_beside(path: Path, patience: float = 0) -> Iterator[None]:
    """Locks a file or folder that is about to be written, by a hidden file beside it that is removed at the end.

    The lock is released when the process ends, in whatever way.

    Args:
        patience: seconds to wait for another process.

    Raises:
        AtalhoError: IN-USE (exit 2), where another process still has it locked then.
        OSError: where nothing can be written beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(f".{path.name}.lock")
    lock = FileLock(file)
    _acquire(lock, path, patience)
    while not file.exists():  # its owner removed it between our opening and our locking it
        lock.release()
        _acquire(lock, path, patience)
    try:
        yield
    finally:
        # While it is locked: later somebody else may have it, and a third one would lock another file of the same name.
        removed = _remove(file)
        lock.release()
        if not removed:  # Windows removes no open file; left there it locks nothing, and the next call removes it
            _remove(file)


def _acquire(lock: FileLock, path: Path, patience: float) -> None:
    """Acquires the lock of a path; raises IN-USE (exit 2), where another process still has it after so many seconds."""
    try:
        lock.acquire(timeout=patience)
    except Timeout as error:
        raise _in_use(path) from error


def _remove(file: Path) -> bool:
    """Removes a file, and returns whether that was possible."""
    try:
        file.unlink()
    except OSError:
        return False
    return True


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A context that gives a path to write at, of the same name in a hidden folder beside `path`; at the end the folder is removed.

    What a killed process has left there is removed first.

    Raises:
        AtalhoError, OSError: as `locked_beside`.
    """
    folder = path.with_name(f".{path.name}.tmp")
    with locked_beside(path):
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            yield folder / path.name
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _in_use(path: Path) -> AtalhoError:
    return AtalhoError(
        "IN-USE",
        path,
        "another process is at work in it; nothing was changed",
        next_step="wait for it, or choose another --output",
        exit=Exit.USAGE,
    )


def _unused(folder: Path, sign: str) -> bool:
    """Whether a folder is empty, apart from files that a process leaves when it is killed at its start."""
    return folder.is_dir() and all(
        path.name == LOCK or unfinished(path, sign) for path in folder.iterdir()
    )


def unusable(folder: Path, cause: str) -> AtalhoError:
    """The error OUTPUT (exit 2) for a folder that cannot be used."""
    return AtalhoError(
        "OUTPUT", folder, cause, next_step="choose another --output", exit=Exit.USAGE
    )
