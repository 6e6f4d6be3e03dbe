"""What every page that atalho writes shares: its style sheet and a policy that lets in nothing from anywhere."""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

_HERE = Path(__file__).parent


def source(name: str) -> str:
    """Returns the text of a file that is written into pages: a style sheet or a script."""
    return (_HERE / name).read_text(encoding="utf-8")


def policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    """Returns a Content-Security-Policy that lets in these styles, these scripts and embedded images, and nothing else."""
    return (
        f"default-src 'none'; style-src {' '.join(map(_hashed, styles))}; "
        f"script-src {' '.join(map(_hashed, scripts))}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hashed(inline: str) -> str:
    digest = hashlib.sha256(inline.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
