"""What every page that atalho writes shares: its style sheet, text that is seen, and a policy that lets in nothing from anywhere."""

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

_HERE = Path(__file__).parent


def source(name: str) -> str:
    """Returns the text of a file that is written into pages: a style sheet or a script."""
    return (_HERE / name).read_text(encoding="utf-8")


def visible(text: str) -> str:
    """Returns a text with escapes for the characters that nobody sees: control characters, and those that turn the reading direction.

    The library that draws charts ends the process at a control character, which names of classes, folders and networks may hold.
    """
    return _UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    """Returns a Content-Security-Policy that lets in these styles, these scripts and embedded images, and nothing else."""
    return (
        f"default-src 'none'; style-src {' '.join(map(_hashed, styles))}; "
        f"script-src {' '.join(map(_hashed, scripts))}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hashed(inline: str) -> str:
    digest = hashlib.sha256(inline.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
