"""What differs between systems, each in one place: flushing, renaming, names, memory, processors and the end of a process."""

import ast
import errno
import os
import runpy
import signal
import sys
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

import platforms
from atalho.cli import main
from atalho.data.dataset import Dataset
from atalho.errors import Exit
from atalho.files import move_atomically, safe_name, write_atomically
from atalho.page.words import failures
from atalho.record import Record, append, read
from atalho.runtime import resident
from atalho.runtime.child import Child, Ended
from atalho.runtime.processor import cores, processor
from atalho.tasks import Step
from atalho.training import folder, run
from atalho.training.arguments import Arguments
from test_house import FILES

PLACES = {
    "fcntl": {"atalho.files"},
    "msvcrt": set[str](),
    "multiprocessing": {"atalho.runtime.own_workers"},
    "pwd": set[str](),
    "resource": {"atalho.runtime.resident"},
    "signal": {
        "atalho.page.words.failures",
        "atalho.runtime.child",
        "atalho.runtime.ending",
        "atalho.training.signals",
    },
    "winreg": set[str](),
}
"""Modules of the standard library that some systems lack or fill otherwise, and where each may be imported."""

CALLS = {
    "fsync": {"atalho.files"},
    "sched_getaffinity": {"atalho.runtime.processor"},
    "sysconf": {"atalho.runtime.processor"},
    **{key: set[str]() for key in ("fork", "kill", "killpg", "getuid", "link", "symlink", "chmod")},
}
"""Functions of `os` of the same kind, and where each may be called."""


def test_what_systems_differ_in_is_in_one_place() -> None:
    imported: dict[str, set[str]] = {name: set() for name in PLACES}
    called: dict[str, set[str]] = {name: set() for name in CALLS}
    proc = set()
    for module, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [each.name for each in node.names]
                roots = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
                for root in {each.partition(".")[0] for each in roots} & {*PLACES}:
                    imported[root].add(module)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "os" and node.attr in CALLS:
                    called[node.attr].add(module)
            elif isinstance(node, ast.Constant) and str(node.value).startswith("/proc/"):
                proc.add(module)
    assert imported == PLACES
    assert called == CALLS
    assert proc == {"atalho.runtime.processor", "atalho.runtime.resident"}


def test_files_and_folders_are_put_in_place_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aside").mkdir()
    (tmp_path / "aside" / "file").write_bytes(b"in a folder")
    platforms.windows(monkeypatch)
    write_atomically(tmp_path / "file", b"whole")
    write_atomically(tmp_path / "file", b"whole again")
    move_atomically(tmp_path / "aside", tmp_path / "folder")
    append(tmp_path / "records.jsonl", [Record.of("alexnet", "params", 1, "computed")])
    assert (tmp_path / "file").read_bytes() == b"whole again"
    assert (tmp_path / "folder" / "file").read_bytes() == b"in a folder"
    assert len(read(tmp_path / "records.jsonl")) == 1


def test_a_file_that_a_virus_scanner_has_open_is_replaced_when_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platforms.windows(monkeypatch)
    tried = platforms.held_open(monkeypatch, times=3)
    write_atomically(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert len(tried) == 4


def test_a_file_that_stays_open_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    platforms.windows(monkeypatch)
    monkeypatch.setattr("atalho.files.PATIENCE", 0.1)
    platforms.held_open(monkeypatch, times=1000)
    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [tmp_path / "file"]


def test_a_rename_that_linux_refuses_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = platforms.held_open(monkeypatch, times=1)
    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "file", b"new")
    assert len(tried) == 1


def test_macos_flushes_to_the_disk_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    platforms.macos(monkeypatch, lambda descriptor: flushed.append(descriptor) or 0)
    write_atomically(tmp_path / "file", b"whole")
    assert len(flushed) == 2  # the file and its folder


