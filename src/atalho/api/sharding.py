"""Many pictures classified by the workers of a cluster, a shard of them at a time."""

import time
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atalho.api import work
from atalho.api.reporting import Reporter
from atalho.conditions import digest
from atalho.errors import AtalhoError, Exit, printable
from atalho.evaluation.predicting import Prediction
from atalho.evaluation.shard import Shard, folder, shards
from atalho.runtime.cluster import Cluster, Task

CHILD = "atalho.api.shard_child"

PATIENCE = 90.0
"""Seconds until a file that another machine has written must be seen here; NFS remembers for a minute that there was none."""


@dataclass(frozen=True)
class Sharding:
    """How pictures are classified on workers.

    Args:
        message: what every task must know beside its shard, as JSON: the predictions depend on nothing else.
        batch: images that the network has at a time.
    """

    workers: Cluster
    message: dict[str, Any]
    batch: int
    reporter: Reporter

    def predictions(
        self, pictures: Sequence[str], output: Path, done: Container[str] = ()
    ) -> Iterator[Prediction]:
        """The prediction of each picture, in order; shards of an earlier call that was stopped are not classified again.

        Args:
            output: the file beside which the shards' files lie.
            done: pictures that are left out; shards begin where they would without.

        Raises:
            AtalhoError: as `Cluster.results`; the first error of a shard, once all others have ended.
        """
        key = [self.message, self.batch, self.workers.threads]
        every = shards(pictures, self.batch, folder(output), lambda part: digest([key, *part])[:32])
        due = [each for each in every if any(name not in done for name in each.pictures)]
        left = {_name(each): each for each in due if not each.finished}
        errors: list[AtalhoError] = []
        results = self._results({**left})
        for shard in due:
            while _name(shard) in left:
                name, value = next(results)
                if isinstance(value, AtalhoError):
                    errors.append(value)
                del left[name]
            if not errors:
                yield from (p for p in _seen(shard).predictions() if p.path not in done)
        if errors:
            raise errors[0]

    def _results(self, left: dict[str, Shard]) -> Iterator[tuple[str, Any]]:
        """The name of each shard with its error or what its process sent, as they end."""
        if not left:
            return
        message = work.message(**self.message, batch=self.batch)
        tasks = [
            Task(name, CHILD, {**message, "file": str(each.file), "pictures": each.pictures})
            for name, each in left.items()
        ]
        results = work.on_workers(self.workers, tasks, "shards", self.reporter.say)
        for number, (name, value) in enumerate(results, start=1):
            if isinstance(value, AtalhoError):
                text = str(value)
            else:
                text = f"{value['seconds']:.1f} s on {printable(value['machine'])}"
            self.reporter.say(f"[{number}/{len(tasks)}] {name}: {text}")
            yield name, value


def _name(shard: Shard) -> str:
    first = shard.first + 1
    return f"pictures {first:,} to {shard.first + len(shard.pictures):,}"


def _seen(shard: Shard) -> Shard:
    """A finished shard, once its file is seen here."""
    end = time.monotonic() + PATIENCE
    while not shard.finished:
        if time.monotonic() > end:
            raise AtalhoError(
                "CLUSTER-FOLDER",
                shard.file.parent,
                "is not the same folder on the workers: what they have written is not here",
                next_step="--output in a folder that all machines see",
                exit=Exit.RESOURCES,
            )
        time.sleep(1)
    return shard
