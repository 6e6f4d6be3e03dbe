"""A folder of photos as a data set: files are identified by their content, split once, and decoded when they are needed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from atalho.data import groups
from atalho.data.contents import Contents
from atalho.data.copies import Kind, find, in_two_classes
from atalho.data.dataset import Dataset, Progress, divided
from atalho.data.folder import Folder
from atalho.data.image import WHITE, Framing
from atalho.data.layout import WHOLE, Layout, layout
from atalho.data.manifest import read_files
from atalho.data.names import SPLITS, counted, first_few
from atalho.data.on_disk import OnDisk, Photo
from atalho.data.trainable import check_trainable
from atalho.errors import AtalhoError, Exit, printable

T = TypeVar("T")
Photos = tuple[Photo, ...]
BadImages = Literal["error", "skip"]
Say = Callable[[str], None]

FRAMING = Framing((3, 224, 224), crop_pct=0.875)
"""The default framing: 224 pixels of 256, as the papers on ImageNet crop."""

HELD_OUT = 0.15
"""The share of a folder that validation and testing have each, where it is divided here."""

MOST_HELD_OUT = 50_000
"""How many images they have at the most: as many as ImageNet's own validation; more would cost training and tell hardly more."""

DIVIDED = "divided by content"


def load(
    root: Path,
    data_dir: Path,
    progress: Progress,
    *,
    framings: Sequence[Framing],
    bad_images: BadImages,
    copies: Kind,
    group_by: Path | None = None,
    say: Say,
) -> Dataset:
    """A folder's images in `train`, `val` and `test`.

    A folder of classes is divided by content: every class in the same shares, copies of one picture in one split. Split folders are
    kept as they are if both `val` and `test` are there. If only one of them is, it becomes `test`, and `val` is divided from `train`.
    If neither is, `train` is divided into all three.

    Args:
        data_dir: the folder for the manifest.
        framings: those that the photos will be used with; photos must fit each of them. The first is the data set's own.
        progress: called with the numbers of files read and in all.
        bad_images: whether images that cannot be used are an error or are left out.
        copies: which copies of a picture are kept in one split.
        group_by: a table of other photos that are kept in one split, as `groups.read` reads it.
        say: called with one line each for what the folder holds and what is left out: classes, splits and counts before files are
            read, then every image that cannot be used, and copies.

    Raises:
        AtalhoError: (exit 3) BAD-IMAGES; DATA-FEW for a class with too few images to divide; as `layout`, `check_trainable` and
            `groups.read`; DATA-DIR (exit 2).
    """
    folders = layout(root)

    def log(line: str) -> None:
        say(printable(line))

    log(folders.describe())
    for note in folders.notes():
        log(note)
    check_trainable(folders)
    parts = {"train" if split == WHOLE else split: part for split, part in folders.splits.items()}
    for split in folders.splits if folders.split else ():
        if lacking := folders.lacking(split):
            log(f"{root}: {split} has no images of {first_few(lacking, 10)}")
    photos, contents, bad = _read(root, folders, parts, framings, data_dir, progress)
    for path, cause in bad:
        log(f"{path}: {cause}")
    if bad and bad_images == "error":
        named = first_few(str(path.relative_to(root)) for path, _ in bad)
        raise AtalhoError(
            "BAD-IMAGES",
            root,
            f"{len(bad)} of its {len(bad) + len(contents.sizes)} images cannot be used ({named}); all are named above, and nothing was begun",
            next_step="mend or remove them, or --bad-images skip to leave them out",
            exit=Exit.DATA,
        )
    photos = _grouped(root, photos, contents, copies, group_by, log)
    splits, note = _divided(root, photos, folders.classes)
    if copies != "off":
        note = note.replace(DIVIDED, f"{DIVIDED}, with copies of a picture on one side")
    sizes = ", ".join(f"{split} {len(splits[split]):,}" for split in SPLITS)
    if contents.white != WHITE:
        log(f"{root}: grey levels go up to {contents.brightest.max()}: {contents.white} is white")
    log(f"{root}: {sizes}: {note}")
    framing = replace(framings[0], white=contents.white)
    ordered = {split: OnDisk(splits[split], framing) for split in SPLITS}
    return Dataset(
        root.resolve().name,
        folders.classes,
        ordered,
        mirror=True,
        note=note,
        copies=copies,
        own_test=bool(fixed_splits(photos)),
    )


def fixed_splits(folders: Mapping[str, T]) -> dict[str, T]:
    """The split folders that are not divided: all if `val` and `test` are there; else the one of these that is, as `test`."""
    if {"val", "test"} <= {*folders}:
        return {**folders}
    test = next((folders[name] for name in ("test", "val") if name in folders), None)
    return {} if test is None else {"test": test}


