"""Dask workers that this process starts on its own machine, and ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import current_process
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from atalho.errors import AtalhoError, Exit

SETTINGS = {
    "distributed.scheduler.allowed-failures": 1000,  # a training goes on from its checkpoint, however often its worker dies
    "distributed.nanny.pre-spawn-environ": {},  # threads are set by each task, as in a run without workers
    # A terminal's Ctrl-C goes to all processes; this one ends its workers.
    "distributed.worker.preload": ["import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"],
}
"""Dask's settings for such workers."""


@contextmanager
def started(count: int) -> Iterator[Any]:
    """A context that gives a `LocalCluster` of so many workers, with one task at a time each.

    Raises:
        RuntimeError: they do not start.
    """
    import dask
    from distributed import LocalCluster

    start: Any = LocalCluster  # which has no types
    with (
        dask.config.set(SETTINGS),
        TemporaryDirectory() as folder,  # which nobody else reads
        start(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            security=True,  # other users of this machine reach its ports too
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            local_directory=folder,
            memory_limit=0,
            silence_logs="CRITICAL",
        ) as cluster,
    ):
        yield cluster


def end_import() -> None:
    """Ends this process where it is a worker that is importing the script that starts workers, and has reached the call that does.

    A worker imports the script first, but for what is below `if __name__ == "__main__":`. In the script `check_script` says so.
    """
    if getattr(current_process(), "_inheriting", False):  # as multiprocessing itself recognises it
        raise SystemExit(Exit.USAGE)


def check_script() -> None:
    """Checks, after workers did not start, that this process's script has a guard against starting them once more in each of them.

    Raises:
        AtalhoError: CLUSTER-SCRIPT (exit 2).
    """
    script = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    if script.is_file() and "__name__" not in script.read_text(errors="replace"):
        raise AtalhoError(
            "CLUSTER-SCRIPT",
            script,
            "its workers did not start: each imports the script first, and so comes to the call that starts them",
            next_step='put that call below `if __name__ == "__main__":`',
            exit=Exit.USAGE,
        ) from None
