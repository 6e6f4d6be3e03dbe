"""Which records may be ranked together: one row a network, the values that are ranked, and why others are not.

Records are ranked together where all conditions of the measurement agree: data, split, images, protocol, precision,
device, threads, engine, batch, versions. How a network was trained (recipe, epochs, seed) may differ; the page then
says so. Where the fastest engine was chosen for each network from the same list, the engine with its precision and version
may differ too. `conditions` declares the owner of every condition.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from math import inf
from operator import not_
from statistics import mean, stdev
from typing import Any

from atalho import conditions as schema
from atalho.record import (
    DIAGNOSES,
    FOR_ONE_IMAGE,
    HIGHER_IS_BETTER,
    NO_COLUMNS,
    OF_A_SPLIT,
    UNITS,
    Query,
    Record,
)
from atalho.selection import ranking_conditions, selected, standing_failures


@dataclass(frozen=True)
class Reading:
    """One quantity of one network: the records of its newest training, one a seed.

    Attributes:
        records: at least one; they agree in all conditions that ranking needs.
    """

    records: tuple[Record, ...]

    @property
    def value(self) -> float:
        """The mean over the seeds, in the unit of the records."""
        return mean(record.value for record in self.records)

    @property
    def deviation(self) -> float | None:
        """The standard deviation over the seeds; None for one seed."""
        return stdev(r.value for r in self.records) if len(self.records) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """From the lowest to the highest end of the seeds' 95 % intervals; None where one has none."""
        intervals = [pair(record.conditions.get("interval")) for record in self.records]
        stated = [interval for interval in intervals if interval is not None]
        if len(stated) < len(intervals):
            return None
        return min(low for low, _ in stated), max(high for _, high in stated)

    def condition(self, name: str) -> Any:
        """A condition of the newest record; None where it is not stated."""
        return self.records[-1].conditions.get(name)


@dataclass(frozen=True)
class Apart:
    """A record that is not ranked with the others of its quantity, and the reason in words."""

    record: Record
    reason: str


@dataclass(frozen=True)
class Row:
    """A network in a comparison.

    Attributes:
        readings: by quantity, the values that are ranked with the other rows; a quantity without one is absent.
        tested: by quantity of `OF_A_SPLIT`, the values on the test split, where the networks are ranked by those on another.
        apart: records of quantities without a reading.
        cited: published numbers, the last of each quantity; never ranked.
    """

    network: str
    readings: Mapping[str, Reading]
    apart: tuple[Apart, ...] = ()
    cited: tuple[Record, ...] = ()
    tested: Mapping[str, Reading] = field(default_factory=dict)

    def value(self, quantity: str) -> float | None:
        """The ranked value in its record's unit, or None."""
        reading = self.readings.get(quantity)
        return reading.value if reading else None


@dataclass(frozen=True)
class Comparison:
    """Networks side by side, the most accurate first.

    Attributes:
        conditions: by quantity, the conditions that all its ranked records share, flat (`versions.torch`).
        failures: the records of failed measurements; a network that has no other records has no row.
    """

    rows: tuple[Row, ...]
    conditions: Mapping[str, Mapping[str, Any]]
    failures: tuple[Record, ...] = ()


def pair(value: object) -> tuple[float, float] | None:
    """`value` as a pair of numbers; None where it is none, since a record of another program may hold anything."""
    match value:
        case [int() | float() as low, int() | float() as high]:
            return float(low), float(high)
    return None


def comparison(records: Sequence[Record], queries: Sequence[Query] = ()) -> Comparison:
    """Compares the networks: one row for each that has a record other than of a diagnosis or a failure.

    Args:
        queries: what the command that shows the comparison measures, as in `selected`; with them the other networks of the
            records have rows too, with their values apart.
    """
    chosen = selected(records, queries)
    deciding, of_test = _divided(chosen)
    ranked, conditions = _ranked(deciding)
    tests, _ = _ranked(of_test)
    rows = []
    for network, own in _by_network(_compared(records if queries else chosen)).items():
        readings = {q: _reading(of[network]) for q, of in ranked.items() if network in of}
        tested = {q: _reading(of[network]) for q, of in tests.items() if network in of}
        cited = {r.quantity: r for r in own if r.provenance == "cited"}
        shown = {*readings, *tested}
        others = [r for r in own if r.quantity in conditions and r.quantity not in shown]
        apart = _apart([r for r in others if r.provenance != "cited"], conditions)
        rows.append(Row(network, readings, apart, tuple(cited.values()), tested))
    rows.sort(key=lambda row: (loss(row, "top1"), loss(row, "latency"), row.network))
    return Comparison(tuple(rows), conditions, tuple(standing_failures(chosen)))


def difference(conditions: Mapping[str, Any], ranked: Mapping[str, Any]) -> list[str]:
    """Each condition that differs, in words: `threads 4 against 2`."""
    return [
        f"{name.removeprefix('versions.')} {_short(conditions.get(name))} against {_short(ranked.get(name))}"
        for name in schema.differing(conditions, ranked)
    ]


