"""A folder of photos as a data set: every file known by its content, split once, decoded when it is needed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from atalho.data.copies import Kind, find, in_two_classes
from atalho.data.dataset import Dataset, Progress, Split, divided
from atalho.data.folder import Folder, decoded
from atalho.data.image import WHITE, Framing
from atalho.data.layout import WHOLE, Layout, check_trainable, layout
from atalho.data.manifest import Contents, read_files
from atalho.data.names import SPLITS, counted, some
from atalho.errors import AtalhoError, Exit, printable

T = TypeVar("T")
Photos = tuple["Photo", ...]
BadImages = Literal["error", "skip"]
Say = Callable[[str], None]

FRAMING = Framing((3, 224, 224), crop_pct=0.875)
"""Unless another is asked for: 224 pixels of 256, as the papers on ImageNet crop."""

SHARES = {"val": 0.15, "test": 0.15, "train": 0.7}
DIVIDED = "divided by content"
SAMPLE = 1000  # photos over which statistics are taken


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
    sha256: bytes
    size: tuple[int, int]


@dataclass(frozen=True)
class OnDisk:
    """A split of photos that are decoded when they are needed."""

    photos: Photos
    framing: Framing

    @cached_property
    def labels(self) -> Tensor:
        return torch.tensor([photo.label for photo in self.photos], dtype=torch.int64)

    def framed(self, framing: Framing) -> "OnDisk":
        return OnDisk(self.photos, replace(framing, white=self.framing.white))

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
            yield f"{photo.sha256.hex()} {photo.class_name}\n".encode()

    def folder(self, root: Path, classes: tuple[str, ...]) -> Folder:
        """The photos as a listed folder."""
        return Folder(root, classes, tuple((photo.path, photo.label) for photo in self.photos))


def load(
    root: Path,
    data_dir: Path,
    progress: Progress,
    *,
    framings: Sequence[Framing],
    bad_images: BadImages,
    copies: Kind,
    say: Say,
) -> Dataset:
    """A folder's images in `train`, `val` and `test`.

    Classes in folders are divided by content, every class in the same shares, copies of one picture on one side. Of split folders
    that are given, nothing is moved: `val` is divided from `train` where `test` or `val` is missing, and a given `val` is then read
    as `test`.

    Args:
        data_dir: where the manifest is kept.
        framings: those that the photos will be seen in, each of which they must fit; the first is the data set's own.
        progress: told of the files that are read, before anything else.
        bad_images: whether images that cannot be used end it or are left out.
        copies: which pictures are kept together.
        say: called with what was found in the folder and what was left out of it, a line each: before files are read with classes,
            splits and counts, and after with every image that cannot be used, and with copies.

    Raises:
        AtalhoError: (exit 3) BAD-IMAGES; DATA-FEW for a class with too few images to divide; as `layout` and `check_trainable`;
            DATA-DIR (exit 2).
    """
    found = layout(root)

    def tell(line: str) -> None:
        say(printable(line))

    tell(found.describe())
    if unread := found.unread():
        tell(unread)
    check_trainable(found)
    given = {"train" if split == WHOLE else split: part for split, part in found.splits.items()}
    for split in found.splits if found.split else ():
        if lacking := found.lacking(split):
            tell(f"{root}: {split} has no images of {some(lacking, 10)}")
    photos, contents, bad = _read(root, found, given, framings, data_dir, progress)
    for path, cause in bad:
        tell(f"{path}: {cause}")
    if bad and bad_images == "error":
        named = some(str(path.relative_to(root)) for path, _ in bad)
        raise AtalhoError(
            "BAD-IMAGES",
            root,
            f"{len(bad)} of its {len(bad) + len(contents.sizes)} images cannot be used ({named}); all are named above, and nothing was begun",
            next_step="mend or remove them, or --bad-images skip to leave them out",
            exit=Exit.DATA,
        )
    joined = _copies(root, photos, contents, copies, tell)
    splits, note = _divided(root, photos, joined, found.classes)
    if copies != "off":
        note = note.replace(DIVIDED, f"{DIVIDED}, with copies of a picture on one side")
    sizes = ", ".join(f"{split} {len(splits[split]):,}" for split in SPLITS)
    if contents.white != WHITE:
        tell(f"{root}: grey levels go up to {contents.brightest.max()}: {contents.white} is white")
    tell(f"{root}: {sizes}: {note}")
    framing = replace(framings[0], white=contents.white)
    ordered = {split: OnDisk(splits[split], framing) for split in SPLITS}
    return Dataset(
        root.resolve().name, found.classes, ordered, mirror=True, note=note, copies=copies
    )


def as_given(folders: Mapping[str, T]) -> dict[str, T]:
    """What is taken as it is of split folders: all of them, or one to test on, which `val` is where there is no other."""
    if {"val", "test"} <= {*folders}:
        return {**folders}
    test = next((folders[name] for name in ("test", "val") if name in folders), None)
    return {} if test is None else {"test": test}


def _read(
    root: Path,
    found: Layout,
    given: Mapping[str, Folder],
    framings: Sequence[Framing],
    data_dir: Path,
    progress: Progress,
) -> tuple[dict[str, Photos], Contents, list[tuple[Path, str]]]:
    """The images of every split that can be used, what is in them in their order, and why others cannot be."""
    start = len(str(root / "_")) - 1
    names = [str(path)[start:] for part in given.values() for path, _ in part.images]
    contents = read_files(root, names, data_dir, progress)
    bad = dict(chain(*(_unfit(contents, framing) for framing in framings))) | contents.bad
    index = {name: place for place, name in enumerate(found.classes)}
    sizes = contents.sizes.tolist()
    photos: dict[str, list[Photo]] = {}
    refused = []
    rows = count()
    for split, part in given.items():
        kept = photos.setdefault(split, [])
        for (path, label), row in zip(part.images, rows, strict=False):
            if row in bad:
                refused.append((path, bad[row]))
                continue
            name = part.classes[label]
            width, height = sizes[row]
            kept.append(
                Photo(path, index[name], name, contents.sha256[row].tobytes(), (width, height))
            )
    usable = np.array([row not in bad for row in range(len(names))], bool)
    return {split: tuple(kept) for split, kept in photos.items()}, contents.only(usable), refused


def _unfit(contents: Contents, framing: Framing) -> Iterator[tuple[int, str]]:
    """The rows of pictures that cannot be brought to a network's input, with why not."""
    for width, height in np.unique(contents.sizes, axis=0).tolist():
        try:
            framing.check((max(width, 1), max(height, 1)))  # those that cannot be read have no size
        except ValueError as error:
            rows = np.flatnonzero((contents.sizes == (width, height)).all(axis=1))
            yield from ((row, str(error)) for row in rows.tolist())


