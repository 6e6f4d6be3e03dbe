"""Data sets: images with fixed, stratified, honest splits, in memory or on disk; one data set a file."""

from collections.abc import Callable
from pathlib import Path

from atalho.data import cifar, digits, photos
from atalho.data.dataset import Dataset, Progress
from atalho.data.image import Framing
from atalho.data.photos import BadImages, Warn
from atalho.errors import AtalhoError, Exit

DATASETS: dict[str, Callable[[Path, Progress], Dataset]] = {
    "digits": digits.load,
    "cifar10": cifar.cifar10,
    "cifar100": cifar.cifar100,
}


def load(
    name: str,
    data_dir: Path,
    progress: Progress = lambda done, total: None,
    *,
    framing: Framing | None = None,
    bad_images: BadImages = "error",
    warn: Warn = lambda message: None,
) -> Dataset:
    """The data set of that name, kept under `data_dir`, or the folder of photos that is there.

    Args:
        progress: told of a download's bytes, or of a folder's images as they are looked at.
        framing: how photos are brought to a network's input; other images are what they are.
        bad_images, warn: as in `photos.load`.

    Raises:
        AtalhoError: DATA-UNKNOWN (exit 2); DATA-MISSING, DATA-CHECKSUM, DATA-DOWNLOAD (exit 3); as `photos.load`.
    """
    if name in DATASETS:
        return DATASETS[name](data_dir, progress)
    if (root := Path(name)).is_dir():
        return photos.load(
            root, data_dir, progress, framing=framing, bad_images=bad_images, warn=warn
        )
    raise AtalhoError(
        "DATA-UNKNOWN",
        name,
        f"no folder and no data set of that name; there are {', '.join(DATASETS)}",
        next_step="--data digits",
        exit=Exit.USAGE,
    )
