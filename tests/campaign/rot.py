"""Rot: a bit flips, or the end is missing, in each kind of file that atalho reads again.

Every damage must be noticed (an error of one line, or a sentence and the result of going without the file) or be without
effect (the result is the same); the other files of the folder stay as they are.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from campaign import attempts
from campaign.attempts import Bounds, attempt
from campaign.counts import Counts

DETECTS = ("unnoticed", "touched", "litter", *attempts.DETECTS)

HEAD = 4096
"""Bytes at the beginning of a file, which describe the rest; half of the flips are there."""

Say = Callable[[str], None]


class Target(NamedTuple):
    """A file that is read again, and how.

    Attributes:
        read: returns all that is read of the file, comparable; it is called with a function for sentences to the user.
        without: what is read where the file counts as absent, which must be said; None where the result is the same.
        appended: whether a crash, too, can leave a beginning of the file, and the next call does the rest again.
    """

    name: str
    file: Path
    read: Callable[[Say], Any]
    without: Any = None
    appended: bool = False


def damages(
    content: bytes, flips: int, cuts: int, chance: random.Random
) -> Iterator[tuple[str, bytes]]:
    """The content with one bit flipped, or without its end; each with a word on what was done."""
    for number in range(flips):
        place = chance.randrange(min(HEAD, len(content)) if number % 2 else len(content))
        bit = chance.randrange(8)
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        yield f"bit {bit} of byte {place} flipped", bytes(damaged)
    ends = {0, len(content) - 1, *(chance.randrange(len(content)) for _ in range(cuts - 2))}
    for length in sorted(ends):
        yield f"cut to {length} bytes", content[:length]


def rot(target: Target, flips: int, cuts: int, seed: int = 0) -> Counts:
    """Damages a file in many ways, one at a time, and counts what reading it does then."""
    counts = Counts(f"rot: {target.name}", DETECTS)
    content = target.file.read_bytes()
    whole = target.read(lambda sentence: None)
    before = _others(target.file)
    bounds = Bounds((target.file.parents[1],))
    with counts.timed():
        for how, damaged in damages(content, flips, cuts, random.Random(seed)):
            target.file.write_bytes(damaged)
            _case(counts, target, f"{target.name}, {how}", whole, bounds)
            if (after := _others(target.file)) != before:
                column = "litter" if after.keys() - before.keys() else "touched"
                counts.fault(column, f"{target.name}, {how}")
                before = after
    target.file.write_bytes(content)
    return counts


def _case(counts: Counts, target: Target, example: str, whole: Any, bounds: Bounds) -> None:
    sentences: list[str] = []
    ended = attempt(counts, example, lambda: target.read(sentences.append), bounds)
    if ended.error is not None:
        counts.end("refused" if ended.refused else "failed")
    elif ended.result == whole:
        counts.end("without effect")
    elif target.appended and ended.result == whole[: len(ended.result)]:
        counts.end("taken for a crash: done again")
    elif sentences and ended.result == target.without:
        counts.end("done without it, and said so")
    else:
        counts.end("used")
        counts.fault("unnoticed", example)


def _others(file: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of the last change of all other files in a file's folder."""
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in file.parent.rglob("*")
        if path.is_file() and path != file
    }
