"""`make demo` on a machine that lacks something says in one line what to do, and installs nothing."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from documents import ROOT

FAKE = """#!/bin/sh
exec {real} -c '
import runpy, shutil, sys
from types import SimpleNamespace
{lacking}
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$@"
"""

LACKING = {
    "a new Python": "sys.version_info = (3, 9, 2)",
    "venv": 'sys.modules["ensurepip"] = None',
    "space": "shutil.disk_usage = lambda path: SimpleNamespace(free=2**31)",
    "a network": "",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make demo` reads before anything is installed."""
    for name in ("Makefile", "pyproject.toml", "scripts/install.py"):
        (tmp_path / "checkout" / name).parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(ROOT / name, tmp_path / "checkout" / name)
    return tmp_path / "checkout"


def made(checkout: Path, *programs: Path) -> str:
    """What `make demo` prints with these programs in PATH, beside the system's own."""
    path = checkout.parent / "bin"
    path.mkdir()
    for name in ("sh", "touch", "env"):
        (path / name).symlink_to(str(shutil.which(name)))
    for program in programs:
        program.chmod(0o755)
        (path / program.name).symlink_to(program)
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
    }
    completed = subprocess.run(
        [str(shutil.which("make")), "demo"],
        cwd=checkout,
        env={"PATH": str(path), "SHELL": "/bin/sh", **nowhere},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 2
    assert not (checkout / ".venv" / ".installed").exists()
    return completed.stdout + completed.stderr


@pytest.mark.parametrize(
    ("lack", "line"),
    [
        (
            "a new Python",
            r"error\[PYTHON\] \S+: is Python 3\.9, and atalho needs 3\.11 or newer; nothing was installed\. Next: install Python 3\.11 or newer, then make demo",
        ),
        (
            "venv",
            r"error\[PYTHON\] \S+: has no venv; nothing was installed\. Next: apt install python3\.\d+-venv \(on Debian and Ubuntu\), then make demo",
        ),
        (
            "space",
            r"error\[DISK\] \S+: has 2\.0 GiB free, and the environment takes \d; nothing was installed\. Next: free some, or make demo VENV=/larger/disk/atalho",
        ),
        pytest.param(
            "a network",
            r"error\[INSTALL\] pip: reaches no package index that has what is needed; all that it said is in \S+install\.log\. Next: connect to a network, then make demo",
            marks=pytest.mark.full,  # it makes an environment
        ),
    ],
)
def test_one_line_says_what_is_missing(
    lack: str, line: str, checkout: Path, tmp_path: Path
) -> None:
    python3 = tmp_path / "python3"
    python3.write_text(FAKE.format(real=sys.executable, lacking=LACKING[lack]))
    errors = [each for each in made(checkout, python3).splitlines() if each.startswith("error")]
    assert len(errors) == 1
    assert re.fullmatch(line, errors[0])
    assert (checkout / ".venv").exists() == (lack == "a network")


def test_a_newer_python_that_is_there_is_named(checkout: Path, tmp_path: Path) -> None:
    python3, newer = tmp_path / "python3", tmp_path / "python3.13"
    python3.write_text(FAKE.format(real=sys.executable, lacking=LACKING["a new Python"]))
    newer.write_text("#!/bin/sh\n")
    assert "Next: make demo PYTHON=python3.13\n" in made(checkout, python3, newer)


def test_no_python_at_all_is_one_line(checkout: Path) -> None:
    printed = made(checkout)
    assert "error[PYTHON] python3: is not there. Next: install Python 3.11 or newer" in printed


def test_an_old_python_can_read_the_script() -> None:
    ast.parse((ROOT / "scripts" / "install.py").read_text(), feature_version=(3, 6))
