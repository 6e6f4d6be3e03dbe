"""A module in a process of its own: what it sends, how its end is told, and that nothing outlives its parent."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from atalho.runtime.child import Child, Ended

MODULE = """
import os, signal, subprocess, sys, time
import filelock

print("a library that prints when it is imported", flush=True)

def main(parent):
    while True:
        match parent.receive():
            case ["add", left, right]:
                print("a library that prints")
                os.system("echo a program that prints")
                parent.send({"sum": left + right, "said": "\\u2028\\n"})
            case ["read"]:
                parent.send(sys.stdin.read())
            case ["fail"]:
                raise ValueError("no such thing")
            case ["leave", code]:
                sys.exit(code)
            case ["signal", number]:
                os.kill(os.getpid(), number)
            case ["half"]:
                parent._output.write('{"sum":')
                parent._output.flush()
                os._exit(7)
            case ["fork"]:
                if not os.fork():
                    time.sleep(20)
                    os._exit(0)
                parent.send("forked")
            case ["hold", path]:
                with filelock.FileLock(path):
                    parent.send("held")
                    time.sleep(99)
"""

PARENT = """
import sys, time
from atalho.runtime.child import Child
child = Child("spoken")
child.ask(["hold", sys.argv[1]])
print("held", flush=True)
time.sleep(99)
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    (tmp_path / "spoken.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with Child("spoken") as child:
        yield child


def test_messages_are_json_whatever_libraries_print(child: Child) -> None:
    assert child.ask(["add", 1, 2]) == {"sum": 3, "said": "\u2028\n"}
    assert child.ask(["add", 1.5, 2]) == {"sum": 3.5, "said": "\u2028\n"}
    assert child.ask(["read"]) == ""
    assert not child.ended


@pytest.mark.parametrize(
    ("message", "code", "cause"),
    [
        (["fail"], 1, "ValueError: no such thing"),
        (["leave", 5], 5, "a library that prints when it is imported"),
        (["signal", 9], -9, "killed by SIGKILL; most likely out of memory"),
        (["signal", 11], -11, "killed by SIGSEGV"),
        (["half"], 7, "a library that prints when it is imported"),
    ],
)
def test_how_it_ended_is_told(child: Child, message: list[object], code: int, cause: str) -> None:
    child.send(message)
    for _ in range(2):  # and told again
        with pytest.raises(Ended) as caught:
            child.receive()
        assert (caught.value.code, caught.value.cause) == (code, cause)
        child.send("anything")
    assert child.ended


def test_a_child_that_says_nothing_has_its_exit_code_for_a_cause(
    child: Child, tmp_path: Path
) -> None:
    (tmp_path / "silent.py").write_text("import os\ndef main(parent):\n    os._exit(7)")
    with Child("silent") as silent, pytest.raises(Ended, match="ended with exit code 7 and said"):
        silent.receive()


def test_a_module_that_is_not_there_is_told() -> None:
    with Child("atalho.nowhere") as child, pytest.raises(Ended, match="No module named"):
        child.ask("anything")


def test_a_closed_child_is_gone(child: Child, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert child.ask(["hold", str(lock)]) == "held"
    child.close()
    FileLock(lock).acquire(blocking=False).lock.release()


def test_what_a_child_has_forked_does_not_hold_its_parent(child: Child) -> None:
    assert child.ask(["fork"]) == "forked"
    begun = time.monotonic()
    child.close()
    assert time.monotonic() - begun < 10


@pytest.mark.usefixtures("child")
def test_it_ends_with_its_parent_though_it_is_at_work(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    command = [sys.executable, "-c", PARENT, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"held\n"
        parent.kill()
    begun = time.monotonic()
    FileLock(lock).acquire(timeout=30).lock.release()  # which the child held as long as it lived
    assert time.monotonic() - begun < 30
