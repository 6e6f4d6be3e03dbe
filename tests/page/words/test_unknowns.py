"""What a page says of images that are none of the classes: the newest measurement, of the network that is shown."""

from typing import Any

from atalho.page.words import unknowns
from atalho.record import Record


def of(subject: str, quantity: str, value: float, **conditions: Any) -> Record:
    return Record.of(subject, quantity, value, "measured", **conditions)


def test_the_newest_measurement_is_shown() -> None:
    records = [
        of("net", "unknown_auroc", 0.6, images=3, data="a", data_checksum="sha256:a"),
        of("net", "unknown_refused", 0.1, max_error=0.05, data_checksum="sha256:a"),
        of("net", "unknown_auroc", 0.9, images=40, data="b", data_checksum="sha256:b"),
        of("net", "unknown_refused", 0.75, max_error=0.1, data_checksum="sha256:b"),
        of("other", "unknown_refused", 0.2, max_error=0.02, data_checksum="sha256:b"),
    ]
    shown = unknowns.of_network("net", records)
    assert shown
    assert shown.refused == {0.1: "75.0\u00a0%"}
    assert shown.sentence.startswith(
        "net was shown 40 images of none of the classes (b): in 90.0\u00a0% of all pairs"
    )
    assert unknowns.of_network("other", records) is None
