"""A folder of photos as classes, `root/CLASS/image`, or as splits of classes, `root/SPLIT/CLASS/image`; other files are reported."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from atalho.data.folder import Folder
from atalho.data.listing import listed
from atalho.data.names import SPLITS, UNKNOWN, counted, first_few, label_of, split_of
from atalho.data.shard_splits import splits
from atalho.data.tree import Tree, by_folder
from atalho.errors import AtalhoError, Exit

WHOLE = ""
"""In place of a split's name: a folder of classes that has no splits."""


@dataclass(frozen=True)
class Layout:
    """What a folder of photos holds.

    Attributes:
        splits: the classes of every split, in the order train, val, test; or of the folder itself, as `WHOLE`.
        left_out: what the folder holds beside these and why, a phrase for every kind.
        unknown: the folder beside them whose images are none of the classes; None without one.
        unknown_images: how many images it holds, where there is one.
    """

    root: Path
    splits: Mapping[str, Folder]
    left_out: tuple[str, ...]
    unknown: Path | None = None
    unknown_images: int = 0

    @property
    def split(self) -> bool:
        """Whether the folder holds split folders."""
        return WHOLE not in self.splits

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes of all splits, sorted."""
        return tuple(sorted({name for part in self.splits.values() for name in part.classes}))

    def notes(self) -> list[str]:
        """A line on images that are none of the classes, and one on what was left out and why, as far as there are any."""
        lines = []
        if self.unknown:
            lines.append(
                f"{self.unknown}: {counted(self.unknown_images, 'image')} taken as none of the classes: nothing is trained on them, and "
                f"evaluate and compare measure how unsure a network is of them; rename the folder, as not-{UNKNOWN}, if it is a class"
            )
        if self.left_out:
            lines.append(f"{self.root}: left out: {'; '.join(self.left_out)}")
        return lines

    def lacking(self, split: str) -> list[str]:
        """The classes that other splits have and this one lacks."""
        own = {*self.splits[split].classes}
        return [name for name in self.classes if name not in own]

    def describe(self) -> str:
        """One line: classes, splits and how many images there are."""
        counts = Counter[str]()
        for part in self.splits.values():
            images = np.bincount(part.indices, minlength=len(part.classes)).tolist()
            counts.update(dict(zip(part.classes, images, strict=True)))
        named = first_few((f"{name} {counts[name]:,}" for name in self.classes), 10)
        total = f"{counts.total():,} images"
        if self.split:
            sizes = (f"{name} {len(part):,}" for name, part in self.splits.items())
            total += f", in the splits {', '.join(sizes)}"
        return f"{self.root}: {len(self.classes):,} classes ({named}), {total}"


def layout(root: Path, classes: Iterable[str] = (), kept_in: Path | None = None) -> Layout:
    """The classes, or the splits of classes, that a folder holds; nothing is decoded.

    A single folder around them is stepped into. A folder is a split's if it has a split's name, in upper or lower case, and
    most of its images lie in folders below it: there are also classes named `train`. A folder `UNKNOWN` beside others is no class.

    Args:
        classes: of a network that the folder is read for; where one of them is named `UNKNOWN`, so may be a folder.
        kept_in: as of `shard_splits.splits`.

    Raises:
        AtalhoError: (exit 3) DATA-MISSING, where it cannot be read; DATA-EMPTY without images in class folders; DATA-SPLITS, where
            folders that are named as splits hold no classes, two are of one split, or splits lie in the classes.
    """
    try:
        listing = listed(root)
        in_shards = splits(root, listing.shards, WHOLE, kept_in) if listing.in_shards else {}
    except OSError as error:
        raise AtalhoError(
            "DATA-MISSING",
            error.filename or root,
            f"cannot be read ({error.strerror})",
            next_step="--data FOLDER",
            exit=Exit.DATA,
        ) from error
    if any(map(len, in_shards.values())):
        return Layout(root, in_shards, tuple(listing.others()))
    tree = Tree.of_runs(listing.images, listing.runs)
    within = _within(tree.counts)
    base = root / within
    inside = {
        name.removeprefix(within): n for name, n in tree.counts.items() if name.startswith(within)
    }
    top = by_folder(inside)
    unknown = _unknown(top)
    apart = top.pop(unknown) if unknown else {}
    beside = [name for name in tree.counts if not name.startswith(within)]
    beside += [within] * bool(top.pop("", {}))
    others = [*listing.others()]
    if not top:
        raise _empty(root, tree.images_in(beside), others)
    folders = _split_folders(base, within, top, tree)
    if unknown and not folders and any(map(_is_unknown, classes)):
        top[unknown], unknown = apart, None
    if folders:
        parts = {split: tree.folder(root, f"{within}{name}/") for split, name in folders.items()}
        _check_labelled(base, folders, parts)
        left_out = [
            f"{name}, {counted(sum(top[name].values()), 'image')} beside the split folders"
            for name in top
            if name not in folders.values()
        ]
        beside += [f"{within}{name}/" for name in folders.values() if "" in top[name]]
    else:
        _check_classes(base, top)
        parts, left_out = {WHOLE: tree.folder(root, within, without=unknown)}, []
    if beside:
        names = tree.images_in(beside)
        left_out.append(
            f"{counted(len(names), 'image')} beside the class folders ({first_few(names)})"
        )
    if bare := _without_images(
        listing.folders, tree.counts, [within, *(f"{within}{each}/" for each in folders.values())]
    ):
        left_out.append(f"{counted(len(bare), 'folder')} without images ({first_few(bare)})")
    beside_classes = base / unknown if unknown else None
    images = sum(apart.values()) if unknown else 0
    return Layout(root, parts, (*left_out, *others), beside_classes, images)


def _is_unknown(name: str) -> bool:
    return label_of(name).casefold() == UNKNOWN


def _unknown(folders: Iterable[str]) -> str | None:
    """The name of the folder whose images are none of the classes; None where there is none, or nothing but it."""
    names = [name for name in folders if name]
    return next(filter(_is_unknown, names), None) if len(names) > 1 else None


def _within(counts: Mapping[str, int]) -> str:
    """The name, ending in `/`, of a folder that only wraps the folders of classes or splits; empty where there is none."""
    within = ""
    top = by_folder(counts)
    top.pop("", None)
    while len(top) == 1:
        name, inside = top.popitem()
        if split_of(name):
            return within
        within += name + "/"
        top = by_folder(inside)
        if "" in top:  # a class, whose images lie in some folder of it
            return ""
    return within


def _split_folders(
    root: Path, within: str, top: Mapping[str, Mapping[str, int]], tree: Tree
) -> dict[str, str]:
    """The folder's name by split; empty where the folders are classes.

    Args:
        root: the folder that holds them, whose name in the tree is `within`.
    """
    named: dict[str, list[str]] = {split: [] for split in SPLITS}
    flat = []
    for name, counts in top.items():
        if split := split_of(name):
            images = sum(counts.values())
            if 2 * counts.get("", 0) < images:
                named[split].append(name)
            else:
                flat.append(name)
    split_names = {split: names for split, names in named.items() if names}
    if split_names and flat:
        raise _unsorted(root, flat[0], tree.below(f"{within}{flat[0]}/"))
    for split, names in split_names.items():
        if len(names) > 1:
            raise _splits(
                root,
                f"holds {' and '.join(names)}, which both mean the split {split}",
                "keep one of them there",
            )
    return {split: name for split, (name,) in split_names.items()}


def _check_labelled(root: Path, folders: Mapping[str, str], parts: Mapping[str, Folder]) -> None:
    """Refuses a split whose images lie in one folder that no other split has, as in Tiny ImageNet's `val`."""
    for split, part in parts.items():
        others = {name for other in parts.values() if other is not part for name in other.classes}
        if len(part.classes) == 1 < len(others) and part.classes[0] not in others:
            raise _unsorted(root, folders[split], part.names)