def _copies(
    root: Path, photos: Mapping[str, Photos], contents: Contents, kind: Kind, say: Say
) -> Sequence[int]:
    """A number for every photo of all splits in turn, equal for copies."""
    every = [*chain.from_iterable(photos.values())]
    labels = np.array([photo.label for photo in every], np.int64)
    joined = find(contents.sha256, contents.fingerprints, labels, kind)

    def named(places: Iterable[int]) -> str:
        return some(str(every[place].path.relative_to(root)) for place in places)

    if twice := in_two_classes(contents.sha256, labels):
        files = counted(len(twice), "file")
        say(f"{root}: {files} in two classes at once ({named(chain(*twice))})")
    if len(joined.apart):
        say(
            f"{root}: {len(joined.apart):,} photos look alike ({named(joined.apart.tolist())}) across classes, or as most of a class: "
            "taken for one scene and not for copies, each is divided for itself"
        )
    say(
        f"{root}: kept on one side of a division (--copies {kind}): {joined.same:,} files equal to another, "
        f"{joined.alike:,} photos that look like another"
    )
    groups: list[int] = joined.groups.tolist()
    group = iter(groups)
    sides = {split: {next(group) for _ in part} for split, part in photos.items()}
    if across := sum(n > 1 for n in Counter(chain.from_iterable(sides.values())).values()):
        say(f"{root}: {across} pictures are in more than one of {', '.join(photos)}")
    return groups


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
    if test is None:
        return parts, f"70 % for training, 15 % for validation, 15 % for testing, {DIVIDED}"
    role = "test" if "test" in found else "validation"
    note = f"tested on its {role} folder; validation is 15 % of its training folder, {DIVIDED}"
    return {**parts, "test": test}, note


def _divide(
    root: Path,
    photos: Photos,
    same: Sequence[int],
    shares: Mapping[str, float],
    classes: tuple[str, ...],
) -> dict[str, Photos]:
    keys = [photo.sha256 for photo in photos]
    parts = divided(keys, [photo.label for photo in photos], same, shares)
    split = {name: tuple(photos[place] for place in part.tolist()) for name, part in parts.items()}
    present = [{photo.class_name for photo in part} for part in split.values()]
    if lacking := [name for name in classes if not all(name in part for part in present)]:
        raise AtalhoError(
            "DATA-FEW",
            root,
            f"{len(lacking)} of its {len(classes)} classes have too few different images to be in {', '.join(shares)} ({some(lacking)})",
            next_step=f"{len(shares)} images or more in every class; copies of a picture count once, with --copies exact those of a file alone",
            exit=Exit.DATA,
        )
    return split
