"""A folder of photos as a data set: files are identified by their content, split once, and decoded when they are needed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from atalho.data import groups
from atalho.data.contents import Contents
from atalho.data.copies import Kind, Numbers, in_two_classes
from atalho.data.dataset import Dataset, Progress, divided
from atalho.data.folder import Folder, joined
from atalho.data.image import WHITE, Framing
from atalho.data.known_copies import known
from atalho.data.layout import WHOLE, layout
from atalho.data.manifest import file_beside, read_files, unwritable
from atalho.data.names import SPLITS, counted, first_few
from atalho.data.on_disk import Album, OnDisk
from atalho.data.trainable import check_trainable
from atalho.errors import AtalhoError, Exit, printable

T = TypeVar("T")
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
        data_dir: the folder for the manifest and the copies.
        framings: those that the photos will be used with; photos must fit each of them. The first is the data set's own.
        progress: called with the numbers of files read and in all.
        bad_images: whether images that cannot be used are an error or are left out.
        copies: which copies of a picture are kept in one split.
        group_by: a table of other photos that are kept in one split, as `groups.read` reads it.
        say: called with one line each for what the folder holds and what is left out: classes, splits and counts before files are
            read, then every image that cannot be used, and copies.

    Raises:
        AtalhoError: (exit 3) BAD-IMAGES; as `layout`, `check_trainable` and
            `groups.read`; DATA-DIR (exit 2).
    """
    folders = layout(root, kept_in=file_beside(root, data_dir, "shards"))

    def log(line: str) -> None:
        say(printable(line))

    log(folders.describe())
    for note in folders.notes():
        log(note)
    check_trainable(folders)
    named = {"train" if split == WHOLE else split: part for split, part in folders.splits.items()}
    for split in folders.splits if folders.split else ():
        if lacking := folders.lacking(split):
            log(f"{root}: {split} has no images of {first_few(lacking, 10)}")
    photos, bad = _read(root, named, framings, data_dir, progress)
    for name, cause in bad.items():
        log(f"{root / name}: {cause}")
    if bad and bad_images == "error":
        raise AtalhoError(
            "BAD-IMAGES",
            root,
            f"{len(bad)} of its {len(bad) + len(photos.folder)} images cannot be used ({first_few(bad)}); all are named above, and nothing was begun",
            next_step="mend or remove them, or --bad-images skip to leave them out",
            exit=Exit.DATA,
        )
    contents, parts = photos.contents, photos.splits
    groups = _groups(photos, data_dir, copies, group_by, log)
    album = Album(photos.folder, contents.sha256, contents.sizes, groups)
    white, brightest = contents.white, contents.brightest.max(initial=0)
    del photos, contents  # the fingerprints of a million photos are large
    splits, note = _divided(album, parts)
    fixed = fixed_splits(parts)
    divided_here = [split for split in SPLITS if not {"val", split} & {*fixed}]
    if copies != "off":
        note = note.replace(DIVIDED, f"{DIVIDED}, with copies of a picture on one side")
    sizes = ", ".join(f"{split} {len(splits[split]):,}" for split in SPLITS)
    if white != WHITE:
        log(f"{root}: grey levels go up to {brightest}: {white} is white")
    log(f"{root}: {sizes}: {note}")
    framing = replace(framings[0], white=white)
    ordered = {split: OnDisk(album, splits[split], framing) for split in SPLITS}
    return Dataset(
        root.resolve().name,
        folders.classes,
        ordered,
        mirror=True,
        note=note,
        copies=copies,
        own_test=bool(fixed),
        scarce=_scarce(album, [splits[split] for split in divided_here]),
    )


def fixed_splits(folders: Mapping[str, T]) -> dict[str, T]:
    """The split folders that are not divided: all if `val` and `test` are there; else the one of these that is, as `test`."""
    if {"val", "test"} <= {*folders}:
        return {**folders}
    test = next((folders[name] for name in ("test", "val") if name in folders), None)
    return {} if test is None else {"test": test}


@dataclass(frozen=True)
class _Photos:
    """The images of a folder that can be used.

    Attributes:
        contents: of its images.
        splits: the rows of each.
    """

    folder: Folder
    contents: Contents
    splits: Mapping[str, Numbers]


def _read(
    root: Path,
    parts: Mapping[str, Folder],
    framings: Sequence[Framing],
    data_dir: Path,
    progress: Progress,
) -> tuple[_Photos, dict[str, str]]:
    """The images of every split that can be used, and the fault of each other image by its name."""
    folder = joined(root, [*parts.values()])
    contents = read_files(root, folder.names, data_dir, progress)
    bad = dict(chain(*(_unfit(contents, framing) for framing in framings))) | contents.bad
    usable = np.ones(len(folder), bool)
    usable[[*bad]] = False
    ends = np.cumsum([np.count_nonzero(part) for part in _parts(usable, parts)])
    splits = dict(zip(parts, np.split(np.arange(ends[-1]), ends[:-1]), strict=True))
    faults = {folder.names[row]: bad[row] for row in sorted(bad)}
    if faults:
        folder = folder.select(np.flatnonzero(usable))
    return _Photos(folder, contents.only(usable), splits), faults


