"""Makes a virtual environment and installs into it, for the Makefile; one line says what is missing and what to do.

    python3 scripts/install.py FOLDER PIP-ARGUMENTS...

Any Python from 3.6 on can read this file, so that an old one can say that it is too old. The variable TARGET holds what `make`
was called for.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)

NEEDED = 8 if sys.platform == "linux" else 3
"""GiB of disk that the environment takes: PyTorch brings CUDA's libraries on Linux."""

UNREACHED = ("NewConnectionError", "ConnectTimeoutError", "ProxyError", "(from versions: none)")
"""Parts of pip's output where it has reached no package index."""


def stop(code, subject, cause, next_step):
    """Ends the program with an error of one line, and atalho's exit code for resources."""
    print(f"error[{code}] {subject}: {cause}. Next: {next_step}", file=sys.stderr)
    sys.exit(6)


def check(folder, again):
    """Checks that this Python can make the environment `folder`, and that there is room for it.

    Args:
        again: the command that was typed.
    """
    major, minor = sys.version_info[:2]
    if (major, minor) < OLDEST:
        names = [f"python3.{each}" for each in range(20, OLDEST[1] - 1, -1)]
        newer = next((name for name in names if shutil.which(name)), None)
        stop(
            "PYTHON",
            sys.executable,
            f"is Python {major}.{minor}, and atalho needs 3.11 or newer; nothing was installed",
            f"{again} PYTHON={newer}" if newer else f"install Python 3.11 or newer, then {again}",
        )
    try:
        import ensurepip  # noqa: F401 (Debian and Ubuntu have it in a package of its own)
        import venv  # noqa: F401
    except ImportError:
        stop(
            "PYTHON",
            sys.executable,
            "has no venv; nothing was installed",
            f"apt install python{major}.{minor}-venv (on Debian and Ubuntu), then {again}",
        )
    free = shutil.disk_usage(str(folder.parent)).free / 2**30
    if free < NEEDED:
        stop(
            "DISK",
            folder.parent,
            f"has {free:.1f} GiB free, and the environment takes {NEEDED}; nothing was installed",
            f"free some, or {again} VENV=/larger/disk/atalho",
        )


def pip(python, arguments, again):
    """Calls `pip install`, with its output in a file of the environment; ends the program where it fails."""
    log = python.parents[1] / "install.log"
    command = [str(python), "-m", "pip", "install", "--quiet", *arguments]
    with log.open("wb") as output:
        code = subprocess.call(command, stdout=output, stderr=subprocess.STDOUT)
    if not code:
        return
    text = log.read_text(encoding="utf-8", errors="replace")
    errors = [line.partition("ERROR: ")[2] for line in text.splitlines() if "ERROR: " in line]
    cause, first = errors[0].rstrip(".") if errors else f"ended with code {code}", ""
    if any(each in text for each in UNREACHED):
        cause, first = (
            "reaches no package index that has what is needed",
            "connect to a network, then ",
        )
    elif "No space left" in text:
        cause, first = "has no space left on the disk", "free some, then "
    stop("INSTALL", "pip", f"{cause}; all that it said is in {log}", f"{first}{again}")


def main(folder, *arguments):
    """Installs into an environment, which is made where it is not there.

    Args:
        folder: of the environment.
        arguments: of `pip install`.
    """
    folder = Path(folder).absolute()
    again = f"make {os.environ.get('TARGET') or 'demo'}"
    python = folder / "bin" / "python"
    if not python.exists():
        check(folder, again)
        print(f"installing into {folder}: PyTorch takes minutes", file=sys.stderr)
        subprocess.check_call([sys.executable, "-m", "venv", str(folder)])
    pip(python, ["--upgrade", "pip"], again)
    pip(python, arguments, again)


if __name__ == "__main__":
    main(*sys.argv[1:])
