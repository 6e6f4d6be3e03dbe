"""Made-up diagnoses, as `atalho diagnose` would record them; the numbers are nobody's measurement."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from atalho.record import Record

AT_START: dict[str, tuple[float, tuple[float, float], tuple[float, ...]]] = {
    "plain20": (23.2, (0.08, 0.01), ()),
    "plain56": (13_300.0, (0.01, 0.0), ()),
    "resnet20": (8.35, (0.56, 0.3), (0.40, 0.60)),
    "resnet56": (34.1, (0.20, 0.1), (0.50, 0.70)),
}


ROWS = ("conv1", "conv2_1", "conv2_2", "fc")


FLOW = {"gradient-norm", "shortcut-share", "gradient-correlation", "responses"}


def diagnosed(network: str, moment: str = "0", **given: Any) -> Iterator[Record]:
    """A network at a moment; after 0 its gradient is as large at either end."""
    ratio, correlations, shares = AT_START[network]
    raw = ratio if moment == "0" else 2.0
    own = {
        "data": "digits",
        "input": [1, 8, 8],
        "num_classes": 10,
        "recipe": "quick",
        "seed": 0,
        "depth": int(re.sub(r"\D", "", network)),
        "moment": moment,
        **given,
    }
    # The last row is no map: its norm is far from the others'.
    for index, (row, norm) in enumerate(zip(ROWS, (raw, raw**0.5, 1.0, 1e6), strict=True)):
        yield Record.of(network, "gradient_norm", norm, "measured", **own, row=row, index=index)
    ends = {"first": "conv1", "last": "conv2_2"}
    yield Record.of(network, "gradient_ratio", raw / 2, "measured", **own, **ends, raw=raw)
    yield Record.of(network, "gradient_slope", -0.5, "measured", **own, **ends)
    for distance, value in zip((0.1, 0.5), correlations, strict=True):
        yield Record.of(
            network, "gradient_correlation", value, "measured", **own, distance=distance
        )
    if not shares:
        yield Record.of(network, "shortcut_share", 0, "computed", **own)
    for index, share in enumerate(shares, start=1):
        yield Record.of(
            network, "shortcut_share", share, "measured", **own, row=ROWS[index], index=index
        )
    kernels = [[3, 3], [1, 1], [3, 3]]
    yield Record.of(
        network, "response_std", 1.0, "measured", [0.5, 9.0, 1.5], **own, kernels=kernels
    )


def example_diagnosis() -> list[Record]:
    """Four networks at initialisation and after ten steps."""
    return [each for name in AT_START for moment in ("0", "10") for each in diagnosed(name, moment)]


def at_start(records: list[Record], network: str, quantity: str, **given: Any) -> list[Record]:
    """With other conditions, or another `value`, of one network's quantity at initialisation."""
    value = given.pop("value", None)
    return [
        replace(
            r,
            value=r.value if value is None else value,
            conditions={**r.conditions, **given},
        )
        if (r.subject, r.quantity, r.conditions["moment"]) == (network, quantity, "0")
        else r
        for r in records
    ]
