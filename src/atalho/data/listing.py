"""Lists a folder and all below it: images, and all other files by kind; nothing is decoded."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from atalho.data.formats import HEIF_EXTRA, SUFFIXES, begins_as_image, suffixes
from atalho.data.names import counted, first_few
from atalho.data.packed import Packed
from atalho.data.shards import is_shard, shard

SYSTEM = frozenset(
    (
        *("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information"),
        *("lost+found", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    )
)
"""Names, in lower case, of files and folders that systems and programs leave; those that begin with a dot count as such too."""

SORTED = 1000


@dataclass
class Listing:
    """What lies in a folder.

    Attributes:
        root: the folder.
        images: every image's name below the root, its parts joined by `/`: in the order of their names, folder by folder.
        runs: how many of them, one after the other, lie in which folder, whose name is empty or ends in `/`.
        folders: every folder below the root in the same way.
        other: files that are no image that can be read here, by suffix in lower case.
        system: hidden files and folders, and those that systems leave; nothing in such a folder is looked at.
        dangling: links to nothing whose names have no image's suffix.
        shards: archives that are read as folders of images where there are no images beside them, in order.
    """

    root: Path
    images: Packed = field(default_factory=Packed)
    runs: list[tuple[str, int]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    system: int = 0
    dangling: list[str] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)

    @property
    def in_shards(self) -> bool:
        """Whether the images lie in archives."""
        return not self.images and bool(self.shards)

    def members(self) -> Iterator[str]:
        """The names of the images in archives; raises as `shards.shard`."""
        for name in self.shards:
            yield from (f"{name}/{member}" for member in shard(f"{self.root}/{name}").names)

    def others(self) -> Iterator[str]:
        """A phrase for every kind of files that are no images."""
        counts = self.other
        if self.in_shards:
            counts = Counter({s: n for s, n in counts.items() if not is_shard(s)})
        if heif := Counter(
            {suffix: counts[suffix] for suffix in SUFFIXES["HEIF"] if counts[suffix]}
        ):
            yield f"{_by_suffix(heif)} (read after {HEIF_EXTRA})"
        if unknown := counts - heif:
            yield f"{counted(unknown.total(), 'file')} that {'is' if unknown.total() == 1 else 'are'} no image ({_by_suffix(unknown)})"
        if self.dangling:
            yield f"{counted(len(self.dangling), 'link')} to nothing ({first_few(self.dangling)})"
        if self.system:
            yield f"{self.system:,} hidden or left by the system"


def listed(root: Path) -> Listing:
    """Lists a folder. Links are followed, but not to a folder that they lie in; members of archives are not listed.

    Raises:
        OSError: the folder, or one in it, cannot be read.
    """
    listing = Listing(root)
    for folder, names in _runs(listing, str(root), "", (), None):
        listing.images.extend([folder + name for name in names])
        listing.runs.append((folder, len(names)))
    return listing


def walk(listing: Listing) -> Iterator[str]:
    """The images in a listing's folder as they are come upon, which are not listed, while everything else is.

    Where there are none, they are those in the folder's archives.

    Of a folder with more than `SORTED` entries so many at a time are sorted, so that memory does not grow with the folder.

    Raises:
        OSError: as `listed`.
        AtalhoError: as `shards.shard`.
    """
    empty = True
    for folder, names in _runs(listing, str(listing.root), "", (), SORTED):
        empty = False
        yield from (folder + name for name in names)
    if empty:
        yield from listing.members()


def _runs(
    listing: Listing,
    folder: str,
    name: str,
    above: tuple[tuple[int, int], ...],
    at_once: int | None,
) -> Iterator[tuple[str, list[str]]]:
    """The images in a folder and below it in runs that lie in one folder: its name and, in order, those of some of its images.

    Args:
        listing: takes everything else.
        name: of the folder below the root, which is empty or ends in `/`.
        above: the folders that it lies in.
        at_once: how many entries are sorted at a time; all of them with None.
    """
    stat = os.stat(folder)  # noqa: PTH116
    identity = stat.st_dev, stat.st_ino
    if identity in above:
        return
    of_images = suffixes()
    for entries in _entries(folder, at_once):
        run: list[str] = []
        for entry in entries:
            own = entry.name
            if own.startswith(".") or own.lower() in SYSTEM:
                listing.system += 1
            elif entry.is_dir():
                if run:
                    yield name, run
                    run = []
                listing.folders.append(name + own)
                below = name + own + "/"
                yield from _runs(listing, entry.path, below, (*above, identity), at_once)
            elif entry.is_file():
                if _suffix(own) in of_images or _is_image(listing, entry, name):
                    run.append(own)
            elif entry.is_symlink():
                if _suffix(own) in of_images:
                    run.append(own)  # reading it raises the error
                else:
                    listing.dangling.append(name + own)
        if run:
            yield name, run


def _suffix(name: str) -> str:
    """The suffix of a name that does not begin with a dot, in lower case; empty without one."""
    _, dot, suffix = name.rpartition(".")
    return dot + suffix.lower() if dot else ""


def _is_image(listing: Listing, entry: "os.DirEntry[str]", folder: str) -> bool:
    """Whether a file without an image's suffix is an image all the same; any other is added to the listing."""
    if _begins_as_image(entry.path):
        return True
    listing.other[_suffix(entry.name)] += 1
    if is_shard(entry.name):
        listing.shards.append(folder + entry.name)
    return False


def _begins_as_image(path: str) -> bool:
    with suppress(OSError):
        return begins_as_image(path)
    return False


def _by_suffix(files: Counter[str]) -> str:
    return first_few(
        (f"{count:,} {suffix or 'without a suffix'}" for suffix, count in files.most_common()), 5
    )


def _entries(folder: str, at_once: int | None) -> Iterator[list["os.DirEntry[str]"]]:
    """The entries of a folder, so many at a time, each time in the order of their names."""
    with os.scandir(folder) as entries:
        while some := sorted(islice(entries, at_once), key=lambda entry: entry.name):
            yield some
