"""What a training run measures of its network every so many steps: the gradient's norm at every row, and the layers' responses."""

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
    """Measures a network during its training, and describes the file that the records are kept in.

    Weights, gradients, statistics, modes and generators are left as they were, so the steps that follow have the same bits.

    Args:
        subject: the network's name.
        every: steps between two measurements; the first one is made before the first step.
        batch: the images that the network is run on, the same every time.
        conditions: of all the records, the same as those of `atalho diagnose`.
        file: where the run keeps the records.
    """

    subject: str
    every: int
    batch: Batch
    auxiliary_weight: float
    conditions: Mapping[str, Any]
    file: Path

    def look(self, model: nn.Module, step: int) -> list[Record]:
        """The records of the gradient's profile and of the responses after `step` steps.

        Raises:
            ValueError: where a measured value is NaN or infinite.
        """
        conditions = {**self.conditions, "moment": str(step), "step": step, "at": record.now()}
        return [
            *flow.records(self.subject, model, self.batch, self.auxiliary_weight, **conditions),
            *responses.records(self.subject, model, self.batch, **conditions),
        ]

    def rewind(self, step: int) -> None:
        """Removes the records from `step` on: a run that is resumed from there measures them again."""
        if self.file.exists():
            earlier = [r for r in record.read(self.file) if r.conditions["step"] < step]
            write_atomically(self.file, record.lines(earlier))
