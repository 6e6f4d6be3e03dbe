"""The processes that train one network together, as torchrun starts them; a single process without torchrun."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed
from torch.distributed.distributed_c10d import PrefixStore, ProcessGroup
from torch.distributed.rendezvous import rendezvous

from atalho.errors import AtalhoError, Exit
from atalho.runtime.torchrun import JOINED, started_together

Result = TypeVar("Result")

PATIENCE = timedelta(minutes=10)
"""How long a process waits for the others' part in a step before it gives up."""

UNLIMITED = timedelta(days=365)
"""How long a process waits for what another one does alone, such as reading a million photos for the first time."""

NOTICE = 5.0
"""Seconds that a process waits for what another one does alone before it says so."""

AGAIN = 60.0
"""Seconds after which it says so again."""

GLOO = ("gloo/transport", "gloo\\transport")
"""Where the messages of gloo's errors come from: they are RuntimeErrors like any other."""


@dataclass(frozen=True)
class World:
    """One process among `size` that train together; the one of rank 0 is the main process, which alone writes and prints.

    Attributes:
        rank: of this process among all.
        local_rank: among those of its machine.
        patient: the group of all processes that wait without a limit for what one does alone; None for a single process.
        say: is called with a line when this process has waited for some time, and then once a minute; in whatever thread.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    patient: ProcessGroup | None = None
    say: Callable[[str], None] = lambda line: None

    @property
    def main(self) -> bool:
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Overwrites the tensors of every process with their means over all processes."""
        if self.size > 1 and tensors:
            flat = torch.cat([each.flatten() for each in tensors])
            distributed.all_reduce(flat)
            parts = (flat / self.size).split([each.numel() for each in tensors])
            for each, mean in zip(tensors, parts, strict=True):
                each.copy_(mean.view_as(each))

    def take_from_main(self, tensors: Iterable[Tensor]) -> None:
        """Overwrites the tensors of all processes with those of the main process."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def from_main(self, function: Callable[[], Result]) -> Result:
        """Calls `function` in the main process alone and returns its result in all of them, which wait for it without a limit.

        Raises:
            AtalhoError: what `function` raises, in the main process; the others end with its exit code.
        """
        if self.size == 1:
            return function()
        outcome: list[object] = [None]
        if self.main:
            try:
                outcome = [function()]
            except AtalhoError as error:
                outcome = [error]
        distributed.broadcast_object_list(outcome, group=self.patient)
        result: Result = _unless_failed(outcome[0], raises=self.main)
        return result

    def first_here(self, function: Callable[[], Result], work: str) -> Result:
        """Calls `function` in every process and returns its result.

        The first process of each machine calls it before the others, which wait for it without a limit, and find the files that
        it has written.

        Args:
            work: what `function` does, for the lines of those that wait.

        Raises:
            AtalhoError: what `function` raises, in the first process of the machine; the others end with its exit code.
        """
        if self.size == 1:
            return function()
        first = self.local_rank == 0
        outcome: object = None
        for turn in (True, False):
            if turn == first:
                try:
                    outcome = function()
                except AtalhoError as error:
                    outcome = error
            with self._waiting(work):
                distributed.barrier(self.patient)
        result: Result = _unless_failed(outcome, raises=first)
        return result

    @contextmanager
    def _waiting(self, work: str) -> Iterator[None]:
        """A context in which this process waits for others, and says for what."""
        begun, ended = time.monotonic(), Event()

        def say() -> None:
            pause = NOTICE
            while not ended.wait(pause):
                seconds = time.monotonic() - begun
                since = f"{seconds:.0f} s" if seconds < AGAIN else f"{seconds // 60:.0f} min"
                self.say(
                    f"process {self.rank} of {self.size} has waited {since} for another one: {work}"
                )
                pause = AGAIN

        thread = Thread(target=say, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _unless_failed(outcome: object, *, raises: bool) -> Any:
    """The outcome, unless it is an error: that is raised, or only ends this process with its exit code."""
    if isinstance(outcome, AtalhoError):
        raise outcome if raises else SystemExit(outcome.exit)
    return outcome


ALONE = World()
"""The only process, without torchrun."""


def restarts() -> int:
    """How often torchrun has started the processes again, after one died."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def restarted() -> bool:
    """Whether torchrun has started the processes again at least once, after one died."""
    return restarts() > 0


@contextmanager
def joined(device: torch.device, say: Callable[[str], None] = lambda line: None) -> Iterator[World]:
    """A context in which this process can exchange tensors with the others that torchrun started; without torchrun, `ALONE`.

    Args:
        say: as of `World`.

    Raises:
        AtalhoError: PROCESS-LOST (exit 6), where another process has ended, or does not take part in a step for ten minutes.
    """
    if not started_together():
        yield ALONE
        return
    try:
        backend = "nccl" if device.type == "cuda" else "gloo"
        store, rank, size = next(iter(rendezvous("env://", timeout=PATIENCE)))
        # torchrun's store survives a restart: without a prefix of its own, this start would read the addresses of dead processes.
        own = PrefixStore(f"start {restarts()}", store)
        distributed.init_process_group(
            backend, store=own, rank=rank, world_size=size, timeout=PATIENCE
        )
        JOINED.set()
        patient = cast(ProcessGroup, distributed.new_group(backend="gloo", timeout=UNLIMITED))
        yield World(
            distributed.get_rank(),
            distributed.get_world_size(),
            int(os.environ["LOCAL_RANK"]),
            patient,
            say,
        )
    except RuntimeError as error:
        if not _is_of_a_lost_process(error):
            raise
        raise AtalhoError(
            "PROCESS-LOST",
            f"process {os.environ['RANK']} of {os.environ['WORLD_SIZE']}",
            "another process has ended, or has not taken part for ten minutes; what is saved is kept",
            next_step="the same command with --resume, or torchrun's --max-restarts",
            exit=Exit.RESOURCES,
        ) from error
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _is_of_a_lost_process(error: RuntimeError) -> bool:
    """Whether torch.distributed raised an error since a process has ended or does not take part."""
    of_gloo = any(each in str(error) for each in GLOO)
    return isinstance(error, distributed.DistError) or of_gloo
