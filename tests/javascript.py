"""Functions of the lecture's scripts, called from tests: in node, or where there is none in a headless Chromium."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import atalho
import chromium

NODE = shutil.which("node")
STATIC = Path(atalho.__file__).parent / "slides" / "static"
ENGINE = NODE or chromium.EXECUTABLE

Call = tuple[str, list[Any]]


def values(module: str, calls: Iterable[Call], folder: Path) -> list[Any]:
    """What the functions of `static/MODULE.js` return for the calls, each a name and its arguments.

    Args:
        folder: for a browser's profile.
    """
    listed = json.dumps([*calls])
    if NODE:
        script = (
            f"import * as module from {json.dumps((STATIC / f'{module}.js').as_uri())};\n"
            "let text = '';\n"
            "for await (const part of process.stdin) text += part;\n"
            "const values = JSON.parse(text).map(([name, given]) => module[name](...given));\n"
            "process.stdout.write(JSON.stringify(values));\n"
        )
        done = subprocess.run(
            [NODE, "--input-type=module", "-e", script],
            input=listed,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))
    from atalho.slides.scripts import bundle

    names = json.dumps(sorted({name for name, _ in json.loads(listed)})).replace('"', "")
    with chromium.browser(folder / "profile") as tab:
        text = tab.run(
            f"(() => {{ {bundle(module)}\nconst module = {{{names[1:-1]}}};\n"
            f"return JSON.stringify({listed}.map(([name, given]) => module[name](...given))); }})()"
        )
    return list(json.loads(text))
