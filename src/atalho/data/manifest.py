"""What is in every file of a folder of photos: read once, and again only where a file has changed.

A line of JSON a file, after one that says of which folder and in which form.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from atalho.data.copies import Fingerprint, fingerprint
from atalho.data.dataset import Progress
from atalho.data.folder import in_threads
from atalho.data.image import read
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically

FORM = 1
"""Of the lines, and of the fingerprints in them."""


class Seen(NamedTuple):
    """What a picture is like.

    Attributes:
        size: (width, height), upright.
    """

    size: tuple[int, int]
    fingerprint: Fingerprint


class Entry(NamedTuple):
    """A file of a folder.

    Attributes:
        path: below the folder's root.
        bytes, mtime_ns: of the file; both equal, it has not changed.
        sha256: of the file's bytes; empty where it cannot be opened.
        seen: what its picture is like, or why there is none.
    """

    path: str
    bytes: int
    mtime_ns: int
    sha256: str
    seen: Seen | str


def read_files(
    root: Path, files: Sequence[Path], data_dir: Path, progress: Progress
) -> list[Entry]:
    """An entry for every file, in order; what is new is read, and kept below `data_dir`.

    Raises:
        AtalhoError: DATA-DIR (exit 2), where it cannot be kept.
    """
    root = root.absolute()
    place = str(root.resolve())
    path = data_dir / "manifests" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.jsonl"
    head = {"manifest": FORM, "root": place}
    known = _kept(path, head)
    entries = []
    for entry in in_threads(partial(_entry, root, known), (file.absolute() for file in files)):
        entries.append(entry)
        progress(len(entries), len(files))
    if entries != [*known.values()]:
        lines = (json.dumps(line) + "\n" for line in (head, *entries))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, "".join(lines).encode())
        except OSError as error:
            raise AtalhoError(
                "DATA-DIR",
                data_dir,
                f"cannot be written ({error.strerror}); what is in {root} would be read again every time",
                next_step="--data-dir FOLDER",
                exit=Exit.USAGE,
            ) from error
    return entries


def _entry(root: Path, known: dict[str, Entry], file: Path) -> Entry:
    """What is known of a file that has not changed, or what is found in it; what failed before is tried again."""
    path = file.relative_to(root).as_posix()
    try:
        stat = file.stat()
        was = known.get(path)
        unchanged = was and (was.bytes, was.mtime_ns) == (stat.st_size, stat.st_mtime_ns)
        if was and unchanged and isinstance(was.seen, Seen):
            return was
        with file.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        return Entry(path, 0, 0, "", f"cannot be read ({error.strerror})")
    seen: Seen | str
    try:
        seen = read(file, _look)
    except AtalhoError as error:
        seen = error.cause
    return Entry(path, stat.st_size, stat.st_mtime_ns, sha256, seen)


def _look(image: Image.Image) -> Seen:
    return Seen(image.size, fingerprint(image))


def _kept(path: Path, head: dict[str, Any]) -> dict[str, Entry]:
    """The entries of a manifest by path; none where there is no whole one of this form."""
    try:
        first, *lines = map(json.loads, path.read_text().splitlines())
        return {line[0]: _parsed(line) for line in lines} if first == head else {}
    except (OSError, ValueError, TypeError, LookupError):
        return {}


def _parsed(line: list[Any]) -> Entry:
    path, count, mtime_ns, sha256, seen = line
    if not isinstance(seen, str):
        (width, height), (bits, levels) = seen
        seen = Seen((width, height), Fingerprint(bits, levels))
    return Entry(path, count, mtime_ns, sha256, seen)
