"""Lists a folder and all below it: images, and all other files by kind; nothing is decoded."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from os.path import splitext
from pathlib import Path

from atalho.data.formats import HEIF_EXTRA, SUFFIXES, begins_as_image, suffixes
from atalho.data.names import counted, first_few
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
        folders: every folder below the root in the same way.
        other: files that are no image that can be read here, by suffix in lower case.
        system: hidden files and folders, and those that systems leave; nothing in such a folder is looked at.
        dangling: links to nothing whose names have no image's suffix.
        shards: archives that are read as folders of images where there are no images beside them, in order.
    """

    root: Path
    images: list[str] = field(default_factory=list)
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
    listing.images += _images(listing, str(root), "", (), None)
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
    for name in _images(listing, str(listing.root), "", (), SORTED):
        empty = False
        yield name
    if empty:
        yield from listing.members()


def _images(
    listing: Listing,
    folder: str,
    name: str,
    above: tuple[tuple[int, int], ...],
    at_once: int | None,
) -> Iterator[str]:
    """The names of the images in a folder, whose own name below the root is empty or ends in `/`.

    Args:
        listing: takes everything else.
        above: the folders that it lies in.
        at_once: how many entries are sorted at a time; all of them with None.
    """
    stat = os.stat(folder)  # noqa: PTH116
    identity = stat.st_dev, stat.st_ino
    if identity in above:
        return
    for entry in _entries(folder, at_once):
        path = name + entry.name
        if entry.name.startswith(".") or entry.name.lower() in SYSTEM:
            listing.system += 1
        elif entry.is_dir():
            listing.folders.append(path)
            yield from _images(listing, entry.path, path + "/", (*above, identity), at_once)
        elif (entry.is_file() or entry.is_symlink()) and _is_image(listing, entry, path):
            yield path


def _is_image(listing: Listing, entry: "os.DirEntry[str]", path: str) -> bool:
    """Whether a file is an image; any other is added to the listing."""
    suffix = splitext(entry.name)[1].lower()  # noqa: PTH122 (for a million files)
    if suffix in suffixes():
        return True  # even if it is a link to nothing: reading it raises the error
    if not entry.is_file():
        listing.dangling.append(path)
    elif _begins_as_image(entry.path):
        return True
    else:
        listing.other[suffix] += 1
        if is_shard(entry.name):
            listing.shards.append(path)
    return False


def _begins_as_image(path: str) -> bool:
    with suppress(OSError):
        return begins_as_image(path)
    return False


def _by_suffix(files: Counter[str]) -> str:
    return first_few(
        (f"{count:,} {suffix or 'without a suffix'}" for suffix, count in files.most_common()), 5
    )


def _entries(folder: str, at_once: int | None) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        while some := sorted(islice(entries, at_once), key=lambda entry: entry.name):
            yield from some
