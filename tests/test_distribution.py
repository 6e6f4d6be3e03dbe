"""The wheel and the sdist: the same bytes whenever and wherever they are built, and whole."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from atalho import __version__
from documents import ROOT

FILES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CITATION.cff",
)


def built(source: Path, folder: Path, *, umask: int, changed: int, epoch: str) -> dict[str, bytes]:
    """The distributions of a copy of `source`, which is made in `folder`, by name.

    Args:
        umask: of the process that copies and builds.
        changed: when all files were last changed.
    """
    for name in ("src", "tests"):
        shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(source / name, folder / name)
    for path in folder.rglob("*"):
        path.chmod(0o777 & ~umask if path.is_dir() else 0o666 & ~umask)
        os.utime(path, (changed, changed))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", "dist"],
        cwd=folder,
        env={**os.environ, "SOURCE_DATE_EPOCH": epoch},
        umask=umask,
        check=True,
        capture_output=True,
    )
    return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}


def test_the_version_is_the_same_everywhere() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation
    newest = re.search(
        r"^## \[(\S+)\]( - (\S+))?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert newest
    if newest[1] != "Unreleased":
        assert newest[1] == __version__
        assert f"\ndate-released: {newest[3]}\n" in citation


@pytest.mark.full
def test_distributions_are_reproducible_and_install(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one = built(ROOT, tmp_path / "one", umask=0o022, changed=1_700_000_000, epoch="1750000000")
    other = built(
        tmp_path / "one", tmp_path / "other", umask=0o027, changed=1_600_000_000, epoch="1750000000"
    )
    assert sorted(path.rpartition(".")[2] for path in one) == ["gz", "whl"]
    assert one == other

    (wheel,) = (tmp_path / "one" / "dist").glob("*.whl")
    (sdist,) = (tmp_path / "one" / "dist").glob("*.tar.gz")
    source = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {each for each in archive.namelist() if ".dist-info/" not in each}
    assert packed == source
    with tarfile.open(sdist) as tar:
        tops = {name.split("/")[1] for name in tar.getnames()}
    assert tops == {"src", "tests", "PKG-INFO", *FILES}

    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True)
    # The core's packages are the checkout's: PyTorch is several gigabytes.
    packages = {
        "PYTHONPATH": os.pathsep.join(each for each in sys.path if each.endswith("site-packages"))
    }
    command = [environment / "bin" / "atalho", "verify", "L24"]
    completed = subprocess.run(command, env=packages, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
