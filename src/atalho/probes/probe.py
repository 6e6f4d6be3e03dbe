"""What a training run looks at every so many steps: the gradient's norm at every row, and the layers' responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from atalho import record
from atalho.files import write_atomically
from atalho.probes import flow, responses
from atalho.probes.passes import Batch
from atalho.record import Record

FILE = "probe.jsonl"
IMAGES = 64  # at most


@dataclass(frozen=True)
class Probe:
    """Measures a run's network on its way, and keeps the records in a file of their own.

    Weights, gradients, statistics, modes and generators are left as they were: the step after it has the same bits.

    Args:
        subject: the network's name.
        every: steps from one moment to the next; the first is before any.
        batch: what the network is shown, the same at every moment.
        conditions: of all the records, as `atalho diagnose` states them.
    """

    subject: str
    every: int
    batch: Batch
    auxiliary_weight: float
    conditions: Mapping[str, Any]
    file: Path

    def look(self, model: nn.Module, step: int) -> list[Record]:
        """The gradient's profile and the responses after so many steps, from one pass of each kind.

        Raises:
            ValueError: where a value is no finite number.
        """
        given = {**self.conditions, "moment": str(step), "step": step, "at": record.now()}
        return [
            *flow.records(self.subject, model, self.batch, self.auxiliary_weight, **given),
            *responses.records(self.subject, model, self.batch, **given),
        ]

    def rewind(self, step: int) -> None:
        """Removes the records from `step` on: a run that is resumed from there measures them again."""
        if self.file.exists():
            kept = [r for r in record.read(self.file) if r.conditions["step"] < step]
            write_atomically(self.file, "".join(f"{r.to_json()}\n" for r in kept).encode())
