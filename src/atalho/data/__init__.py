"""Data sets: images in memory with fixed, stratified, honest splits; one data set a file."""

from collections.abc import Callable
from pathlib import Path

from atalho.data import cifar, digits
from atalho.data.dataset import Dataset, Progress
from atalho.errors import AtalhoError, Exit

DATASETS: dict[str, Callable[[Path, Progress], Dataset]] = {
    "digits": digits.load,
    "cifar10": cifar.cifar10,
    "cifar100": cifar.cifar100,
}


def load(name: str, data_dir: Path, progress: Progress = lambda done, total: None) -> Dataset:
    """The data set of that name, kept under `data_dir`; `progress` is told of a download's bytes.

    Raises:
        AtalhoError: DATA-UNKNOWN (exit 2); DATA-MISSING, DATA-CHECKSUM, DATA-DOWNLOAD (exit 3).
    """
    if name not in DATASETS:
        raise AtalhoError(
            "DATA-UNKNOWN",
            name,
            f"no data set of that name; there are {', '.join(DATASETS)}",
            next_step="--data digits",
            exit=Exit.USAGE,
        )
    return DATASETS[name](data_dir, progress)
