"""Data sets: images with fixed, stratified, honest splits, in memory or on disk; one data set a file."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from atalho.data import cifar, digits, photos
from atalho.data.copies import Kind
from atalho.data.dataset import Dataset, Progress
from atalho.data.image import Framing
from atalho.data.photos import BadImages, Say
from atalho.errors import AtalhoError, Exit, wrong_option

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
    group_by: Path | None = None,
    say: Say = lambda message: None,
) -> Dataset:
    """The data set called `name`, which is kept under `data_dir`; where `name` is a folder, its photos as a data set.

    Args:
        progress: called with the bytes downloaded, or the images of a folder read, and how many there are in all.
        framings: how photos are resized and cropped to the inputs of one or more networks; other data sets' images have one size.
        bad_images, copies, group_by, say: as in `photos.load`.

    Raises:
        AtalhoError: DATA-UNKNOWN, USAGE (exit 2); DATA-MISSING, DATA-CHECKSUM, DATA-DOWNLOAD (exit 3); as `photos.load`.
    """
    root = Path(name)
    if name in DATASETS:
        if group_by:
            raise wrong_option("group-by", "it goes with a folder of photos")
        if root.is_dir() and root.resolve() != data_dir.resolve():
            say(f"{name} is the data set; the folder of that name here is --data ./{name}")
        return DATASETS[name](data_dir, progress)
    if root.is_dir():
        dataset = photos.load(
            root,
            data_dir,
            progress,
            framings=framings,
            bad_images=bad_images,
            copies=copies,
            group_by=group_by,
            say=say,
        )
        # `./` tells a folder that is named like a data set from the data set, whose published results are not the folder's.
        return replace(dataset, name=f"./{dataset.name}") if dataset.name in DATASETS else dataset
    raise AtalhoError(
        "DATA-UNKNOWN",
        name,
        f"no folder and no data set of that name; there are {', '.join(DATASETS)}",
        next_step="--data digits",
        exit=Exit.USAGE,
    )
