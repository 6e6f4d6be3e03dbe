"""Which split or class the name of a folder means, and how names and counts are written in a line of text."""

import os
import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

UNKNOWN = "unknown"
"""The folder beside those of the classes or splits, in any case, whose images are none of the classes."""

SHOWN = 3
"""How many names a line gives where there are more."""

#   split: the names of its folder, in any case
SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "eval", "evaluation"),
    "test": ("test", "testing"),
}
_SPLIT = {name: split for split, names in SPLITS.items() for name in names}
_SPLIT_NAME = re.compile(f"({'|'.join(_SPLIT)})([ _-]?(set|data|images|split))?", re.IGNORECASE)


def label_of(name: str) -> str:
    """The class that a folder of that name means: composed as in NFC, and with escapes for bytes that are no UTF-8."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text)


def split_of(name: str) -> str | None:
    """The split that a folder's name means, as `Validation` or `test_set`."""
    named = _SPLIT_NAME.fullmatch(name)
    return _SPLIT[named[1].lower()] if named else None


def first_few(names: Iterable[str], shown: int = SHOWN) -> str:
    """The first names, joined by commas, with an ellipsis where there are more."""
    first = [*islice(names, shown + 1)]
    return ", ".join(first[:shown] + ["…"] * (len(first) > shown))


def counted(count: int, noun: str) -> str:
    """`1 image`, `1,200 images`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
