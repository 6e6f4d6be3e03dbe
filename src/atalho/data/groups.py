"""A table of which photos belong together, of one patient, camera or burst, beside what copies say."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from atalho.data.names import first_few
from atalho.errors import AtalhoError, Exit

Say = Callable[[str], None]


def read(table: Path, root: Path, photos: Sequence[str], say: Say) -> list[str | None]:
    """The name of every photo's group; None of one that the table does not list.

    Args:
        photos: their names below `root`.
        table: CSV of two columns, the photo's path below `root` and the name of its group; a first line of titles is left out.
        say: is called with a line for photos that are not listed, and for paths that are no photos.

    Raises:
        AtalhoError: GROUPS (exit 3), where the table cannot be read, or lists none of the photos.
    """
    names = {photo: place for place, photo in enumerate(photos)}
    groups: list[str | None] = [None] * len(photos)
    unknown = []
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file)):
                if len(row) < 2:
                    continue
                place = names.get(Path(row[0].strip()).as_posix())
                if place is not None:
                    groups[place] = row[1].strip()
                elif number:
                    unknown.append(row[0])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _error(table, f"cannot be read ({error})") from error
    if not any(groups):
        raise _error(table, f"lists none of the {len(photos)} photos of {root}")
    if unknown:
        say(f"{table}: {len(unknown)} of its lines name no photo of {root} ({first_few(unknown)})")
    if alone := [name for name, place in names.items() if groups[place] is None]:
        say(
            f"{table}: {len(alone)} photos are in no group, each is for itself ({first_few(alone)})"
        )
    return groups


def joined(copies: Sequence[int], groups: Sequence[str | None]) -> list[int]:
    """A number for every photo, equal for those that are copies or in one group, or joined by others that are.

    Args:
        copies: a number for every photo, equal for copies.
        groups: a name for every photo; None where it is in no group.
    """
    parent: dict[int | str, int | str] = {}

    def first(member: int | str) -> int | str:
        while (above := parent.setdefault(member, member)) != member:
            parent[member] = member = parent[above]
        return member

    for copy, group in zip(copies, groups, strict=True):
        if group is not None:
            parent[first(group)] = first(copy)
    numbers = {root: n for n, root in enumerate(dict.fromkeys(map(first, copies)))}
    return [numbers[first(copy)] for copy in copies]


def _error(table: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "GROUPS",
        table,
        cause,
        next_step="a CSV of two columns, the photo's path below the folder and its group",
        exit=Exit.DATA,
    )
