"""Records from several machines → what each machine took for each network, side by side, without a rank across them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from atalho.conditions import Owner, chosen_engine, identified, without
from atalho.page.words.numbers import NAMES, unit
from atalho.page.words.phrases import counted
from atalho.ranking import Comparison, ranking_conditions, said
from atalho.record import Record

SHOWN = ("latency", "throughput", "peak_memory", "energy")


class Cell(NamedTuple):
    """A number in its column's unit, and what ran the network where that was chosen for it."""

    text: str
    note: str = ""


MISSING = Cell("–")


@dataclass(frozen=True)
class Machine:
    """A column of every group.

    Attributes:
        letter: what it is called above the columns.
        described: its device, and what else tells it from the others.
    """

    letter: str
    described: str


@dataclass(frozen=True)
class Group:
    """A quantity on all machines, in one unit.

    Attributes:
        cells: by network, one a machine.
    """

    title: str
    unit: str
    cells: Mapping[str, tuple[Cell, ...]]


@dataclass(frozen=True)
class SideBySide:
    """Networks × machines."""

    machines: tuple[Machine, ...]
    networks: tuple[str, ...]
    groups: tuple[Group, ...]


def of_one(records: Sequence[Record]) -> list[Record]:
    """The records without those that another machine has taken of what the first one has taken too.

    The first one is the device with the times of most networks, of equals the one named first.
    """
    timed: dict[str, set[str]] = {}
    for record in records:
        if record.quantity == "latency" and (device := _device(record)):
            timed.setdefault(device, set()).add(record.subject)
    if len(timed) < 2:
        return list(records)
    first = max(timed, key=lambda device: len(timed[device]))
    known = {(r.subject, r.quantity) for r in records if _device(r) == first}
    return [
        record
        for record in records
        if record.quantity == "top1"
        or _device(record) in (None, first)
        or (record.subject, record.quantity) not in known
    ]


def side_by_side(comparison: Comparison, records: Sequence[Record]) -> SideBySide | None:
    """What was taken as the comparison's numbers were, but on other machines; None where one machine took all."""
    taken = {
        quantity: _by_machine(comparison.conditions[quantity], records, quantity)
        for quantity in SHOWN
        if quantity in comparison.conditions
    }
    devices = list(dict.fromkeys(device for found in taken.values() for device in found))
    if len(devices) < 2:
        return None
    networks = tuple(row.network for row in comparison.rows)
    groups = tuple(
        _group(comparison, quantity, [found.get(device, []) for device in devices], networks)
        for quantity, found in taken.items()
        if len(found) > 1
    )
    given = [
        next(ranking_conditions(found[device][-1]) for found in taken.values() if device in found)
        for device in devices
    ]
    machines = tuple(
        Machine(chr(ord("A") + index), _described(own, given)) for index, own in enumerate(given)
    )
    measured = tuple(n for n in networks if any(c != MISSING for g in groups for c in g.cells[n]))
    return SideBySide(machines, measured, groups)


def _by_machine(
    ranked: Mapping[str, object], records: Sequence[Record], quantity: str
) -> dict[str, list[Record]]:
    """By device the records that agree with those ranked in all but the machine, and with each other in all."""
    found: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        if record.quantity == quantity and record.provenance == "measured":
            given = ranking_conditions(record)
            device = _device(record)
            if device and _but_machine(given) == _but_machine(ranked):
                alike = json.dumps(given, sort_keys=True, default=str)
                found.setdefault(device, {}).setdefault(alike, []).append(record)
    return {
        device: max(reversed(groups.values()), key=lambda group: len({r.subject for r in group}))
        for device, groups in found.items()
    }


def _group(
    comparison: Comparison,
    quantity: str,
    columns: Sequence[Sequence[Record]],
    networks: Sequence[str],
) -> Group:
    scale = unit(quantity, [record.value for column in columns for record in column])
    newest = [{record.subject: record for record in column} for column in columns]
    size = comparison.conditions[quantity].get("batch")
    cells = {
        network: tuple(
            Cell(scale.number(taken[network].value), chosen_engine(taken[network].conditions))
            if network in taken
            else MISSING
            for taken in newest
        )
        for network in networks
    }
    return Group(
        NAMES[quantity], scale.name + ("" if size is None else f", batch {said(size)}"), cells
    )


def _described(own: Mapping[str, object], several: Sequence[Mapping[str, object]]) -> str:
    """A machine's device, and those of its threads and versions in which the machines differ."""
    differing = [
        name
        for name in own
        if (name == "threads" or name.startswith("versions."))
        and any(other.get(name) != own[name] for other in several)
    ]
    return ", ".join(
        [
            said(own["device"]),
            *(
                counted(own[name], "thread")
                if name == "threads"
                else f"{name.removeprefix('versions.')} {said(own[name])}"
                for name in differing
            ),
        ]
    )


def _but_machine(conditions: Mapping[str, object]) -> dict[str, object]:
    """What two machines agree in where they measured the same."""
    return without(identified(conditions), Owner.MACHINE)


def _device(record: Record) -> str | None:
    device = record.conditions.get("device")
    return device if isinstance(device, str) else None