def _check_classes(root: Path, top: Mapping[str, Mapping[str, int]]) -> None:
    """Refuses folders of which none is a class."""
    if all(map(split_of, top)):
        raise _splits(
            root,
            f"its folders are named as splits ({first_few(top)}) and hold images in no class folders",
            "put the images in SPLIT/CLASS/image",
        )
    if len(top) > 1 and all(_holds_splits(folders) for folders in top.values()):
        raise _splits(
            root,
            f"its classes ({first_few(top)}) hold folders of splits",
            "put the images in SPLIT/CLASS/image instead of CLASS/SPLIT/image",
        )


def _holds_splits(folders: Iterable[str]) -> bool:
    """Whether all images of a folder lie in folders that are named as splits; their names end in `/`, its own is empty."""
    return all(split_of(name.partition("/")[0]) for name in folders)


def _without_images(
    folders: Iterable[str], filled: Iterable[str], parents: Iterable[str]
) -> list[str]:
    """Those of some folders that lie directly in one of `parents` and hold no images.

    Args:
        filled: the folders in which images lie themselves; like those of `parents`, their names end in `/`.
    """
    above = {
        "/".join(parts[:depth])
        for name in filled
        for parts in [name.split("/")]
        for depth in range(1, len(parts))
    }
    names = {*parents}
    return [name for name in folders if name not in above and name[: name.rfind("/") + 1] in names]


def _empty(root: Path, beside: Sequence[str], others: Sequence[str]) -> AtalhoError:
    held = (
        f"{counted(len(beside), 'image')} in no class folder"
        if beside
        else "no images as CLASS/image"
    )
    left = f"; beside them: {'; '.join(others)}" if others else ""
    return AtalhoError(
        "DATA-EMPTY",
        root,
        f"holds {held}{left}",
        next_step="a folder for each class, with its images inside; labels in a table or in file names are not read",
        exit=Exit.DATA,
    )


def _unsorted(root: Path, folder: str, images: Sequence[str]) -> AtalhoError:
    """A split folder whose images lie in no folders of classes."""
    sort = f"move every image into {folder}/CLASS, as the other splits have it, or {folder} out of the folder"
    if any("ILSVRC2012_val_" in name for name in images):
        sort = f"in {folder}, run valprep.sh of github.com/soumith/imagenetloader.torch, which moves every image into its class's folder"
    cause = f"{folder} holds {counted(len(images), 'image')} in no class folders; what they show is not known"
    return _splits(root, cause, sort)


def _splits(root: Path, cause: str, next_step: str) -> AtalhoError:
    return AtalhoError("DATA-SPLITS", root, cause, next_step=next_step, exit=Exit.DATA)
