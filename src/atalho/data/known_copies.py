"""The copies among a folder's photos, kept in a file: found once, and again only where the photos are others."""

import hashlib
import io
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock

from atalho.data.contents import Contents
from atalho.data.copies import Copies, Kind, Numbers, find
from atalho.files import write_atomically
from atalho.seal import with_checksum, without_checksum

FORM = 1
"""The version of the file's format, and of the rule by which copies are found."""


def known(path: Path, contents: Contents, labels: Numbers, kind: Kind) -> Copies:
    """The copies among pictures, as `copies.find` returns them.

    One process at a time finds them; others that need them wait, and read what it has written.

    Args:
        path: of the file, with the SHA-256 of all that follows: of one that is absent, damaged or of other pictures, a new one is
            written.
        labels: (N,) indices of the classes.

    Raises:
        OSError: where the file cannot be written.
    """
    if kind == "off":
        return find(contents.sha256, contents.fingerprints, labels, kind)
    key = _key(contents, labels, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{path.name}.lock")):
        copies = _read(path, key)
        if copies is None:
            copies = find(contents.sha256, contents.fingerprints, labels, kind)
            write_atomically(path, _packed(copies, key))
    return copies


def _key(contents: Contents, labels: Numbers, kind: Kind) -> bytes:
    """The checksum of all that copies depend on."""
    digest = hashlib.sha256(f"{FORM} {kind} {len(labels)}\n".encode())
    for column in (contents.sha256, contents.fingerprints, labels):
        digest.update(np.ascontiguousarray(column).data)
    return digest.digest()


def _packed(copies: Copies, key: bytes) -> bytes:
    file = io.BytesIO()
    counts = [copies.identical, copies.similar, copies.compared]
    np.savez(
        file,
        key=np.frombuffer(key, np.uint8),
        groups=copies.groups.astype(np.int32),
        scenes=copies.scenes.astype(np.int32),
        counts=np.array(counts),
    )
    return with_checksum(file.getvalue())


def _read(path: Path, key: bytes) -> Copies | None:
    """The copies that a file has; None of one that is absent, damaged or of other pictures."""
    with suppress(OSError, ValueError, KeyError, BadZipFile):
        data = without_checksum(path.read_bytes())
        with np.load(io.BytesIO(data), allow_pickle=False) as columns:
            if columns["key"].tobytes() != key:
                return None
            identical, similar, compared = columns["counts"].tolist()
            groups, scenes = (columns[name].astype(np.int64) for name in ("groups", "scenes"))
            return Copies(groups, identical, similar, scenes, compared)
    return None
