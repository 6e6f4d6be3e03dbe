"""What a page says of images that are none of the classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atalho.page.words.numbers import text
from atalho.page.words.phrases import counted
from atalho.ranking import condition_text
from atalho.record import Record


@dataclass(frozen=True)
class Unknowns:
    """How unsure a network is of images that are none of its classes.

    Attributes:
        sentence: how often it is less sure of one of them than of an image of its classes.
        refused: by the share of wrong labels that is promised, the share of them that get no label, in words.
    """

    sentence: str
    refused: Mapping[float, str]


def of_network(network: str, records: Sequence[Record]) -> Unknowns | None:
    """The newest measurement of a network; None where there is none."""
    areas = [r for r in records if (r.subject, r.quantity) == (network, "unknown_auroc")]
    if not areas:
        return None
    area = areas[-1]
    images, data = area.conditions.get("images"), area.conditions.get("data_checksum")
    refused = {
        max_error: text("unknown_refused", record.value)
        for record in records
        if (record.subject, record.quantity) == (network, "unknown_refused")
        if record.conditions.get("data_checksum") == data
        if isinstance(max_error := record.conditions.get("max_error"), int | float)
    }
    shown = counted(images, "image") if isinstance(images, int) else "images"
    sentence = (
        f"{network} was shown {shown} of none of the classes ({condition_text(area.conditions.get('data'))}): in "
        f"{text('unknown_auroc', area.value)} of all pairs with an image of its classes it is less sure of the one that is none (50\u00a0% "
        "where it cannot tell, 100\u00a0% where it always can)."
    )
    return Unknowns(sentence, refused)
