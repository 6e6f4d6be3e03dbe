"""Tasks on the workers of a Dask scheduler, each in a child process of a worker; Dask is imported only where an address is named."""

import gc
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Self

from atalho.conditions import digest
from atalho.errors import AtalhoError, Exit, Stopped, wrong_option
from atalho.runtime import own_workers
from atalho.runtime.addresses import check, local_workers
from atalho.runtime.child import Child, Ended
from atalho.runtime.ending import noted
from atalho.runtime.processor import cores

EXTRA = "pip install 'atalho[cluster]'"

STOPPED = "stopped"
"""The message of a child that a signal has stopped before its work was done."""

RETRIES = 3
"""How often a task is begun again whose process was killed while its worker lived on."""

BEGUN = "atalho-begun"
"""The topic of Dask's events under which a worker says that it begins a task."""

TICK = 0.2
"""Seconds between two looks at whether a signal has come."""

LOOK = 5.0
"""Seconds between two looks at whether workers of this process's own are there."""

ABSENCE = 120.0
"""Seconds without any of them after which they are lost: Dask starts a killed worker again, but once only."""

PATIENCE = 30
"""Seconds in which a scheduler must answer."""


@dataclass(frozen=True)
class Task:
    """Work for a child process.

    Args:
        name: for people; no other task has it.
        module: of the child, as of `Child`; it sends one message, its result.
        message: that the child is sent, as JSON; where it is equal, so is the work.
    """

    name: str
    module: str
    message: Any


Result = tuple[Task, Any]
"""A task, and the message of its child; or the AtalhoError with which its process ended."""

Begun = Callable[[str, str], None]
"""Is called with the names of a task and of the machine on which it begins."""


def _unseen(task: str, machine: str) -> None:
    """Does nothing."""


