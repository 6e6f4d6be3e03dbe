"""The most confident mistakes of a network as pictures with their true and their predicted class."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from atalho.page.outcomes import Outcomes
from atalho.page.words import promises, sureness
from atalho.page.words.promises import Promise

THUMBNAILS = "thumbnails"
"""The folder beside the records in which thumbnails lie by the checksum of their image."""

SUSPECTS = "suspects.csv"
"""The file beside the records with every photo whose label is doubted."""

_KINDS = {".jpg": "image/jpeg", ".png": "image/png"}

_MOST_BYTES = 50_000
"""The most bytes of a thumbnail; a larger file is none of ours."""


@dataclass(frozen=True)
class Mistake:
    """A picture with its words.

    Attributes:
        source: the thumbnail as an address that holds it; empty where there is none.
        truth, predicted: the names of the classes.
        sure: the probability of the predicted class, in words.
        place: the name of its file, or its number in the split.
    """

    source: str
    truth: str
    predicted: str
    sure: str
    place: str


@dataclass(frozen=True)
class Gallery:
    """The mistakes of one network.

    Attributes:
        sentences: on the mistakes as a whole.
        mistakes: the most confident ones, in descending order.
        promises: how many images it answers where few answers may be wrong; empty without held-out images.
        held_out: from how many images these thresholds are, in words.
    """

    network: str
    sentences: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    promises: tuple[Promise, ...]
    held_out: str


def gallery(outcomes: Outcomes, held_out: Outcomes | None, folders: Sequence[Path]) -> Gallery:
    """The mistakes in some outcomes.

    Args:
        held_out: of the same network, from which thresholds are.
        folders: of records, beside which thumbnails may lie.
    """
    mistakes = tuple(
        Mistake(
            _source(picture.checksum, folders),
            sureness.name(outcomes, outcomes.truth[picture.row]),
            sureness.name(outcomes, outcomes.predicted[picture.row]),
            sureness.sure(outcomes.confidence[picture.row]),
            sureness.place(outcomes, picture),
        )
        for picture in outcomes.pictures
    )
    missing = sum(not each.source for each in mistakes)
    listed = any((folder / SUSPECTS).exists() for folder in folders)
    return Gallery(
        outcomes.network,
        tuple(sureness.sentences(outcomes, missing, SUSPECTS if listed else "")),
        mistakes,
        tuple(promises.promises(outcomes, held_out)) if held_out else (),
        promises.source(held_out) if held_out else "",
    )


def _source(checksum: str, folders: Sequence[Path]) -> str:
    """The address of the thumbnail of an image; empty where there is none."""
    for folder in folders:
        for suffix, kind in _KINDS.items():
            path = folder / THUMBNAILS / f"{checksum}{suffix}"
            if path.is_file() and path.stat().st_size <= _MOST_BYTES:
                content = base64.b64encode(path.read_bytes()).decode()
                return f"data:{kind};base64,{content}"
    return ""
