"""Which records a comparison takes, and the conditions in which they must agree to be ranked together."""

from collections.abc import Mapping, Sequence
from typing import Any

from atalho import conditions as schema
from atalho.conditions import Owner
from atalho.record import ACCURACIES, Query, Record

_ABOUT_ENGINES = frozenset({"max_difference", "agreement"})
MAY_DIFFER = (Owner.NETWORK, Owner.TRAINING, Owner.SEED, Owner.RESULT)


def selected(records: Sequence[Record], queries: Sequence[Query] = ()) -> list[Record]:
    """The records that are compared, in their order.

    Args:
        queries: what a command measures. Records of its networks must match them; records of other networks must agree with the
            conditions that the queries share; quantities that no query has are left out. Without queries all records are
            compared, of several machines as `of_one_machine` selects them.
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

    def matches(record: Record) -> bool:
        of_quantity = by_quantity.get(record.about, [])
        if own := [each for each in of_quantity if each.subject == record.subject]:
            return any(each.matches(record) for each in own)
        return bool(of_quantity) and schema.states(record.conditions, shared[record.about])

    return [record for record in records if matches(record)]


def ranking_conditions(record: Record) -> dict[str, Any]:
    """The conditions, flat, in which another record must agree to be ranked with this one."""
    return _must_agree(record.quantity, record.conditions)


def _must_agree(quantity: str, conditions: Mapping[str, Any]) -> dict[str, Any]:
    fixed = schema.without(conditions, *MAY_DIFFER)
    if quantity in _ABOUT_ENGINES:
        return fixed
    if quantity in ACCURACIES:
        fixed = schema.but_of_costs(fixed)
    return {name: value for name, value in fixed.items() if not schema.own(name, conditions)}


def of_one_machine(records: Sequence[Record]) -> list[Record]:
    """Selects the main machine's records, and from other machines those that the main one lacks.

    The main machine is the one with latencies of most networks, of several such the first in the records. Another machine's
    record of a network and quantity that the main one measured is left out, unless it is an accuracy.
    """
    timed: dict[str, set[str]] = {}
    for record in records:
        if record.quantity == "latency" and (device := record.device):
            timed.setdefault(device, set()).add(record.subject)
    if len(timed) < 2:
        return list(records)
    main = max(timed, key=lambda device: len(timed[device]))
    on_main = {(r.subject, r.quantity) for r in records if r.device == main}
    return [
        record
        for record in records
        if record.quantity == "top1"
        or record.device in (None, main)
        or (record.subject, record.quantity) not in on_main
    ]


def standing_failures(records: Sequence[Record]) -> list[Record]:
    """The records of failures after which the quantity was not measured under the same conditions."""

    def measured_since(failure: Record, later: Sequence[Record]) -> bool:
        query = Query(failure.subject, (failure.about,), failure.conditions)
        return any(each.quantity != "failure" and query.matches(each) for each in later)

    return [
        each
        for following, each in enumerate(records, start=1)
        if each.quantity == "failure" and not measured_since(each, records[following:])
    ]
