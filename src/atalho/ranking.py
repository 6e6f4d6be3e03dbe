"""Which records may be ranked together: one row a network, what is ranked, and why the rest is not.

Records are ranked together where all conditions of the measurement agree: data, split, images, protocol, precision,
device, threads, engine, batch, versions. How a network came to its weights (recipe, epochs, seed) may differ; the page
says so, and the number stays. Where each network's engine was chosen from the same ones, the
engine with its precision and version is the network's too. Whose a condition is, `conditions` says.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import mean, stdev
from typing import Any

from atalho import conditions as schema
from atalho.conditions import Owner
from atalho.record import DIAGNOSES, UNITS, Query, Record, of_one_machine, standing_failures

CURVES = ("train_loss", "train_top1", "val_loss", "val_top1")
"""Quantities with a record for every point of a training run; they are no columns of a comparison."""

HIGHER_IS_BETTER = frozenset({"top1", "top5", "throughput", "train_throughput"})

FOR_ONE_IMAGE = frozenset({"latency", "peak_memory", "energy"})
"""Quantities that depend on the batch; their limits are for one image at a time."""

_ABOUT_ENGINES = frozenset({"max_difference", "agreement"})
_MAY_DIFFER = (Owner.NETWORK, Owner.TRAINING, Owner.SEED, Owner.RESULT)


@dataclass(frozen=True)
class Reading:
    """One quantity of one network: its newest training's records, one a seed.

    Attributes:
        records: at least one; all agree on what a rank needs.
    """

    records: tuple[Record, ...]

    @property
    def value(self) -> float:
        """The mean over the seeds, in the unit of the records."""
        return mean(record.value for record in self.records)

    @property
    def deviation(self) -> float | None:
        """The standard deviation over the seeds; None for one."""
        return stdev(r.value for r in self.records) if len(self.records) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """From the lowest to the highest end of the seeds' 95 % intervals; None where one has none."""
        intervals = [pair(record.conditions.get("interval")) for record in self.records]
        known = [interval for interval in intervals if interval is not None]
        if len(known) < len(intervals):
            return None
        return min(low for low, _ in known), max(high for _, high in known)

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
        readings: by quantity, what is ranked with the other rows; a quantity that was not measured is absent.
        apart: records of quantities without a reading.
        cited: other people's numbers, the last of each quantity; never ranked.
    """

    network: str
    readings: Mapping[str, Reading]
    apart: tuple[Apart, ...] = ()
    cited: tuple[Record, ...] = ()

    def value(self, quantity: str) -> float | None:
        """The ranked value in its record's unit, or None."""
        reading = self.readings.get(quantity)
        return reading.value if reading else None


@dataclass(frozen=True)
class Comparison:
    """Networks side by side, the most accurate first.

    Attributes:
        conditions: by quantity, what all its ranked records share, nested conditions flattened (`versions.torch`).
        failures: what could not be measured; a network that has nothing else has no row.
    """

    rows: tuple[Row, ...]
    conditions: Mapping[str, Mapping[str, Any]]
    failures: tuple[Record, ...] = ()


def pair(value: object) -> tuple[float, float] | None:
    """`value` as two numbers; None where it is anything else, since records may come from other people."""
    match value:
        case [int() | float() as low, int() | float() as high]:
            return float(low), float(high)
    return None


def comparison(records: Sequence[Record], queries: Sequence[Query] = ()) -> Comparison:
    """One row for each network that has a record of something other than a diagnosis or a failure.

    Args:
        queries: of the command that shows it, as in `selected`; what other networks have apart from that is said.
    """
    chosen = selected(records, queries)
    ranked: dict[str, dict[str, list[Record]]] = {}
    conditions: dict[str, Mapping[str, Any]] = {}
    for quantity in [each for each in UNITS if each not in (*DIAGNOSES, *CURVES, "failure")]:
        own = [r for r in chosen if r.quantity == quantity and r.provenance != "cited"]
        if own:
            group = _largest(_groups(own))
            conditions[quantity] = ranking_conditions(group[-1])
            ranked[quantity] = _by_network(group)
    rows = []
    for network, own in _by_network(_compared(records if queries else chosen)).items():
        readings = {q: _reading(of[network]) for q, of in ranked.items() if network in of}
        cited = {r.quantity: r for r in own if r.provenance == "cited"}
        others = [r for r in own if r.quantity in conditions and r.quantity not in readings]
        apart = _apart([r for r in others if r.provenance != "cited"], conditions)
        rows.append(Row(network, readings, apart, tuple(cited.values())))
    rows.sort(key=lambda row: (loss(row, "top1"), loss(row, "latency"), row.network))
    return Comparison(tuple(rows), conditions, tuple(standing_failures(chosen)))


