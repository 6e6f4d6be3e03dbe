"""The most confident mistakes of a network as pictures with their true and their predicted class."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from atalho.beside import SUSPECTS, THUMBNAILS, map_names
from atalho.page.outcomes import Outcomes, Picture
from atalho.page.words import promises, sureness
from atalho.page.words.promises import Promise
from atalho.page.words.unknowns import Unknowns

_KINDS = {".jpg": "image/jpeg", ".png": "image/png"}

_MOST_BYTES = 50_000
"""The most bytes of a thumbnail; a larger file is none of ours."""


@dataclass(frozen=True)
class Mistake:
    """A picture with its words.

    Attributes:
        source: the thumbnail as an address that holds it; empty where there is none.
        looked: where the network looked, likewise.
        truth, predicted: the names of the classes.
        sure: the probability of the predicted class, in words.
        place: the name of its file, or its number in the split.
    """

    source: str
    looked: str
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
        looked: what the pictures of where it looked are, or why there are none; empty where there are no pictures at all.
        promises: how many images it answers where few answers may be wrong; empty without held-out images.
        held_out: from how many images these thresholds are, in words.
        unknowns: how unsure it is of images of none of the classes; None where it was shown none.
    """

    network: str
    sentences: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    looked: str
    promises: tuple[Promise, ...]
    held_out: str
    unknowns: Unknowns | None


def gallery(
    outcomes: Outcomes,
    held_out: Outcomes | None,
    folders: Sequence[Path],
    unknowns: Unknowns | None,
) -> Gallery:
    """The mistakes in some outcomes.

    Args:
        held_out: of the same network, from which thresholds are.
        folders: of records, beside which thumbnails may lie.
        unknowns: of the same network.
    """
    maps = [_map(outcomes, picture, folders) for picture in outcomes.pictures]
    mistakes = tuple(
        Mistake(
            _source(picture.checksum, folders),
            looked,
            sureness.name(outcomes, outcomes.truth[picture.row]),
            sureness.name(outcomes, outcomes.predicted[picture.row]),
            sureness.sure(outcomes.confidence[picture.row]),
            sureness.place(outcomes, picture),
        )
        for picture, (_, looked) in zip(outcomes.pictures, maps, strict=True)
    )
    missing = sum(not each.source for each in mistakes)
    listed = any((folder / SUSPECTS).exists() for folder in folders)
    return Gallery(
        outcomes.network,
        tuple(sureness.sentences(outcomes, missing, SUSPECTS if listed else "")),
        mistakes,
        sureness.looked({kind for kind, _ in maps}) if missing < len(mistakes) else "",
        tuple(promises.promises(outcomes, held_out, unknowns.refused if unknowns else {}))
        if held_out
        else (),
        promises.source(held_out) if held_out else "",
        unknowns,
    )


def _map(outcomes: Outcomes, picture: Picture, folders: Sequence[Path]) -> tuple[str, str]:
    """The kind of the picture of where the network looked, and its address; both empty where there is none."""
    for kind, name in map_names(picture.checksum, outcomes.conditions).items():
        if source := _source(name, folders):
            return kind, source
    return "", ""


def _source(name: str, folders: Sequence[Path]) -> str:
    """The address of the small picture of that name, which is without its suffix; empty where there is none."""
    for folder in folders:
        for suffix, kind in _KINDS.items():
            path = folder / THUMBNAILS / f"{name}{suffix}"
            if path.is_file() and path.stat().st_size <= _MOST_BYTES:
                content = base64.b64encode(path.read_bytes()).decode()
                return f"data:{kind};base64,{content}"
    return ""
