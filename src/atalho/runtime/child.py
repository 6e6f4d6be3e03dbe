"""Runs a module of atalho's in a child process: if the child crashes or runs out of memory, its parent goes on.

The parent starts it by `Child("atalho.package.module")`; the module's `main` is called with a `Parent`. Both sides send and
receive JSON values, one a line. The child imports nothing from its current folder, and ends when its parent does, whatever the
reason.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from queue import SimpleQueue
from tempfile import TemporaryFile
from threading import Thread
from typing import Any, Self

from atalho.errors import Exit
from atalho.runtime.memory import is_out_of_memory


class Ended(Exception):  # noqa: N818 (that a child ends is a result, which is recorded)
    """A child ended before it sent the expected message.

    Attributes:
        code: its exit code, 6 where it had too little memory; minus the number of the signal that killed it; or a negative status
            of Windows.
        cause: the signal's name, the status, or the last line that the child wrote to standard error.
    """

    def __init__(self, code: int, cause: str) -> None:
        super().__init__(cause)
        self.code = code
        self.cause = cause


class Child:
    """A running child; a context, at whose end it is killed.

    Args:
        module: its full name; its `main` takes a `Parent`.
    """

    def __init__(self, module: str) -> None:
        self._errors = TemporaryFile()  # noqa: SIM115 (it lasts as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
            env={**os.environ, "PYTHONSAFEPATH": "1"},  # -P for the processes that it starts
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, message: Any) -> None:
        """Sends a JSON value; where the child has ended, the next `receive` raises Ended."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def receive(self) -> Any:
        """Waits for the next JSON value that the child sends.

        Raises:
            Ended: the child ended without sending one.
        """
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise self._ended()
        return json.loads(line)

    def ask(self, message: Any) -> Any:
        """Sends a JSON value and waits for the next one that the child sends; raises Ended as `receive`."""
        self.send(message)
        return self.receive()

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Kills the process and waits until it is gone."""
        self._process.kill()
        self._process.wait()
        # Not `communicate`, which waits for the end of standard output: a process that the child has forked may hold it open.
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._errors.close()

    def _ended(self) -> Ended:
        code = self._process.wait()
        if (
            sys.platform == "win32" and code >= 1 << 31
        ):  # a status of Windows, such as an access violation
            return Ended(code - (1 << 32), f"ended by Windows with status {code:#x}")
        if code < 0:
            likely = "; most likely out of memory" if -code == signal.SIGKILL else ""
            return Ended(code, f"killed by {_signal(-code)}{likely}")
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return Ended(code, lines[-1] if lines else f"ended with exit code {code} and said nothing")


def _signal(number: int) -> str:
    """A signal's name; its number where it has none, as most of Linux's real-time signals."""
    names = {each.value: each.name for each in signal.Signals}
    return names.get(number, f"signal {number}")


class Parent:
    """The process that started this one.

    Once it is constructed, standard output goes to standard error and standard input is empty, so that libraries cannot print or
    read messages.
    """

    def __init__(self) -> None:
        self._output = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        self._input = os.fdopen(os.dup(0), encoding="utf-8")
        os.dup2(2, 1)
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        self._received: SimpleQueue[Any] = SimpleQueue()
        Thread(target=self._listen, daemon=True).start()

    def send(self, message: Any) -> None:
        """Sends a JSON value."""
        self._output.write(json.dumps(message) + "\n")

    def receive(self) -> Any:
        """Waits for the next JSON value that the parent sends."""
        return self._received.get()

    def _listen(self) -> None:
        """Queues what the parent sends; when the parent is gone, ends this process at once."""
        for line in self._input:
            self._received.put(json.loads(line))
        os._exit(1)


def _main(module: str) -> None:
    parent = Parent()
    try:
        import_module(module).main(parent)
    except Exception as error:
        traceback.print_exc()
        sys.exit(Exit.RESOURCES if is_out_of_memory(error) else 1)


if __name__ == "__main__":
    _main(sys.argv[1])