def selected(records: Sequence[Record], queries: Sequence[Query] = ()) -> list[Record]:
    """The records that are compared, in order.

    Of those that a command asked for that is what it asked for, and of other networks what agrees with that; a quantity that
    it did not ask for is left out. Without queries it is all, but of several machines what one has taken and what only
    another has.
    """
    if not queries:
        return of_one_machine(records)
    by_quantity: dict[str, list[Query]] = {}
    for query in queries:
        for quantity in query.quantities:
            by_quantity.setdefault(quantity, []).append(query)
    shared = {
        quantity: _must_agree(quantity, schema.common(each.conditions for each in of_quantity))
        for quantity, of_quantity in by_quantity.items()
    }

    def asked(record: Record) -> bool:
        of_quantity = by_quantity.get(record.about, [])
        if own := [each for each in of_quantity if each.subject == record.subject]:
            return any(each.matches(record) for each in own)
        return bool(of_quantity) and schema.states(record.conditions, shared[record.about])

    return [record for record in records if asked(record)]


def ranking_conditions(record: Record) -> dict[str, Any]:
    """What must agree for another record to be ranked with this one, nested conditions flattened."""
    return _must_agree(record.quantity, record.conditions)


def _must_agree(quantity: str, conditions: Mapping[str, Any]) -> dict[str, Any]:
    found = schema.without(conditions, *_MAY_DIFFER)
    if quantity in _ABOUT_ENGINES:
        return found
    return {name: value for name, value in found.items() if not schema.own(name, conditions)}


def difference(conditions: Mapping[str, Any], ranked: Mapping[str, Any]) -> list[str]:
    """Each condition that differs, in words: `threads 4 against 2`."""
    return [
        f"{name.removeprefix('versions.')} {_short(conditions.get(name))} against {_short(ranked.get(name))}"
        for name in schema.differing(conditions, ranked)
    ]


def said(value: object) -> str:
    """A condition's value as text: `3×32×32` for a shape."""
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
    """As `said`, a checksum by its first digits."""
    kind, _, digits = said(value).partition("sha256:")
    return said(value) if kind or not digits else f"sha256:{digits[:8]}…"


def loss(row: Row, quantity: str) -> float:
    """The value turned so that less is better; what is not measured comes last."""
    value = row.value(quantity)
    if value is None:
        return inf
    return -value if quantity in HIGHER_IS_BETTER else value


def _compared(records: Sequence[Record]) -> list[Record]:
    """The records of what a comparison has columns for."""
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
    """The group of most networks; among equals on a quiet machine, then one image at a time, or for throughput as many as there are; the newest.

    Of a quantity for one image, a group of more than half as many networks as the largest is an equal: one network that
    failed at a batch of one does not make another batch the one of reference.
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
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.subject, []).append(record)
    return found


def _reading(records: Sequence[Record]) -> Reading:
    """The newest training's records, the newest of each seed."""

    def training(record: Record) -> dict[str, Any]:
        return schema.owned(record.conditions, Owner.TRAINING)

    newest = training(records[-1])
    alike = (record for record in records if training(record) == newest)
    seeds = {str(schema.owned(record.conditions, Owner.SEED)): record for record in alike}
    return Reading(tuple(seeds.values()))


def _apart(records: Sequence[Record], ranked: Mapping[str, Mapping[str, Any]]) -> tuple[Apart, ...]:
    """For each quantity the record that differs least, the newest of equals."""
    nearest: dict[str, tuple[Record, list[str]]] = {}
    for record in records:
        reasons = _reasons(record, ranked[record.quantity])
        known = nearest.get(record.quantity)
        if known is None or len(reasons) <= len(known[1]):
            nearest[record.quantity] = record, reasons
    return tuple(Apart(record, ", ".join(reasons)) for record, reasons in nearest.values())


def _reasons(record: Record, ranked: Mapping[str, Any]) -> list[str]:
    """Why a record is not ranked with others, in words."""
    own = ranking_conditions(record)
    if own.get("noisy") and not ranked.get("noisy"):
        del own["noisy"]
        return [said(record.conditions.get("noise", "a busy machine")), *difference(own, ranked)]
    return difference(own, ranked)