class Cluster:
    """The workers of a scheduler; a context, which may be entered again.

    Args:
        address: as `check` takes it; `local:N` starts N workers on this machine, which end with the context.
        threads: that every task is to have, whichever worker does it; for `local:N` a share of this machine's cores unless given.

    Raises:
        AtalhoError: as `check`; USAGE (exit 2), without `threads` for the workers of a scheduler; CLUSTER-EXTRA (exit 6), without
            Dask.

    Attributes:
        local: whether its workers are this process's own.
        slots: how many tasks there were workers for when it was last entered.
    """

    def __init__(self, address: str, threads: int | None = None) -> None:
        check(address)
        count = local_workers(address)
        if count:
            own_workers.end_import()
        if count is None and threads is None:
            raise wrong_option(
                "on",
                "the bits of a training depend on its threads, which no worker may decide: it goes with --threads",
            )
        self.threads = threads or max(1, cores() // (count or 1))
        self.local = count is not None
        try:
            import distributed
        except ImportError as error:
            raise AtalhoError(
                "CLUSTER-EXTRA",
                address,
                "needs distributed, not installed here",
                next_step=EXTRA,
                exit=Exit.RESOURCES,
            ) from error
        self.address = address
        self._dask: Any = distributed
        self._open = ExitStack()
        self._looked = self._seen = 0.0  # when workers were last looked for, and last there
        self.slots = 0

    def __enter__(self) -> Self:
        """Raises CLUSTER (exit 6), where the scheduler does not answer, or a worker of its own does not start or ends meanwhile."""
        # A client that is left over closes itself when it is collected; where that happens while Dask starts, both wait for ever.
        gc.collect()
        try:
            self._client = self._open.enter_context(
                self._dask.Client(self._scheduler(), timeout=PATIENCE, set_as_default=False)
            )
        except (OSError, TypeError, ValueError) as error:  # the last two for certificates
            self._open.close()
            cause = f"no scheduler answers ({str(error).splitlines()[0]})"
            raise self._error(
                cause, "dask scheduler, and DASK_DISTRIBUTED__COMM__TLS__CA_FILE for tls"
            ) from error
        except RuntimeError as error:
            self._open.close()
            own_workers.check_script()
            cause = "its workers did not start; what is done is kept"
            raise self._error(cause, "the same command, which goes on") from error
        self.slots = sum(self._client.nthreads().values())
        self._seen = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _scheduler(self) -> Any:
        count = local_workers(self.address)
        return self._open.enter_context(own_workers.started(count)) if count else self.address

    def results(
        self, tasks: Sequence[Task], worker: str | None = None, begun: Begun = _unseen
    ) -> Iterator[Result]:
        """Each task with what its child sent, in the order in which they end.

        A task whose worker is lost is begun again on another one.

        Args:
            worker: the name or the address of the one that does them; any unless given.
            begun: is called with a task's name and its machine's, each time that a worker begins it.

        Raises:
            Stopped: by SIGINT or SIGTERM; the same call goes on.
            AtalhoError: CLUSTER (exit 6), where the scheduler, all workers that had a task or all of `local:N` are lost; CLUSTER-WORKER (exit 2), where
                none has this name.
        """
        only = {} if worker is None else {"workers": [self._named(worker)]}
        # Of keys of tasks that begin, with their machine, and of futures that have ended.
        news: SimpleQueue[Any] = SimpleQueue()
        self._client.subscribe_topic(BEGUN, lambda event: news.put(event[1]))
        futures = {
            self._client.submit(
                _on_worker,
                task,
                key=f"{task.name} {digest(task.message)[:16]}",
                retries=RETRIES,
                **only,
            ): task
            for task in tasks
        }
        names = {future.key: task.name for future, task in futures.items()}
        for future in futures:
            future.add_done_callback(news.put)
        left = len(futures)
        try:
            with noted() as signals:
                while left:
                    each = self._next(news, signals)
                    if isinstance(each, dict):
                        if each["key"] in names:  # another client may have tasks there too
                            begun(names[each["key"]], each["machine"])
                        continue
                    left -= 1
                    try:
                        yield futures[each], each.result()
                    except AtalhoError as error:
                        yield futures[each], error
        except (CancelledError, OSError, self._dask.KilledWorker) as error:
            raise self._error(
                f"{type(error).__name__}; what is done is kept", "the same command, which goes on"
            ) from error

    def _next(self, news: "SimpleQueue[Any]", signals: Sequence[Exit]) -> Any:
        """The next item of a queue; raises `Stopped` after a signal, and CLUSTER where no worker is left."""
        while True:
            if signals:
                raise Stopped(signals[0])
            try:
                return news.get(timeout=TICK)
            except Empty:
                self._check_workers()

    def _check_workers(self) -> None:
        """Raises CLUSTER (exit 6), where none of this process's own workers has been there for a while."""
        now = time.monotonic()
        if not self.local or now - self._looked < LOOK:
            return
        self._looked = now
        if self._client.nthreads():
            self._seen = now
        elif now - self._seen > ABSENCE:
            cause = "its workers have ended and did not start again; what is done is kept"
            raise self._error(cause, "the same command, which goes on")

    def _named(self, worker: str) -> str:
        """The address of a worker."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        names = {str(each["name"]): address for address, each in workers.items()}
        if worker in workers:
            return worker
        if worker not in names:
            raise AtalhoError(
                "CLUSTER-WORKER",
                worker,
                f"is none of the workers at {self.address}, which are {', '.join(sorted(names)) or 'none'}",
                next_step="dask worker --name",
                exit=Exit.USAGE,
            )
        return str(names[worker])

    def _error(self, cause: str, next_step: str) -> AtalhoError:
        return AtalhoError("CLUSTER", self.address, cause, next_step=next_step, exit=Exit.RESOURCES)


def do(task: Task) -> Any:
    """Does a task in a child of this process, and returns what the child sends.

    Raises:
        AtalhoError: CLUSTER-TASK (exit 6), where the child was killed.
    """
    with Child(task.module) as child:
        child.send(task.message)
        try:
            return child.receive()
        except Ended as ended:
            raise AtalhoError(
                "CLUSTER-TASK",
                task.name,
                f"its process ended: {ended.cause}",
                next_step="the same command, which goes on",
                exit=Exit.RESOURCES,
            ) from None


def results(tasks: Iterable[Task]) -> Iterator[Result]:
    """As `Cluster.results`, one task after another in children of this process."""
    for task in tasks:
        try:
            yield task, do(task)
        except AtalhoError as error:
            yield task, error


def _on_worker(task: Task) -> Any:
    """Does a task on a worker, which says that it begins; where its child was stopped by a signal, another worker goes on."""
    from distributed import Reschedule, get_worker

    worker: Any = get_worker()
    worker.log_event(BEGUN, {"key": worker.get_current_task(), "machine": platform.node()})
    result = do(task)
    if result == STOPPED:
        raise Reschedule
    return result
