"""Scripts for a page: a module and those that it imports, as one script that imports nothing."""

import re
from functools import cache
from pathlib import Path

_STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import .*? from "\./(\w+)\.js";\n', re.MULTILINE | re.DOTALL)


@cache
def bundle(name: str) -> str:
    """Returns the module `static/NAME.js` after those that it imports, each once, without imports and exports."""
    return "\n".join(_modules(name, []))


def _modules(name: str, known: list[str]) -> list[str]:
    if name in known:
        return []
    known.append(name)
    text = source(f"{name}.js")
    before = [part for each in _IMPORT.findall(text) for part in _modules(each, known)]
    return [*before, re.sub(r"^export ", "", _IMPORT.sub("", text), flags=re.MULTILINE)]


def source(name: str) -> str:
    """Returns the text of a file in `static/`."""
    return (_STATIC / name).read_text(encoding="utf-8")
