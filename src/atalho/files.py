"""Files appear under their names whole, on the disk, or not at all; and names that are safe whatever they are made from."""

import hashlib
import os
import re
from pathlib import Path


def safe_name(text: str) -> str:
    """A name for a file or a folder: one component of a path, of at most 90 ASCII letters, digits, `.`, `_` and `-`.

    A text that is such a name already is its own; of any other it is what is readable of its last component, with a
    checksum of the whole text.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{,79}", text):
        return text
    last = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    readable = re.sub(r"[^A-Za-z0-9._]+", "-", last).strip("._-")[:80]
    checksum = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{readable}-{checksum}" if readable else checksum


def write_atomically(path: Path, data: bytes) -> None:
    """Writes under a temporary name beside `path`, flushes to the disk and renames; OSError leaves what was there."""
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
    """Whether it is the temporary file of a process that was killed while it wrote a file of that name."""
    return path.match(f".{name}.*.tmp")


def sweep(folder: Path) -> None:
    """Removes the temporary files of processes that were killed; no other process may be writing there."""
    for path in folder.glob("*.tmp"):
        if unfinished(path):
            path.unlink()


def move_atomically(finished: Path, path: Path) -> None:
    """Flushes a file, or a folder with all in it, to the disk and renames it; OSError leaves what was there.

    Both names are on one file system; a folder replaces an empty one alone.
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
