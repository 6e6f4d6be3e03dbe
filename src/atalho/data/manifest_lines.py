"""The lines of a manifest: JSON lists of a file's name, size, time and content, each with a checksum as its last element."""

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from atalho.data.contents import SHA256, Contents
from atalho.data.copies import BYTES
from atalho.data.image import MOST_PIXELS, WHITE


def sealed(fields: Sequence[Any]) -> bytes:
    """JSON values as a line of the manifest, a list whose last element is a checksum of the others."""
    body = json.dumps(fields).encode()[:-1]
    return b'%s, "%08x"]\n' % (body, crc32(body))


def unsealed(line: bytes) -> bytes:
    """A line without its checksum, which comes last; nothing where the line was changed after it was written, or is incomplete."""
    body, _, checksum = line.rpartition(b', "')
    return body + b"]" if checksum == b'%08x"]\n' % crc32(body) else b""


def contents_of(
    sha256: Sequence[str],
    widths: Sequence[int],
    heights: Sequence[int],
    fingerprints: Sequence[str],
    brightest: Sequence[int],
) -> Contents:
    """Contents by the fields of lines; ValueError, TypeError or OverflowError, where one is wrong."""
    sizes, levels = integers(widths, heights), integers(brightest)[:, 0]
    if (
        sizes.min() <= 0
        or sizes.max() > MOST_PIXELS
        or not 0 <= levels.min() <= levels.max() <= WHITE
    ):
        raise ValueError("no sizes or grey levels of pictures")
    columns = _binary(sha256, SHA256), sizes.astype(np.int32), _binary(fingerprints, BYTES)
    return Contents(*columns, levels.astype(np.uint16), {})


def integers(*columns: Sequence[int]) -> NDArray[np.int64]:
    """(N, columns); ValueError, where one is no integer."""
    integers = np.array(columns).T
    if integers.dtype != np.int64:
        raise ValueError("no integers")
    return integers


def _binary(texts: Sequence[str], length: int) -> NDArray[np.uint8]:
    """(N, `length`) bytes by their hexadecimal digits; ValueError, where one has another length."""
    if {len(text) for text in texts} != {2 * length}:
        raise ValueError("another number of digits")
    return np.frombuffer(bytes.fromhex("".join(texts)), np.uint8).reshape(-1, length)