def condition_text(value: object) -> str:
    """A condition's value as text: `3×32×32` for a shape, `not stated` for None."""
    match value:
        case None:
            return "not stated"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case [int(), *_]:
            return "×".join(map(str, value))
    return str(value)


def _short(value: object) -> str:
    """As `condition_text`, with a checksum shortened to its first digits."""
    kind, _, digits = condition_text(value).partition("sha256:")
    return condition_text(value) if kind or not digits else f"sha256:{digits[:8]}…"


def loss(row: Row, quantity: str) -> float:
    """The value with its sign chosen so that less is better; infinity where there is none."""
    value = row.value(quantity)
    if value is None:
        return inf
    return -value if quantity in HIGHER_IS_BETTER else value


def _divided(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The records that networks are ranked by, and those of the test split, where the same quantity is there of another."""
    own = [r for r in records if r.provenance != "cited"]
    of_test = [r.quantity in OF_A_SPLIT and r.conditions.get("split") == "test" for r in own]
    decided = {r.quantity for r, test in zip(own, of_test, strict=True) if not test}
    aside = [test and r.quantity in decided for r, test in zip(own, of_test, strict=True)]
    return [*compress(own, map(not_, aside))], [*compress(own, aside)]


def _ranked(
    records: Sequence[Record],
) -> tuple[dict[str, dict[str, list[Record]]], dict[str, Mapping[str, Any]]]:
    """By quantity, the records that may be ranked together by network, and the conditions that they share."""
    groups = {
        quantity: _largest(_groups(own))
        for quantity in UNITS
        if quantity not in NO_COLUMNS and (own := [r for r in records if r.quantity == quantity])
    }
    conditions: dict[str, Mapping[str, Any]] = {
        quantity: ranking_conditions(group[-1]) for quantity, group in groups.items()
    }
    return {quantity: _by_network(group) for quantity, group in groups.items()}, conditions


def _compared(records: Sequence[Record]) -> list[Record]:
    """The records of quantities that a comparison has columns for."""
    return [r for r in records if r.quantity not in DIAGNOSES and r.quantity != "failure"]


def _groups(records: Sequence[Record]) -> list[list[Record]]:
    """Records that may be ranked together, in order."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        alike = schema.identified(ranking_conditions(record))
        key = json.dumps(alike, sort_keys=True, default=str)
        groups.setdefault(key, []).append(record)
    return list(groups.values())


def _largest(groups: list[list[Record]]) -> list[Record]:
    """The group of most networks; of equals one from a quiet machine, then of the smallest batch (throughput: largest), the newest.

    For a quantity of `FOR_ONE_IMAGE` all groups of more than half as many networks as the largest are equals: a single network
    that failed at a batch of one does not change the batch at which all are compared.
    """
    most = max(len(_by_network(group)) for group in groups)

    def rank(group: list[Record]) -> tuple[float, ...]:
        networks, newest = len(_by_network(group)), group[-1]
        batch = newest.conditions.get("batch")
        size = batch if isinstance(batch, int) else 0
        if newest.quantity != "throughput":
            size = -size
        quiet = not newest.conditions.get("noisy", False)
        if newest.quantity in FOR_ONE_IMAGE:
            return 2 * networks > most, quiet, size, networks
        return networks, quiet, size

    return max(reversed(groups), key=rank)


def _by_network(records: Sequence[Record]) -> dict[str, list[Record]]:
    by_network: dict[str, list[Record]] = {}
    for record in records:
        by_network.setdefault(record.subject, []).append(record)
    return by_network


def _reading(records: Sequence[Record]) -> Reading:
    """The reading of the newest training, from the newest record of each seed."""

    def training(record: Record) -> dict[str, Any]:
        return schema.owned(record.conditions, schema.Owner.TRAINING)

    newest = training(records[-1])
    alike = (record for record in records if training(record) == newest)
    seeds = {str(schema.owned(record.conditions, schema.Owner.SEED)): record for record in alike}
    return Reading(tuple(seeds.values()))


def _apart(records: Sequence[Record], ranked: Mapping[str, Mapping[str, Any]]) -> tuple[Apart, ...]:
    """For each quantity, the record whose conditions differ least from the ranked ones, the newest of equals."""
    nearest: dict[str, tuple[Record, list[str]]] = {}
    for record in records:
        reasons = _reasons(record, ranked[record.quantity])
        best = nearest.get(record.quantity)
        if best is None or len(reasons) <= len(best[1]):
            nearest[record.quantity] = record, reasons
    return tuple(Apart(record, ", ".join(reasons)) for record, reasons in nearest.values())


def _reasons(record: Record, ranked: Mapping[str, Any]) -> list[str]:
    """Why a record is not ranked with others, in words."""
    own = ranking_conditions(record)
    if own.get("noisy") and not ranked.get("noisy"):
        del own["noisy"]
        return [
            condition_text(record.conditions.get("noise", "a busy machine")),
            *difference(own, ranked),
        ]
    return difference(own, ranked)
