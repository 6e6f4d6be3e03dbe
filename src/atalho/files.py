"""Atomic writing of files, which appear under their names complete or not at all, safe names for files and folders, and where caches are."""

import errno
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names of devices on Windows, which no file or folder there can have."""

UNFLUSHED = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP}
"""Errors of folders whose entries cannot be flushed: on Windows all, elsewhere one that may not be read; and on some file systems."""

PATIENCE = 1.0
"""Seconds for which a rename is tried again on Windows."""


def safe_name(text: str) -> str:
    """A name for a file or a folder: one component of a path, of at most 90 ASCII letters, digits, `.`, `_` and `-`.

    A text that is such a name already is returned as it is, unless Windows reserves it or would drop the dot at its end. Any
    other is reduced to the allowed characters of its last component, followed by a checksum of the whole text.
    """
    allowed = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{,79}", text)
    if allowed and not text.endswith(".") and not RESERVED.fullmatch(text):
        return text
    import hashlib  # few names need it

    last = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    readable = re.sub(r"[^A-Za-z0-9._]+", "-", last).strip("._-")[:80]
    checksum = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    if not readable:
        return checksum
    # Windows reserves `nul.txt` too, but not `nul-1a2b3c4d`.
    return f"{readable.replace('.', '-') if RESERVED.fullmatch(readable) else readable}-{checksum}"


def cache_folder(name: str) -> Path:
    """Where what was computed once is kept: `name` in `$ATALHO_CACHE`, or in `atalho` in the user's cache folder."""
    if own := os.environ.get("ATALHO_CACHE"):
        return Path(own) / name
    users = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(users) / "atalho" / name


def write_atomically(path: Path, data: bytes) -> None:
    """Writes under a temporary name beside `path`, flushes to the disk and renames; on OSError `path` is unchanged.

    A link to a file is replaced by the file; a folder, and a link to one, is an OSError.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            flush(file.fileno())
        _replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def unfinished(path: Path, name: str = "*") -> bool:
    """Whether a path is the temporary file of a process that was killed while it wrote a file called `name`."""
    return path.match(f".{name}.*.tmp")


def sweep(folder: Path, name: str = "*") -> None:
    """Removes what killed processes have left of files called `name` in a folder, in which no other process may write them."""
    for path in folder.glob("*.tmp"):
        if unfinished(path, name):
            path.unlink()


def move_atomically(finished: Path, path: Path) -> None:
    """Flushes a file, or a folder with all in it, to the disk and renames it; on OSError `path` is unchanged.

    Both paths must be on one file system; a folder can replace only an empty one.
    """
    for each in (finished, *finished.rglob("*")):
        _flush(each)
    _replace(finished, path)
    _flush(path.parent)


def flush(descriptor: int) -> None:
    """Flushes an open file to the disk; macOS has a call of its own for that, and its `fsync` stops at the drive's cache."""
    if sys.platform == "darwin":
        import fcntl

        with suppress(OSError):  # a network's volume may not have it
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def _flush(path: Path) -> None:
    """Flushes a file, or the entries of a folder where the system can."""
    folder = path.is_dir()
    # Windows flushes only what was opened to be written.
    mode = os.O_RDWR if sys.platform == "win32" and not folder else os.O_RDONLY
    try:
        descriptor = os.open(path, mode)
        try:
            flush(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if not folder or error.errno not in UNFLUSHED:
            raise


def _replace(source: Path, target: Path) -> None:
    """Renames; on Windows, where a file that is open is not replaced, for a second if need be: a virus scanner opens new files."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            source.replace(target)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > until:
                raise
        time.sleep(PATIENCE / 20)