def _parts(rows: NDArray[np.bool_], parts: Mapping[str, Folder]) -> list[NDArray[np.bool_]]:
    """The values of every split, where `rows` has those of one split after the other."""
    return np.split(rows, np.cumsum([len(part) for part in parts.values()])[:-1])


def _unfit(contents: Contents, framing: Framing) -> Iterator[tuple[int, str]]:
    """The rows of pictures that cannot be cropped to a network's input, each with the reason."""
    sizes = contents.sizes.astype(np.int64) @ (1 << 32, 1)
    for size in np.unique(sizes).tolist():
        width, height = divmod(size, 1 << 32)
        try:
            framing.check((max(width, 1), max(height, 1)))  # those that cannot be read have no size
        except ValueError as error:
            yield from ((row, str(error)) for row in np.flatnonzero(sizes == size).tolist())


def _groups(
    photos: _Photos, data_dir: Path, kind: Kind, group_by: Path | None, say: Say
) -> Numbers:
    """(N,) the photos' groups: copies are in one, and what the table `group_by` puts together."""
    folder, contents = photos.folder, photos.contents
    root, labels = folder.root, folder.indices.astype(np.int64)
    path = file_beside(root, data_dir, f"{kind}.copies")
    try:
        copies = known(path, contents, labels, kind)
    except OSError as error:
        raise unwritable(root, data_dir, error) from error

    def named(rows: Iterable[int]) -> str:
        return first_few(folder.names[row] for row in rows)

    rows = np.arange(len(labels))
    if kind != "off":  # equal files are in one group
        rows = np.flatnonzero(np.bincount(copies.groups)[copies.groups] > 1)
    if duplicates := in_two_classes(contents.sha256[rows], labels[rows]):
        files, places = counted(len(duplicates), "file"), chain.from_iterable(duplicates)
        say(f"{root}: {files} in two classes at once ({named(rows[place] for place in places)})")
    if len(copies.scenes):
        say(
            f"{root}: {len(copies.scenes):,} photos look alike ({named(copies.scenes.tolist())}) across classes, or as most of a class: "
            "taken for one scene and not for copies, each is divided for itself"
        )
    say(
        f"{root}: kept on one side of a division (--copies {kind}): {copies.identical:,} files equal to another, "
        f"{copies.similar:,} photos that look like another"
        + (f" ({copies.compared:,} pairs compared)" if kind == "similar" else "")
    )
    numbers = copies.groups
    if group_by:
        names = groups.read(group_by, root, folder.names, say)
        numbers = np.array(groups.joined(numbers.tolist(), names), np.int64)
        say(
            f"{group_by}: {len(np.unique(numbers)):,} groups of photos, each kept on one side of a division"
        )
    sides = [np.unique(numbers[rows]) for rows in photos.splits.values()]
    _, occurrences = np.unique(np.concatenate(sides), return_counts=True)
    if across := np.count_nonzero(occurrences > 1):
        say(f"{root}: {across} pictures are in more than one of {', '.join(photos.splits)}")
    return numbers


def _divided(album: Album, splits: Mapping[str, Numbers]) -> tuple[dict[str, Numbers], str]:
    """The rows of all three splits, and a note on how they were divided."""
    train, fixed = splits["train"], fixed_splits(splits)
    if "val" in fixed:
        return fixed, "split as its folders are"
    test = fixed.get("test")
    shares = shares_of(len(train), ("val", "test") if test is None else ("val",))
    parts = _divide(album, train, shares)
    percent = {name: f"{100 * share:.3g} %" for name, share in shares.items()}
    if test is None:
        note = "{train} for training, {val} for validation, {test} for testing".format_map(percent)
        return parts, f"{note}, {DIVIDED}"
    role = "test" if "test" in splits else "validation"
    note = f"tested on its {role} folder; validation is {percent['val']} of its training folder"
    return {**parts, "test": test}, f"{note}, {DIVIDED}"


def shares_of(images: int, held_out: Iterable[str]) -> dict[str, float]:
    """The share of `images` that each of some splits gets, and what is left for `train`, which comes last."""
    shares = dict.fromkeys(held_out, min(HELD_OUT, MOST_HELD_OUT / max(1, images)))
    return {**shares, "train": 1 - sum(shares.values())}


def _divide(album: Album, rows: Numbers, shares: Mapping[str, float]) -> dict[str, Numbers]:
    """The rows of every part of some photos, which are divided in these shares."""
    labels = album.folder.indices[rows].astype(np.int64)
    parts = divided(album.keys[rows], labels, album.groups[rows], shares)
    return {name: rows[part.numpy()] for name, part in parts.items()}


def _scarce(album: Album, parts: Iterable[Numbers]) -> tuple[str, ...]:
    """The classes that one of some parts lacks."""
    indices, classes = album.folder.indices, album.folder.classes
    lacking = np.zeros(len(classes), bool)
    for rows in parts:
        lacking |= np.bincount(indices[rows], minlength=len(classes)) == 0
    return tuple(classes[label] for label in np.flatnonzero(lacking).tolist())
