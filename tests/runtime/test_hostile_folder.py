"""Nothing that lies in the current folder is run: each kind of child process is started in one that is full of traps."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from atalho.cli import main
from atalho.runtime.child import Child

SCRIPTS = Path(sysconfig.get_path("scripts"))
DOCS = Path(__file__).parents[2] / "docs"
ATALHO, TORCHRUN = SCRIPTS / "atalho", SCRIPTS / "torchrun"

TRAPS = (
    *("atalho", "json", "multiprocessing", "numpy", "onnx", "onnxruntime", "openvino", "psutil"),
    *("queue", "runpy", "safetensors", "signal", "sitecustomize", "torch", "click", "zeus"),
)
"""Modules that some child imports, of Python's own and of packages."""

TRAP = """
from pathlib import Path
with (Path(__file__).parent / "sprung").open("a") as file:
    file.write(f"{__name__}\\n")
raise SystemExit("a trap was sprung")
"""

STARTING = """
import json, multiprocessing, subprocess, sys

def start():
    '''Processes of Python's own: a script's text, and one of a pool.'''
    subprocess.run([sys.executable, "-c", "import psutil"], check=True)
    process = multiprocessing.get_context("spawn").Process(target=json.dumps, args=[1])
    process.start()
    process.join()
    assert process.exitcode == 0

def main(parent):
    parent.receive()
    start()
    parent.send("started")
"""

NETWORK = f"""
import functools, torch
{STARTING}
@functools.cache
def once():
    start()

def net(num_classes=3):
    once()
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, num_classes))
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, full of traps."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in TRAPS:
        (folder / f"{name}.py").write_text(TRAP)
    monkeypatch.chdir(folder)
    return folder


def sprung(folder: Path) -> str:
    marker = folder / "sprung"
    return marker.read_text() if marker.exists() else ""


def test_the_traps_work(hostile: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import psutil"], check=False)
    assert done.returncode == 1
    assert "psutil" in sprung(hostile).split()


def test_a_child_and_the_processes_that_it_starts(
    hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "starting.py").write_text(STARTING)
    # An empty entry of PYTHONPATH would be the current folder.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with Child("starting") as child:
        assert child.ask("start") == "started"
    assert sprung(hostile) == ""


@pytest.mark.full
def test_a_benchmark_and_the_trial_of_its_engine(hostile: Path) -> None:
    command = ["bench", "resnet20", "-b", "1", "--device", "cpu", "--engine", "onnxruntime"]
    assert main(command) == 0
    assert sprung(hostile) == ""


def test_the_script_and_what_somebody_elses_code_starts(hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    name = f"{tmp_path / 'net.py'}:net"
    command = [ATALHO, "show", name, "--input", "3x2x2", "--num-classes", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sprung(hostile) == ""


TRAIN = ["train", "resnet20", "--device", "cpu", "--precision", "float32", "--steps", "2"]


@pytest.mark.full
def test_the_processes_of_torchrun(hostile: Path) -> None:
    torchrun = [TORCHRUN, "--standalone", "--nproc-per-node", "2", "--no-python"]
    command = [*torchrun, ATALHO, *TRAIN]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert sprung(hostile) == ""


@pytest.mark.parametrize(
    "name", ["README.md", *(f"docs/{each.relative_to(DOCS)}" for each in DOCS.rglob("*.md"))]
)
def test_what_is_documented_starts_the_script(name: str) -> None:
    assert "-m atalho" not in (DOCS.parent / name).read_text(encoding="utf-8").replace(
        "`-m atalho`", ""
    )


@pytest.mark.full
def test_the_processes_that_compile(hostile: Path) -> None:
    command = [ATALHO, *TRAIN, "--compile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sprung(hostile) == ""
