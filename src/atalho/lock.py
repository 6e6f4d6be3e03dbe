"""A lock on an output folder, so that only one process at a time writes in it."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AtalhoError(
            "IN-USE",
            folder,
            "another process is at work in it; nothing was changed",
            next_step="wait for it, or choose another --output",
            exit=Exit.USAGE,
        ) from error
    except OSError as error:
        raise unusable(folder, f"cannot be written ({error.strerror})") from error
    try:
        yield
    finally:
        lock.release()


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