def _read(
    root: Path,
    folders: Layout,
    parts: Mapping[str, Folder],
    framings: Sequence[Framing],
    data_dir: Path,
    progress: Progress,
) -> tuple[dict[str, Photos], Contents, list[tuple[Path, str]]]:
    """The images of every split that can be used, their contents in the same order, and the path and fault of each other image."""
    start = len(str(root / "_")) - 1
    names = [str(path)[start:] for part in parts.values() for path, _ in part.images]
    contents = read_files(root, names, data_dir, progress)
    bad = dict(chain(*(_unfit(contents, framing) for framing in framings))) | contents.bad
    indices = {name: index for index, name in enumerate(folders.classes)}
    sizes = contents.sizes.tolist()
    photos: dict[str, list[Photo]] = {}
    refused = []
    rows = count()
    for split, part in parts.items():
        good = photos.setdefault(split, [])
        for (path, label), row in zip(part.images, rows, strict=False):
            if row in bad:
                refused.append((path, bad[row]))
                continue
            name = part.classes[label]
            width, height = sizes[row]
            sha256 = contents.sha256[row].tobytes()
            good.append(Photo(path, indices[name], name, sha256, (width, height), row))
    usable = np.array([row not in bad for row in range(len(names))], bool)
    return {split: tuple(good) for split, good in photos.items()}, contents.only(usable), refused


def _unfit(contents: Contents, framing: Framing) -> Iterator[tuple[int, str]]:
    """The rows of pictures that cannot be cropped to a network's input, each with the reason."""
    for width, height in np.unique(contents.sizes, axis=0).tolist():
        try:
            framing.check((max(width, 1), max(height, 1)))  # those that cannot be read have no size
        except ValueError as error:
            rows = np.flatnonzero((contents.sizes == (width, height)).all(axis=1))
            yield from ((row, str(error)) for row in rows.tolist())


def _grouped(
    root: Path,
    photos: Mapping[str, Photos],
    contents: Contents,
    kind: Kind,
    group_by: Path | None,
    say: Say,
) -> dict[str, Photos]:
    """The photos with their groups: copies are in one, and what the table `group_by` puts together."""
    every = [*chain.from_iterable(photos.values())]
    labels = np.array([photo.label for photo in every], np.int64)
    copies = find(contents.sha256, contents.fingerprints, labels, kind)

    def named(rows: Iterable[int]) -> str:
        return first_few(str(every[row].path.relative_to(root)) for row in rows)

    if duplicates := in_two_classes(contents.sha256, labels):
        files = counted(len(duplicates), "file")
        say(f"{root}: {files} in two classes at once ({named(chain(*duplicates))})")
    if len(copies.scenes):
        say(
            f"{root}: {len(copies.scenes):,} photos look alike ({named(copies.scenes.tolist())}) across classes, or as most of a class: "
            "taken for one scene and not for copies, each is divided for itself"
        )
    say(
        f"{root}: kept on one side of a division (--copies {kind}): {copies.identical:,} files equal to another, "
        f"{copies.similar:,} photos that look like another"
    )
    numbers: list[int] = copies.groups.tolist()
    if group_by:
        numbers = groups.joined(
            numbers, groups.read(group_by, root, [photo.path for photo in every], say)
        )
        say(
            f"{group_by}: {len({*numbers}):,} groups of photos, each kept on one side of a division"
        )
    number = iter(numbers)
    grouped = {
        split: tuple(photo._replace(group=next(number)) for photo in part)
        for split, part in photos.items()
    }
    sides = ({photo.group for photo in part} for part in grouped.values())
    if across := sum(n > 1 for n in Counter(chain.from_iterable(sides)).values()):
        say(f"{root}: {across} pictures are in more than one of {', '.join(photos)}")
    return grouped


def _divided(
    root: Path, photos: Mapping[str, Photos], classes: tuple[str, ...]
) -> tuple[dict[str, Photos], str]:
    """All three splits, and a note on how they were divided."""
    train, fixed = photos["train"], fixed_splits(photos)
    if "val" in fixed:
        return fixed, "split as its folders are"
    test = fixed.get("test")
    shares = shares_of(len(train), ("val", "test") if test is None else ("val",))
    parts = _divide(root, train, shares, classes)
    percent = {name: f"{100 * share:.3g} %" for name, share in shares.items()}
    if test is None:
        note = "{train} for training, {val} for validation, {test} for testing".format_map(percent)
        return parts, f"{note}, {DIVIDED}"
    role = "test" if "test" in photos else "validation"
    note = f"tested on its {role} folder; validation is {percent['val']} of its training folder"
    return {**parts, "test": test}, f"{note}, {DIVIDED}"


def shares_of(images: int, held_out: Iterable[str]) -> dict[str, float]:
    """The share of `images` that each of some splits gets, and what is left for `train`, which comes last."""
    shares = dict.fromkeys(held_out, min(HELD_OUT, MOST_HELD_OUT / max(1, images)))
    return {**shares, "train": 1 - sum(shares.values())}


def _divide(
    root: Path,
    photos: Photos,
    shares: Mapping[str, float],
    classes: tuple[str, ...],
) -> dict[str, Photos]:
    keys = [photo.sha256 for photo in photos]
    labels, together = [photo.label for photo in photos], [photo.group for photo in photos]
    parts = divided(keys, labels, together, shares)
    split = {name: tuple(photos[index] for index in part.tolist()) for name, part in parts.items()}
    present = [{photo.class_name for photo in part} for part in split.values()]
    if lacking := [name for name in classes if not all(name in part for part in present)]:
        raise AtalhoError(
            "DATA-FEW",
            root,
            f"{len(lacking)} of its {len(classes)} classes have too few different images to be in {', '.join(shares)} ({first_few(lacking)})",
            next_step=f"{len(shares)} images or more in every class; copies of a picture count once, with --copies exact those of a file alone",
            exit=Exit.DATA,
        )
    return split
