"""Processes that train together, forked from one that has loaded torch once: a second a training instead of ten.

As a program it reads requests from its standard input, one JSON object a line, and writes the results to its standard output. It
never uses torch itself, so that it can fork.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

LONGEST = 120.0
"""Seconds until processes that hang are killed."""


@dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Args:
        code: its exit code, negative where a signal ended it.
    """

    code: int
    output: str
    errors: str


class Together:
    """A context in which processes are started together, as torchrun would start them."""

    def __enter__(self) -> Self:
        self.server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self.server.stdin
        assert self.server.stdout
        self.server.kill()
        self.server.wait()
        self.server.stdin.close()
        self.server.stdout.close()

    def __call__(
        self, *words: str, processes: int = 2, before: str = "", script: str = ""
    ) -> list[Ended]:
        """Runs a command or a script in every process.

        Args:
            words: of the command line, without `atalho`.
            before: Python that is executed before the command; `rank` is the process's own.
            script: Python that is executed in place of a command.
        """
        request = {"words": words, "size": processes, "before": before, "script": script}
        assert self.server.stdin
        assert self.server.stdout
        print(json.dumps({**request, "cache": os.environ["ATALHO_CACHE"]}), file=self.server.stdin)
        self.server.stdin.flush()
        return [Ended(**each) for each in json.loads(self.server.stdout.readline())]


def _port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


def _become(request: dict[str, Any], rank: int, port: int, folder: Path) -> int:
    """What a forked process does; returns its exit code."""
    for descriptor, name in ((1, "output"), (2, "errors")):
        file = os.open(folder / f"{rank}.{name}", os.O_WRONLY | os.O_CREAT)
        os.dup2(file, descriptor)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(request["size"]),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "ATALHO_CACHE": request["cache"],
        "TORCHELASTIC_RUN_ID": "test",
        "TORCHELASTIC_RESTART_COUNT": "0",
    }
    from atalho.cli import main

    names = {"rank": rank}
    try:
        exec(request["before"], names)
        if request["script"]:
            exec(request["script"], names)
            return 0
        return main(request["words"])
    except SystemExit as left:
        return int(left.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1


def _started(request: dict[str, Any], rank: int, port: int, folder: Path) -> int:
    child = os.fork()
    if not child:
        code = 1
        try:
            code = _become(request, rank, port, folder)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return child


def _ended(child: int, end: float) -> int:
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
        time.sleep(0.005)
    if ended == (0, 0):
        os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(ended[1])


def _served(request: dict[str, Any]) -> list[Ended]:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), _port()
        ranks = range(request["size"])
        children = [_started(request, rank, port, folder) for rank in ranks]
        end = time.monotonic() + LONGEST
        codes = [_ended(child, end) for child in children]
        return [
            Ended(code, *((folder / f"{rank}.{each}").read_text() for each in ("output", "errors")))
            for rank, code in enumerate(codes)
        ]


def serve() -> None:
    """Loads what a training needs, and answers requests until there are no more."""
    import sklearn.datasets  # noqa: F401
    import torch._dynamo

    import atalho.training.run  # noqa: F401

    torch.set_num_threads(1)
    for line in sys.stdin:
        print(json.dumps([asdict(each) for each in _served(json.loads(line))]), flush=True)


if __name__ == "__main__":
    serve()