def test_a_volume_without_macos_own_call_is_flushed_as_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(descriptor: int) -> int:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    flush, flushed = os.fsync, list[int]()
    platforms.macos(monkeypatch, unknown)
    monkeypatch.setattr(os, "fsync", lambda each: flushed.append(each) or flush(each))
    write_atomically(tmp_path / "file", b"whole")
    assert len(flushed) == 2


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_only_a_folder_that_cannot_be_flushed_is_no_error(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = os.fsync

    def refused(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(tmp_path):  # noqa: PTH115
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", refused)
    if number == errno.EIO:
        with pytest.raises(OSError, match="Input/output"):
            write_atomically(tmp_path / "file", b"whole")
    else:
        write_atomically(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


@pytest.mark.parametrize("name", ["con", "NUL", "aux.txt", "COM1", "lpt9.tar.gz", "photos.", "a.."])
def test_no_name_is_one_that_windows_reserves_or_changes(name: str) -> None:
    safe = safe_name(name)
    assert safe != name
    assert safe_name(safe) == safe
    assert not safe.endswith(".")
    assert safe.partition(".")[0].lower() not in {"con", "nul", "aux", "com1", "lpt9"}


@pytest.mark.parametrize("name", ["console", "com10", "null", "aux1", "resnet18.v1_5"])
def test_a_name_that_only_resembles_a_reserved_one_is_its_own(name: str) -> None:
    assert safe_name(name) == name


def test_memory_is_measured_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    on_linux = resident.peak()
    with pytest.MonkeyPatch.context() as patch:
        platforms.without_proc(patch)
        assert 0.5 < resident.peak() / on_linux < 2  # ru_maxrss, in KiB
        assert resident.reset_peak() == resident.peak()  # nothing can be reset
    with pytest.MonkeyPatch.context() as patch:
        platforms.macos(patch, lambda descriptor: 0)
        assert resident.peak() == 80 << 20
    platforms.windows(monkeypatch)
    assert resident.peak() == 80 << 20


def test_a_processor_has_a_name_and_cores_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    platforms.windows(monkeypatch)
    assert cores() == os.cpu_count()
    assert processor().endswith(f", {cores()} cores")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize(
    ("system", "code", "value", "cause"),
    [
        ("linux", -9, -9, "killed by SIGKILL; most likely out of memory"),
        ("linux", -40, -40, "killed by signal 40"),
        ("windows", 1, 1, "ended with exit code 1 and said nothing"),
        (
            "windows",
            platforms.ACCESS_VIOLATION,
            -1073741819,
            "ended by Windows with status 0xc0000005",
        ),
    ],
)
def test_how_a_child_ended_is_known_on_every_system(
    system: str, code: int, value: int, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Child("atalho.nowhere") as child:
        child._errors.close()
        child._errors = open(os.devnull, "w+b")  # noqa: PTH123, SIM115 (closed with the child)
        child._process.wait()
        if system == "windows":
            platforms.windows(monkeypatch)
        monkeypatch.setattr(child._process, "returncode", code)
        with pytest.raises(Ended) as caught:
            child.receive()
        monkeypatch.undo()
    assert (caught.value.code, caught.value.cause) == (value, cause)


def test_an_end_by_windows_is_shown_as_such_and_measured_again() -> None:
    step = Step("latency", "vgg16", ("latency",), dict, list)
    failure = step.failure(-1073741819, "ended by Windows with status 0xc0000005")
    assert not step.done([failure])
    (line,) = failures.listed([failure])
    assert line.endswith("(status 0xc0000005).")


def test_ctrl_break_stops_a_training_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    platforms.windows(monkeypatch)
    on_windows = runpy.run_path(str(FILES["atalho.runtime.ending"]))
    assert on_windows["CODES"][signal.SIGTTIN] == Exit.TERMINATED


def test_a_run_is_trained_and_read_on_windows(
    arguments: Arguments, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(digits, splits={k: v.select(range(16)) for k, v in digits.splits.items()})
    brief = replace(arguments, recipe=replace(arguments.recipe, steps=2, batch_size=4))
    platforms.windows(monkeypatch)
    run.execute(brief, few, tmp_path / "run")
    folder.load(tmp_path / "run")


@pytest.mark.parametrize("terminal", [False, True])
def test_output_is_utf8_on_windows_and_a_terminal_shows_what_it_can(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = BytesIO()
    output = TextIOWrapper(written, encoding="cp1252")
    output.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", TextIOWrapper(BytesIO()))
    monkeypatch.setattr(sys, "argv", ["atalho", "show", "googlenet", "--format", "csv"])
    assert main() == Exit.DONE
    output.flush()
    printed = written.getvalue().decode("cp1252" if terminal else "utf-8")
    assert ("≠ +34.50" in printed) != terminal
    assert ("? +34.50" in printed) == terminal
