"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 60,000 images of 32×32 in 10 or 100 classes, in their official layouts.

The test split is the official one; a tenth of each class is taken from the 50,000 training images for validation
(He 2015, §4.2, divides CIFAR-10 into 45k/5k).
"""

import hashlib
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from atalho.data.dataset import Dataset, Progress, Split, stratified
from atalho.data.download import download
from atalho.errors import AtalhoError, Exit

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
CLASSES_100 = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach
    couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster
    house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
    pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket
    rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
    sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip
    turtle wardrobe whale willow_tree wolf woman worm
    """.split()  # noqa: SIM905  # a list of them would take a hundred lines
)
HOST = "https://www.cs.toronto.edu/~kriz"
CIFAR10_ARCHIVE = "cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"
CIFAR100_ARCHIVE = "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"
"""An archive's name and MD5, as published beside it."""

BATCHES = (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch")
#   layout: suffix, algorithm, the checksum of each batch
LAYOUTS = {
    "cifar-10-batches-bin": (
        ".bin",
        "sha1",
        (
            "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
            "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
            "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
            "aab85764eb3584312d3c7f65fd2fd016e36a258e",
            "26e2849e66a845b7f1e4614ae70f4889ae604628",
            "67eb016db431130d61cd03c7ad570b013799c88c",
        ),
    ),
    "cifar-10-batches-py": (
        "",
        "md5",
        (
            "c99cafc152244af753f735de768cd75f",
            "d4bba439e000b95fd0a9bffe97cbabec",
            "54ebc095f3ab1f0389bbae665268c751",
            "634d18415352ddfa80567beed471001a",
            "482c414d41f54cd18b22e5b47cb7c3cb",
            "40351d587109b95175f43aff81a1287e",
        ),
    ),
}


CIFAR100_FOLDER = "cifar-100-python"
CIFAR100_FILES = {
    "train": "16019d7e3df5f24257cddd939b257f8d",
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    "meta": "7973b15100ade9c7d40fb424638fde48",
}
"""MD5 of each file. Those of the binary layout's files are not published, so it is not read."""


def cifar10(data_dir: Path, progress: Progress) -> Dataset:
    """CIFAR-10 from under `data_dir`, downloaded where it is not there; every file's checksum is compared before it is used."""
    folder = next((data_dir / name for name in LAYOUTS if (data_dir / name).is_dir()), None)
    if folder is None:
        _fetch(*CIFAR10_ARCHIVE, data_dir, progress)  # the binary layout, which needs no pickle
        folder = data_dir / "cifar-10-batches-bin"
    suffix, algorithm, checksums = LAYOUTS[folder.name]
    batches = [
        _decode(_checked(folder / f"{name}{suffix}", algorithm, checksum), pickled=not suffix)
        for name, checksum in zip(BATCHES, checksums, strict=True)
    ]
    train = Split(
        torch.cat([images for images, _ in batches[:5]]),
        torch.cat([labels for _, labels in batches[:5]]),
    )
    return _dataset("cifar10", CLASSES, train, batches[5])


def cifar100(data_dir: Path, progress: Progress) -> Dataset:
    """CIFAR-100 with its 100 fine labels, downloaded and checked as CIFAR-10; the classes' names come from its file `meta`."""
    folder = data_dir / CIFAR100_FOLDER
    if not folder.is_dir():
        _fetch(*CIFAR100_ARCHIVE, data_dir, progress)
    train, test, meta = (
        _unpickled(_checked(folder / name, "md5", checksum))
        for name, checksum in CIFAR100_FILES.items()
    )
    classes = tuple(name.decode() for name in meta[b"fine_label_names"])
    splits = (_split(part[b"fine_labels"], part[b"data"]) for part in (train, test))
    return _dataset("cifar100", classes, *splits)


def _dataset(name: str, classes: tuple[str, ...], train: Split, test: Split) -> Dataset:
    divided = stratified(train, {"val": 0.1, "train": 0.9})
    held_out = len(divided["val"].labels) // len(classes)
    return Dataset(
        name,
        classes,
        {**divided, "test": test},
        mirror=True,
        note=f"the official test set; validation is {held_out} training images of each class",
    )


def _checked(path: Path, algorithm: str, expected: str) -> bytes:
    """The file's bytes, once their checksum is the published one: only then is a pickle safe to open."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AtalhoError(
            "DATA-MISSING",
            path,
            f"cannot be read ({error.strerror}); the data set is not whole",
            next_step="remove its folder and run again to download it, or choose --data-dir",
            exit=Exit.DATA,
        ) from error
    actual = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    if actual != expected:
        raise AtalhoError(
            "DATA-CHECKSUM",
            path,
            f"{algorithm} is {actual}, not the published {expected}; the file is damaged and was not used",
            next_step="remove its folder and run again to download it",
            exit=Exit.DATA,
        )
    return data


def _decode(data: bytes, *, pickled: bool) -> Split:
    """One batch of 10,000 images, from either layout: a label and 3,072 bytes, planes of red, green and blue."""
    if pickled:
        content = _unpickled(data)
        return _split(content[b"labels"], content[b"data"])
    rows = np.frombuffer(data, np.uint8).reshape(-1, 1 + 3072)
    return _split(rows[:, 0], rows[:, 1:])


def _unpickled(checked: bytes) -> dict[bytes, Any]:
    """The content of a file whose checksum is the published one."""
    content: dict[bytes, Any] = pickle.loads(checked, encoding="bytes")
    return content


def _split(labels: ArrayLike, pixels: NDArray[np.uint8]) -> Split:
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return Split(
        torch.from_numpy(np.ascontiguousarray(images)),
        torch.from_numpy(np.asarray(labels, np.int64)),
    )


def _fetch(name: str, md5: str, data_dir: Path, progress: Progress) -> None:
    """Downloads an archive and unpacks it under `data_dir`."""
    archive = data_dir / name
    download(f"{HOST}/{name}", archive, md5=md5, progress=progress)
    with tarfile.open(archive) as tar:
        tar.extractall(data_dir, filter="data")
    archive.unlink()
