"""The rows of metrics.csv: when one is due, which is the best, and whether they still improve."""

import csv
import io
from pathlib import Path

from atalho.files import write_atomically
from atalho.training.listeners import Row

FILE = "metrics.csv"
COLUMNS = ("step", "epoch", "lr", "train_loss", "train_top1", "val_loss", "val_top1")
LEAST_ROWS = 20
"""Rows of a run, at least; a run of more epochs has a row an epoch."""

_WORST = (-1.0, 0.0)


def _merit(row: Row) -> tuple[float, float]:
    """The key by which rows are compared: the higher validation accuracy is better, and at equal accuracy the lower loss."""
    return row["val_top1"], -row["val_loss"]


class Metrics:
    """The rows of one run.

    Args:
        steps: of the run.
        epoch: number of steps in an epoch.
        begins: whether the first row is due before the first step.
    """

    def __init__(self, steps: int, epoch: int, *, begins: bool = False) -> None:
        self.steps = steps
        self.interval = max(1, min(epoch, steps // LEAST_ROWS))
        self.rows: list[Row] = []
        self.first = 0 if begins else 1

    def due(self, step: int) -> bool:
        """Whether a row is due after so many steps and not there yet, as after a stop during its evaluation."""
        least = self.rows[-1]["step"] + 1 if self.rows else self.first
        return step >= least and (step % self.interval == 0 or step == self.steps)

    def improves(self, row: Row) -> bool:
        """Whether a new row is better on the validation split than all rows so far."""
        return _merit(row) > max(map(_merit, self.rows), default=_WORST)

    def best(self) -> Row:
        """The first of the rows that are best on the validation split; there is one."""
        return max(self.rows, key=_merit)

    def stalled(self, patience: int) -> bool:
        """Whether no row of the last `patience` epochs is better on the validation split than one before them."""
        if not self.rows:
            return False
        since: float = self.rows[-1]["epoch"] - self.best()["epoch"]
        return since >= patience

    def errors(self) -> list[float]:
        """The validation split's top-1 error of every row."""
        return [1 - row["val_top1"] for row in self.rows]

    def write(self, folder: Path) -> None:
        """Writes all rows anew, so that rows after the step that a run was resumed from are gone."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(folder / FILE, text.getvalue().encode())
