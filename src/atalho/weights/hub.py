"""Networks on the Hugging Face Hub: `hf-hub:OWNER/NAME`, or `hf-hub:OWNER/NAME@REVISION`.

`huggingface_hub` downloads into its own cache, continues a download that was interrupted, and takes what is there without a network.
The checksums that the Hub states are compared here: the cache names each file by the SHA-256 of a large one, by git's SHA-1 of a small one.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from atalho.errors import AtalhoError, Exit
from atalho.weights import config
from atalho.weights.trained import FILES

PREFIX = "hf-hub:"
NAME = re.compile(r"hf-hub:(\w[\w.-]*/\w[\w.-]*)(?:@(\w[\w./-]*))?")

Say = Callable[[str], None]


def folder(source: str, *, progress: bool = False, say: Say = lambda message: None) -> Path:
    """The folder in the cache with a repository's `config.json` and weights, after a download if they are not there.

    Args:
        source: `hf-hub:OWNER/NAME`, with `@REVISION` for another than the main one.
        progress: whether the library draws a bar while it downloads.
        say: called with a line on what is used.

    Raises:
        AtalhoError: WEIGHTS-UNKNOWN (exit 2), for another name; EXTRA-MISSING (exit 6); WEIGHTS-DOWNLOAD or WEIGHTS-CHECKSUM
            (exit 4).
    """
    match = NAME.fullmatch(source)
    if match is None:
        raise AtalhoError(
            "WEIGHTS-UNKNOWN",
            source,
            "names no repository",
            next_step=f"{PREFIX}OWNER/NAME, as the Hub's pages have it",
            exit=Exit.USAGE,
        )
    if find_spec("huggingface_hub") is None:
        raise AtalhoError(
            "EXTRA-MISSING",
            source,
            "needs huggingface_hub, not installed here",
            next_step="pip install 'atalho[hub]'",
            exit=Exit.RESOURCES,
        )
    path = _fetched(source, config.FILE, progress)
    if path is None:
        raise _failed(source, f"it holds no {config.FILE}")
    if not any(_fetched(source, name, progress) for name in FILES):
        raise _failed(source, f"it holds no {' or '.join(FILES)}")
    if mean := json.loads(path.read_text(encoding="utf-8")).get("mean_file"):
        _fetched(source, Path(str(mean)).name, progress)
    say(f"{source} is revision {path.parent.name[:12]}")
    return path.parent


def _fetched(source: str, name: str, progress: bool) -> Path | None:
    """A file of the repository in the cache, checked; None where the repository has none of that name."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    match = NAME.fullmatch(source)
    assert match is not None
    drawn = not are_progress_bars_disabled()
    if not progress:
        disable_progress_bars()
    try:
        path = Path(
            hf_hub_download(
                match[1],
                name,
                revision=match[2],
                cache_dir=os.environ.get("HF_HUB_CACHE"),
                endpoint=os.environ.get("HF_ENDPOINT"),
            )
        )
    except LocalEntryNotFoundError as error:  # neither the Hub nor the cache has answered
        raise _failed(source, str(error.__cause__ or error)) from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # httpx's and the library's own, of many kinds
        raise _failed(source, str(error)) from error
    finally:
        if drawn:
            enable_progress_bars()
    _check(source, path)
    return path


def _check(source: str, path: Path) -> None:
    """Compares a file with the checksum that names it in the cache, where the cache can name it so."""
    stated = path.resolve().name
    data = path.read_bytes()
    if re.fullmatch("[0-9a-f]{64}", stated):
        actual = hashlib.sha256(data).hexdigest()
    elif re.fullmatch("[0-9a-f]{40}", stated):
        actual = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    else:
        return
    if actual != stated:
        raise AtalhoError(
            "WEIGHTS-CHECKSUM",
            path.resolve(),
            f"its checksum begins {actual[:8]}, not {stated[:8]} as {source} states; it was not used",
            next_step="remove it and run again to download it",
            exit=Exit.CHECKPOINT,
        )


def _failed(source: str, cause: str) -> AtalhoError:
    lines = cause.splitlines() or [cause]
    return AtalhoError(
        "WEIGHTS-DOWNLOAD",
        source,
        f"could not be fetched ({lines[0]}); what was received is kept, to go on from",
        next_step="run again with a network, or give a folder by --weights",
        exit=Exit.CHECKPOINT,
    )
