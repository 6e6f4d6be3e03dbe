"""Data sets: images with fixed, stratified, honest splits, in memory or on disk; one data set a file."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from atalho.data import cifar, digits, photos
from atalho.data.copies import Kind
from atalho.data.dataset import Dataset, Progress
from atalho.data.image import Framing
from atalho.data.photos import BadImages, Say
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
    framings: Sequence[Framing] = (photos.FRAMING,),
    bad_images: BadImages = "error",
    copies: Kind = "similar",
    say: Say = lambda message: None,
) -> Dataset:
    """The data set of that name, kept under `data_dir`, or the folder of photos that is there.

    Args:
        progress: told of a download's bytes, or of a folder's images as they are looked at.
        framings: how photos are brought to the inputs of one or more networks; other images are what they are.
        bad_images, copies, say: as in `photos.load`.

    Raises:
        AtalhoError: DATA-UNKNOWN (exit 2); DATA-MISSING, DATA-CHECKSUM, DATA-DOWNLOAD (exit 3); as `photos.load`.
    """
    root = Path(name)
    if name in DATASETS:
        if root.is_dir() and root.resolve() != data_dir.resolve():
            say(f"{name} is the data set; the folder of that name here is --data ./{name}")
        return DATASETS[name](data_dir, progress)
    if root.is_dir():
        found = photos.load(
            root,
            data_dir,
            progress,
            framings=framings,
            bad_images=bad_images,
            copies=copies,
            say=say,
        )
        # What was published of a data set is not about a folder that happens to be named so.
        return replace(found, name=f"./{found.name}") if found.name in DATASETS else found
    raise AtalhoError(
        "DATA-UNKNOWN",
        name,
        f"no folder and no data set of that name; there are {', '.join(DATASETS)}",
        next_step="--data digits",
        exit=Exit.USAGE,
    )
