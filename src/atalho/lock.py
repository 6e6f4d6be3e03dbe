"""Only one process at a time writes in a folder that atalho made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from atalho.errors import AtalhoError, Exit
from atalho.files import unfinished

LOCK = ".lock"


@contextmanager
def locked(folder: Path, *, sign: str, holds: str) -> Iterator[None]:
    """The folder, made where it is not there, for this process alone; the lock ends with its holder, however that ends.

    Args:
        sign: the file that is written first, by which a folder that atalho made is recognised.
        holds: what such a folder holds, in a word.

    Raises:
        AtalhoError: OUTPUT, where it holds something else or cannot be written, or IN-USE (exit 2).
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
    """Whether it is empty, apart from what a process leaves that is killed as it begins."""
    return folder.is_dir() and all(
        path.name == LOCK or unfinished(path, sign) for path in folder.iterdir()
    )


def unusable(folder: Path, cause: str) -> AtalhoError:
    """The error of a folder that cannot be written in."""
    return AtalhoError(
        "OUTPUT", folder, cause, next_step="choose another --output", exit=Exit.USAGE
    )
