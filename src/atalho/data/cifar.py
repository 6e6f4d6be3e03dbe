"""CIFAR-10 (Krizhevsky 2009): 60,000 images of 32×32 in ten classes, in either of its official layouts.

The test split is the official one; 500 images of each class are taken from the 50,000 training images for validation
(He 2015, §4.2, divides 45k/5k).
"""

import hashlib
import pickle
import tarfile
from pathlib import Path

import numpy as np
import torch

from atalho.data.dataset import Dataset, Progress, Split, stratified
from atalho.data.download import download
from atalho.errors import AtalhoError, Exit

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # as published beside it

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


def load(data_dir: Path, progress: Progress) -> Dataset:
    """CIFAR-10 from under `data_dir`, downloaded where it is not there; every file's checksum is compared first."""
    folder = next((data_dir / name for name in LAYOUTS if (data_dir / name).is_dir()), None)
    if folder is None:
        folder = _fetch(data_dir, progress)
    suffix, algorithm, checksums = LAYOUTS[folder.name]
    batches = [
        _decode(_checked(folder / f"{name}{suffix}", algorithm, checksum), pickled=not suffix)
        for name, checksum in zip(BATCHES, checksums, strict=True)
    ]
    train = Split(
        torch.cat([images for images, _ in batches[:5]]),
        torch.cat([labels for _, labels in batches[:5]]),
    )
    return Dataset(
        "cifar10",
        CLASSES,
        {**stratified(train, {"val": 0.1, "train": 0.9}), "test": batches[5]},
        mirror=True,
        note="the official test set; validation is 500 training images of each class",
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
    found = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    if found != expected:
        raise AtalhoError(
            "DATA-CHECKSUM",
            path,
            f"{algorithm} is {found}, not the published {expected}; the file is damaged and was not used",
            next_step="remove its folder and run again to download it",
            exit=Exit.DATA,
        )
    return data


def _decode(data: bytes, *, pickled: bool) -> Split:
    """One batch of 10,000 images, from either layout: a label and 3,072 bytes, planes of red, green and blue."""
    if pickled:
        content = pickle.loads(data, encoding="bytes")  # its checksum is the published one
        labels, pixels = np.asarray(content[b"labels"]), content[b"data"]
    else:
        rows = np.frombuffer(data, np.uint8).reshape(-1, 1 + 3072)
        labels, pixels = rows[:, 0], rows[:, 1:]
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return Split(
        torch.from_numpy(np.ascontiguousarray(images)),
        torch.from_numpy(labels.astype(np.int64)),
    )


def _fetch(data_dir: Path, progress: Progress) -> Path:
    """Downloads and unpacks the binary layout, which needs no pickle."""
    archive = data_dir / URL.rpartition("/")[2]
    download(URL, archive, md5=ARCHIVE_MD5, progress=progress)
    with tarfile.open(archive) as tar:
        tar.extractall(data_dir, filter="data")
    archive.unlink()
    return data_dir / "cifar-10-batches-bin"
