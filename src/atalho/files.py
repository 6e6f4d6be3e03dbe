"""Atomic writing of files, which appear under their names complete or not at all, and safe names for files and folders."""

import hashlib
import os
import re
from pathlib import Path


def safe_name(text: str) -> str:
    """A name for a file or a folder: one component of a path, of at most 90 ASCII letters, digits, `.`, `_` and `-`.

    A text that is such a name already is returned as it is. Any other is reduced to the allowed characters of its last
    component, followed by a checksum of the whole text.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{,79}", text):
        return text
    last = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    readable = re.sub(r"[^A-Za-z0-9._]+", "-", last).strip("._-")[:80]
    checksum = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{readable}-{checksum}" if readable else checksum


def write_atomically(path: Path, data: bytes) -> None:
    """Writes under a temporary name beside `path`, flushes to the disk and renames; on OSError `path` is unchanged."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def unfinished(path: Path, name: str = "*") -> bool:
    """Whether a path is the temporary file of a process that was killed while it wrote a file called `name`."""
    return path.match(f".{name}.*.tmp")


def sweep(folder: Path) -> None:
    """Removes the temporary files of killed processes from a folder, in which no other process may be writing."""
    for path in folder.glob("*.tmp"):
        if unfinished(path):
            path.unlink()


def move_atomically(finished: Path, path: Path) -> None:
    """Flushes a file, or a folder with all in it, to the disk and renames it; on OSError `path` is unchanged.

    Both paths must be on one file system; a folder can replace only an empty one.
    """
    for each in (finished, *finished.rglob("*")):
        _flush(each)
    finished.replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
