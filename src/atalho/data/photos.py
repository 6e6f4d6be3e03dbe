"""A folder of photos as a data set: every file known by its content, split once, decoded when it is needed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

from atalho.data import folder
from atalho.data.copies import Fingerprint, groups
from atalho.data.dataset import Dataset, Progress, Split, divided
from atalho.data.folder import Folder, decoded, some
from atalho.data.image import Framing
from atalho.data.manifest import Seen, read_files
from atalho.errors import AtalhoError, Exit, printable

T = TypeVar("T")
Photos = tuple["Photo", ...]
BadImages = Literal["error", "skip"]
Warn = Callable[[str], None]

FRAMING = Framing((3, 224, 224), crop_pct=0.875)
"""Unless another is asked for: 224 pixels of 256, as the papers on ImageNet crop."""

SHARES = {"val": 0.15, "test": 0.15, "train": 0.7}
SAMPLE = 1000
"""Photos over which statistics are taken."""


class Photo(NamedTuple):
    """An image of a folder that can be read.

    Attributes:
        label: index of its class.
        sha256: of the file.
        size: (width, height), upright.
    """

    path: Path
    label: int
    class_name: str
    sha256: str
    size: tuple[int, int]
    fingerprint: Fingerprint


@dataclass(frozen=True)
class OnDisk:
    """A split of photos that are decoded when they are needed."""

    photos: Photos
    framing: Framing

    @cached_property
    def labels(self) -> Tensor:
        return torch.tensor([photo.label for photo in self.photos], dtype=torch.int64)

    def framed(self, framing: Framing) -> "OnDisk":
        return OnDisk(self.photos, framing)

    def select(self, index: Tensor) -> "OnDisk":
        return OnDisk(tuple(self.photos[place] for place in index.tolist()), self.framing)

    def join(self, other: "OnDisk") -> "OnDisk":
        return OnDisk(self.photos + other.photos, self.framing)

    def batches(self, size: int) -> Iterator[Split]:
        """The split in its order, framed, `size` images at a time.

        Raises:
            AtalhoError: as `image.read`, for a photo that can no longer be read.
        """
        images: list[Tensor] = []
        labels = iter(self.labels.split(size))
        for image in decoded((photo.path for photo in self.photos), self.framing):
            if isinstance(image, AtalhoError):
                raise image
            images.append(image)
            if len(images) == min(size, len(self.photos)):
                yield Split(torch.stack(images), next(labels))
                images = []
        if images:
            yield Split(torch.stack(images), next(labels))

    def sample(self) -> Tensor:
        """At most 1,000 photos, framed, the first by the SHA-256 of their files: more would hardly change a statistic."""
        order = sorted(range(len(self.photos)), key=lambda place: self.photos[place].sha256)
        chosen = self.select(torch.tensor(order[:SAMPLE]))
        return next(chosen.batches(SAMPLE)).images

    def contents(self) -> Iterator[bytes]:
        # The count says where a split ends.
        yield f"{len(self.photos)}\n".encode()
        for photo in self.photos:
            yield f"{photo.sha256} {photo.class_name}\n".encode()

    def folder(self, root: Path, classes: tuple[str, ...]) -> Folder:
        """The photos as a listed folder."""
        return Folder(root, classes, tuple((photo.path, photo.label) for photo in self.photos))


def load(
    root: Path,
    data_dir: Path,
    progress: Progress,
    *,
    framing: Framing | None,
    bad_images: BadImages,
    warn: Warn,
) -> Dataset:
    """A folder's images in `train`, `val` and `test`.

    Classes in folders are divided by content, every class in the same shares, copies of one picture on one side. Of split folders
    that are given, nothing is moved: `val` is divided from `train` where `test` or `val` is missing, and a given `val` is then read
    as `test`; copies on both sides are told to `warn`.

    Args:
        data_dir: where the manifest is kept.
        progress: told of the files that are read, before anything else.
        bad_images: whether images that cannot be read end it or are left out; `warn` is told of each.

    Raises:
        AtalhoError: (exit 3) BAD-IMAGES; DATA-CLASSES for split folders with different classes; DATA-FEW for a class with too
            few images to divide; as `folder.scan_splits`; DATA-DIR (exit 2).
    """
    given = folder.scan_splits(root) or {"train": folder.scan(root)}
    classes = _classes(root, given)
    if "train" not in given:
        raise AtalhoError(
            "DATA-EMPTY",
            root,
            f"holds images of the split {' and '.join(given)} alone, and none to train on",
            next_step="a folder train beside them",
            exit=Exit.DATA,
        )
    found = _photos(root, given, data_dir, progress, bad_images, warn)
    photos = [*chain.from_iterable(found.values())]
    same = groups([each.sha256 for each in photos], [each.fingerprint for each in photos])
    numbers = iter(same)
    sides = {split: {next(numbers) for _ in part} for split, part in found.items()}
    if across := sum(n > 1 for n in Counter(chain.from_iterable(sides.values())).values()):
        warn(f"{printable(root)}: {across} pictures are in more than one of {', '.join(found)}")
    splits, note = _divided(root, found, same, classes)
    ordered = {split: OnDisk(splits[split], framing or FRAMING) for split in folder.SPLITS}
    return Dataset(root.resolve().name, classes, ordered, mirror=True, note=note)


def as_given(folders: Mapping[str, T]) -> dict[str, T]:
    """What is taken as it is of split folders: all of them, or one to test on, which `val` is where there is no other."""
    if {"val", "test"} <= {*folders}:
        return {**folders}
    test = next((folders[name] for name in ("test", "val") if name in folders), None)
    return {} if test is None else {"test": test}


def _classes(root: Path, given: Mapping[str, Folder]) -> tuple[str, ...]:
    """The classes that all splits have."""
    names = dict.fromkeys(chain.from_iterable(part.classes for part in given.values()))
    missing = {
        part.root.name: lacking
        for part in given.values()
        if (lacking := [name for name in names if name not in part.classes])
    }
    if missing:
        lacks = "; ".join(
            f"{split} lacks {', '.join(lacking)}" for split, lacking in missing.items()
        )
        raise AtalhoError(
            "DATA-CLASSES",
            root,
            f"its split folders have different classes: {lacks}",
            next_step="the same class folders in each of them",
            exit=Exit.DATA,
        )
    return tuple(sorted(names))


def _photos(
    root: Path,
    given: Mapping[str, Folder],
    data_dir: Path,
    progress: Progress,
    bad_images: BadImages,
    warn: Warn,
) -> dict[str, Photos]:
    """The images of every split folder that can be read."""
    files = [path for part in given.values() for path, _ in part.images]
    entries = iter(read_files(root, files, data_dir, progress))
    found: dict[str, list[Photo]] = {}
    bad: list[str] = []
    for split, part in given.items():
        photos = found.setdefault(split, [])
        for (path, label), entry in zip(part.images, entries, strict=False):
            if isinstance(entry.seen, Seen):
                name = part.classes[label]
                photos.append(Photo(path, label, name, entry.sha256, *entry.seen))
            else:
                bad.append(entry.path)
                warn(printable(f"{path}: {entry.seen}"))
    if bad and bad_images == "error":
        raise AtalhoError(
            "BAD-IMAGES",
            root,
            f"{len(bad)} of its {len(files)} images cannot be used ({some(bad)}); all are named above, and nothing was begun",
            next_step="mend or remove them, or --bad-images skip to leave them out",
            exit=Exit.DATA,
        )
    return {split: tuple(photos) for split, photos in found.items()}


def _divided(
    root: Path, found: Mapping[str, Photos], same: Sequence[int], classes: tuple[str, ...]
) -> tuple[dict[str, Photos], str]:
    """All three splits, and how they came to be.

    Args:
        same: a number for every photo of `found` in turn, equal for copies.
    """
    train, given = found["train"], as_given(found)
    if "val" in given:
        return given, "split as its folders are"
    test = given.get("test")
    shares = SHARES if test is None else {"val": SHARES["val"], "train": 1 - SHARES["val"]}
    # `train` is the first of `found`, so that its photos have the first numbers.
    parts = _divide(root, train, same, shares, classes)
    said = "divided by content, with copies of a picture on one side"
    if test is None:
        return parts, f"70 % for training, 15 % for validation, 15 % for testing, {said}"
    role = "test" if "test" in found else "validation"
    note = f"tested on its {role} folder; validation is 15 % of its training folder, {said}"
    return {**parts, "test": test}, note


def _divide(
    root: Path,
    photos: Photos,
    same: Sequence[int],
    shares: Mapping[str, float],
    classes: tuple[str, ...],
) -> dict[str, Photos]:
    keys = [bytes.fromhex(photo.sha256) for photo in photos]
    parts = divided(keys, [photo.label for photo in photos], same, shares)
    split = {name: tuple(photos[place] for place in part.tolist()) for name, part in parts.items()}
    present = [{photo.class_name for photo in part} for part in split.values()]
    if lacking := [name for name in classes if not all(name in part for part in present)]:
        raise AtalhoError(
            "DATA-FEW",
            root,
            f"{len(lacking)} of its {len(classes)} classes have too few different images to be in {', '.join(shares)} ({some(lacking)})",
            next_step=f"{len(shares)} images or more in every class; copies of a picture count once",
            exit=Exit.DATA,
        )
    return split
