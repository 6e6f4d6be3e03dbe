"""Standard output that nobody reads to its end, as in `atalho list | head -1`, or that cannot be written."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atalho.errors import Exit

SHORT, LONG = ["--version"], ["show", "resnet1202", "--format", "json"]
"""Commands whose output is written as Python ends, and while the command runs: it is longer than a buffer."""

COMMANDS = [
    *(SHORT, LONG, ["--help"], ["train", "--help"], ["list"], ["verify"], ["show", "resnet152"]),
    *(["list", "--format", each] for each in ("csv", "json", "markdown")),
    ["inception", "480x14x14", "192", "96", "208", "16", "48", "64"],
]


@pytest.fixture(autouse=True, params=["", "1"], ids=["buffered", "unbuffered"])
def unbuffered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


def ended(arguments: list[str], **streams: int) -> tuple[int, str]:
    """The exit code of a command, and what it wrote to standard error, unless that is among `streams`."""
    command = [sys.executable, "-m", "atalho", *arguments]
    process = subprocess.run(command, text=True, **{"stderr": subprocess.PIPE, **streams})
    return process.returncode, process.stderr or ""


@pytest.fixture
def unread() -> Iterator[int]:
    """The end of a pipe that is written to; the other end is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_that_nobody_reads_ends_in_silence(arguments: list[str], unread: int) -> None:
    assert ended(arguments, stdout=unread) == (Exit.UNREAD, "")


def test_what_was_read_is_whole() -> None:
    command = [sys.executable, "-m", "atalho", *LONG]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == b"{\n"
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (Exit.UNREAD, b"")


@pytest.mark.parametrize("arguments", [["show", "resnet5"], ["show"], []], ids=" ".join)
def test_an_error_that_nobody_reads_too(arguments: list[str], unread: int) -> None:
    assert ended(arguments, stdout=unread, stderr=unread) == (Exit.UNREAD, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("arguments", [SHORT, LONG], ids=["short", "long"])
def test_a_full_disk_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, line = ended(arguments, stdout=full.fileno())
    assert line.count("\n") == 1
    assert line.startswith("error[OUTPUT] standard output: cannot be written (No space left")
    assert code == Exit.RESOURCES


def test_without_standard_output_a_command_does_its_work(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "atalho", "draw", "resnet20", "-o", str(tmp_path / "net.svg")]
    subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], check=True)
    assert (tmp_path / "net.svg").exists()
