"""The splits and classes of images in archives: splits by the archives' names, as `train-00000-of-00005.parquet`."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from atalho.data.folder import Folder
from atalho.data.names import counted, first_few, label_of, split_of
from atalho.data.packed import Packed
from atalho.data.shards import shard
from atalho.errors import AtalhoError, Exit


def splits(
    root: Path, shards: Sequence[str], whole: str, kept_in: Path | None
) -> dict[str, Folder]:
    """The images of archives with their classes, by split.

    Args:
        shards: the archives' names below the root, in order.
        whole: the name of the split where no archive names one.
        kept_in: the folder in which lists of archives' members are kept; None where they are not.

    Raises:
        OSError: where an archive cannot be read.
        AtalhoError: DATA-SHARD (exit 3), for images whose class is not known, and as `shard`; DATA-SPLITS (exit 3), where some
            archives name their split and others do not.
    """
    by_split: dict[str, list[str]] = {}
    for name in shards:
        by_split.setdefault(_split(name) or whole, []).append(name)
    if whole in by_split and len(by_split) > 1:
        raise AtalhoError(
            "DATA-SPLITS",
            root,
            f"{first_few(by_split[whole])} name no split, and other archives do",
            next_step="name them as train-…, validation-… or test-…",
            exit=Exit.DATA,
        )
    return {
        split: _folder(root, by_split[split], kept_in) for split in sorted(by_split, key=_place)
    }


def _place(split: str) -> int:
    return ("train", "val", "test").index(split) if split else 0


def _split(name: str) -> str | None:
    """The split that the name of an archive, or of the folders that it lies in, means."""
    words = (word for part in reversed(name.split("/")) for word in re.split("[^A-Za-z]+", part))
    return next(filter(None, map(split_of, words)), None)


def _folder(root: Path, shards: Sequence[str], kept_in: Path | None) -> Folder:
    names = Packed()
    labels: list[str] = []
    for name in shards:
        checksum = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
        archive = shard(str(root / name), kept_in and kept_in / f"{checksum}.json")
        own = [label_of(label) for label in archive.labels if label is not None]
        if lacking := len(archive.names) - len(own):
            unlabelled = (
                n for n, label in zip(archive.names, archive.labels, strict=True) if label is None
            )
            raise AtalhoError(
                "DATA-SHARD",
                root / name,
                f"does not say the class of {counted(lacking, 'image')} ({first_few(unlabelled)})",
                next_step="KEY.cls or a class in KEY.json beside each image of a tar file, or a column of labels in Parquet",
                exit=Exit.DATA,
            )
        names.extend(f"{name}/{member}" for member in archive.names)
        labels += own
    classes = sorted({*labels})
    index = {name: place for place, name in enumerate(classes)}
    indices = np.fromiter(map(index.__getitem__, labels), np.int32, len(labels))
    order = np.argsort(indices, kind="stable")
    return Folder(root, tuple(classes), names.select(order), indices[order])
