"""A run's curves for TensorBoard, beside metrics.csv."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from atalho.errors import AtalhoError, Exit


@contextmanager
def curves(folder: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that writes a row of metrics.csv to `folder`; rows there from the first one's step on are replaced.

    Raises:
        AtalhoError: EXTRA-MISSING (exit 6), where TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise AtalhoError(
            "EXTRA-MISSING",
            "tensorboard",
            "is not installed; nothing was begun",
            next_step="pip install 'atalho[tensorboard]'",
            exit=Exit.RESOURCES,
        ) from error
    writer: SummaryWriter | None = None

    def write(row: dict[str, Any]) -> None:
        nonlocal writer
        step = row["step"]
        if writer is None:
            writer = SummaryWriter(str(folder), purge_step=step)
        for name, value in row.items():
            if name != "step":
                writer.add_scalar(name, value, step)
        writer.flush()

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
