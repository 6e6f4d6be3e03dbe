"""Downloads a file: resumes an interrupted download, and checks the file before it gets its final name."""

import hashlib
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from atalho.data.dataset import Progress
from atalho.errors import AtalhoError, Exit
from atalho.files import move_atomically

ATTEMPTS = 3
CHUNK = 1 << 20


def download(url: str, path: Path, *, md5: str, progress: Progress, pause: float = 1.0) -> None:
    """Writes the file at `url` to `path`, resuming from `path.part` where an earlier attempt stopped.

    Args:
        md5: the published checksum; a file that has another is removed.
        pause: seconds before the second attempt; twice as long before the third.

    Raises:
        AtalhoError: DATA-DOWNLOAD, DATA-CHECKSUM or DATA-DIR (exit 3 for the first two, 2 for the last).
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    except OSError as error:
        raise AtalhoError(
            "DATA-DIR",
            path.parent,
            f"cannot be written ({error.strerror}); nothing was downloaded",
            next_step="--data-dir FOLDER",
            exit=Exit.USAGE,
        ) from error
    for attempt in range(ATTEMPTS):
        try:
            _append(url, part, progress)
            break
        except (OSError, HTTPException) as error:
            if attempt == ATTEMPTS - 1:
                size = part.stat().st_size
                if not size:
                    part.unlink()
                raise AtalhoError(
                    "DATA-DOWNLOAD",
                    url,
                    f"could not be fetched ({error}); {size:,} bytes are kept, to go on from",
                    next_step=f"run again with a network, or unpack the data set into {path.parent} by hand",
                    exit=Exit.DATA,
                ) from error
            time.sleep(pause * 2**attempt)
    with part.open("rb") as file:
        actual = hashlib.file_digest(file, "md5").hexdigest()
    if actual != md5:
        part.unlink()
        raise AtalhoError(
            "DATA-CHECKSUM",
            url,
            f"md5 is {actual}, not the published {md5}; the download was removed",
            next_step="run again; if it differs again, the server's file has changed",
            exit=Exit.DATA,
        )
    move_atomically(part, path)


def _append(url: str, part: Path, progress: Progress) -> None:
    """Appends what `part` lacks; from a server that cannot resume, the whole file is fetched again."""
    received = part.stat().st_size
    request = urllib.request.Request(url, headers={"User-Agent": "atalho"})
    if received:
        request.add_header("Range", f"bytes={received}-")
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except HTTPError as error:
        if error.code == 416:  # nothing is left to send
            return
        raise
    with response, part.open("ab") as file:
        if response.status != 206:
            file.truncate(0)
            received = 0
        total = received + int(response.headers.get("Content-Length", 0))
        while chunk := response.read(CHUNK):
            file.write(chunk)
            received += len(chunk)
            progress(received, total)
    if received < total:
        raise OSError(f"the connection ended after {received:,} of {total:,} bytes")
