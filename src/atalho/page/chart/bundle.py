"""The script with which a browser draws charts: a snippet and the parts of Vega that it uses, made once and kept in the user's cache folder."""

import hashlib
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import vl_convert

from atalho.files import cache_folder, write_atomically
from atalho.seal import with_checksum, without_checksum

_MADE: dict[str, str] = {}  # in this process, by key


def javascript(snippet: str, vega_lite: str) -> str:
    """Returns one ES module that imports nothing: the snippet with the parts of Vega that it uses.

    The first time takes a second; it is kept in a file, where one can be written.

    Args:
        vega_lite: the version of Vega-Lite, such as 6.1.
    """
    script = at_hand(snippet, vega_lite)
    if script is None:
        key = _key(snippet, vega_lite)
        script = _MADE[key] = str(vl_convert.javascript_bundle(snippet, vl_version=vega_lite))
        with suppress(OSError):
            _file(key).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(_file(key), with_checksum(script.encode()))
    return script


def at_hand(snippet: str, vega_lite: str) -> str | None:
    """Returns what `javascript` returns, where it was made before; None otherwise, and where its file is damaged."""
    key = _key(snippet, vega_lite)
    if key not in _MADE:
        try:
            _MADE[key] = without_checksum(_file(key).read_bytes()).decode()
        except (OSError, ValueError):
            return None
    return _MADE[key]


def _key(snippet: str, vega_lite: str) -> str:
    """Names a script: by the snippet, and by the version of the package that has all that is put together with it."""
    parts = (snippet, vega_lite, version("vl-convert-python"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _file(key: str) -> Path:
    return cache_folder("scripts") / f"{key}.js"
