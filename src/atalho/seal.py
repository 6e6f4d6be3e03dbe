"""The checksum that a document or a file carries of its own content, by which it is noticed when it is damaged after it was written."""

import hashlib
from collections.abc import Mapping
from typing import Any

from atalho.conditions import digest

KEY = "checksum"


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON document with a checksum of its content under `KEY`, first, so that it is there when the end of a file is missing."""
    return {KEY: digest(document)[:16], **document}


def unsealed(document: Any) -> Any:
    """A document without its checksum; one without a checksum, as other programs write it, is returned as it is.

    Raises:
        ValueError: where the content has another checksum.
    """
    if not isinstance(document, dict) or KEY not in document:
        return document
    content = {key: value for key, value in document.items() if key != KEY}
    if document[KEY] != digest(content)[:16]:
        raise ValueError(f"it was changed after it was written: its {KEY} is another")
    return content


def with_checksum(data: bytes) -> bytes:
    """The content of a binary file: the SHA-256 of the data, and the data."""
    return hashlib.sha256(data).digest() + data


def without_checksum(content: bytes) -> bytes:
    """The data of a file that `with_checksum` made.

    Raises:
        ValueError: where they have another checksum.
    """
    size = hashlib.sha256().digest_size
    checksum, data = content[:size], content[size:]
    if hashlib.sha256(data).digest() != checksum:
        raise ValueError("it was changed after it was written: its checksum is another")
    return data
