"""A task in a process of its own, of this machine or of a worker: what it must know, what it sends, and how that is received."""

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from atalho import __version__
from atalho.api.reporting import Reporter
from atalho.errors import AtalhoError, Exit, Stopped, printable
from atalho.runtime.child import Parent
from atalho.runtime.cluster import STOPPED, Cluster, Result, Task

WAIT = 1.0
"""Seconds between two looks at whether another process still does the same, such as that of a worker that was taken for lost."""


def message(**fields: Any) -> dict[str, Any]:
    """The message of a task: its fields, the version of the program, and the folder in which paths begin."""
    return {"version": __version__, "current": str(Path.cwd()), **fields}


def serve(parent: Parent, do: Callable[[dict[str, Any], Reporter], Any]) -> None:
    """Does the task that the parent sends, and sends its result or its error, with the lines that a person should read."""
    task, said = parent.receive(), list[str]()
    try:
        _check(task)
        value = do(task, Reporter(say=said.append))
    except AtalhoError as error:
        parent.send({"error": error.args, "said": said})
    except Stopped:
        parent.send(STOPPED)
    else:
        parent.send({"value": value, "said": said})


def on_workers(
    cluster: Cluster, tasks: Sequence[Task], kind: str, say: Callable[[str], None]
) -> Iterator[tuple[str, Any]]:
    """Each task's name with its result or its error, as they end; `say` is called with lines on what is done where.

    Args:
        kind: what the tasks are, in the plural.

    Raises:
        AtalhoError: as `Cluster` when it is entered, and `Cluster.results`.
    """

    def begun(task: str, machine: str) -> None:
        say(f"{task}: begins on {printable(machine)} at {time.strftime('%H:%M:%S')}")

    with cluster as workers:
        say(
            f"{workers.address}: {len(tasks)} {kind}, {workers.slots} at a time so far; threads of each: {workers.threads}"
        )
        for result in workers.results(tasks, begun=begun):
            yield received(result, say)


def received(result: Result, say: Callable[[str], None]) -> tuple[str, Any]:
    """A task's name, and its result or its error; `say` is called with the lines that a person should read."""
    task, sent = result
    if isinstance(sent, AtalhoError):
        return task.name, sent
    for line in sent["said"]:
        say(line)
    if error := sent.get("error"):
        code, subject, cause, next_step, status = error
        return task.name, AtalhoError(code, subject, cause, next_step=next_step, exit=Exit(status))
    return task.name, sent["value"]


def seconds_here(do: Callable[[], object]) -> dict[str, Any]:
    """Calls a function, again for as long as it raises IN-USE, since another process does the same; returns its time and this machine."""
    begun = time.monotonic()
    while True:
        try:
            do()
        except AtalhoError as error:
            if error.code != "IN-USE":
                raise
            time.sleep(WAIT)
        else:
            return {"seconds": time.monotonic() - begun, "machine": platform.node()}


def _check(task: dict[str, Any]) -> None:
    """Checks that this machine has the same program and sees the same files."""
    if task["version"] != __version__:
        raise AtalhoError(
            "CLUSTER-VERSION",
            platform.node(),
            f"has atalho {__version__}, and the call comes from {task['version']}",
            next_step="install the same version on all machines",
            exit=Exit.RESOURCES,
        )
    try:
        os.chdir(task["current"])
    except OSError as error:
        raise AtalhoError(
            "CLUSTER-FOLDER",
            task["current"],
            f"is not on {platform.node()} ({error.strerror})",
            next_step="begin in a folder that all machines see",
            exit=Exit.RESOURCES,
        ) from error
