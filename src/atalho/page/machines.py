"""Records from several machines → the table of each network's costs on each machine, without a rank across machines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from atalho.conditions import Owner, chosen_engine, identified, without
from atalho.page.words.numbers import NAMES, unit
from atalho.page.words.phrases import at_batch, counted
from atalho.ranking import Comparison, condition_text
from atalho.record import Record
from atalho.selection import ranking_conditions

SHOWN = ("latency", "throughput", "peak_memory", "energy")
"""The quantities of the table, in its order."""


class Cell(NamedTuple):
    """A number in its column's unit; `note` is the engine that was chosen for the network, where one was."""

    text: str
    note: str = ""


MISSING = Cell("–")


@dataclass(frozen=True)
class Machine:
    """A machine, which has a column in every group.

    Attributes:
        letter: its heading.
        described: its device, and the threads and versions in which it differs from the others.
    """

    letter: str
    described: str


@dataclass(frozen=True)
class Group:
    """A quantity on all machines, in one unit.

    Attributes:
        unit: with the size of the batch.
        cells: network → a cell for each machine.
    """

    title: str
    unit: str
    cells: Mapping[str, tuple[Cell, ...]]


@dataclass(frozen=True)
class SideBySide:
    """The table: a row for each network, a group of columns for each quantity, in it a column for each machine."""

    machines: tuple[Machine, ...]
    networks: tuple[str, ...]
    groups: tuple[Group, ...]


def side_by_side(comparison: Comparison, records: Sequence[Record]) -> SideBySide | None:
    """Returns the measurements that differ from the comparison's in the machine alone; None for a single machine."""
    measured = {
        quantity: _by_machine(comparison.conditions[quantity], records, quantity)
        for quantity in SHOWN
        if quantity in comparison.conditions
    }
    devices = list(dict.fromkeys(device for by_device in measured.values() for device in by_device))
    if len(devices) < 2:
        return None
    networks = tuple(row.network for row in comparison.rows)
    groups = tuple(
        _group(comparison, quantity, [by_device.get(device, []) for device in devices], networks)
        for quantity, by_device in measured.items()
        if len(by_device) > 1
    )
    stated = [
        ranking_conditions(next(of[device][-1] for of in measured.values() if device in of))
        for device in devices
    ]
    machines = tuple(
        Machine(chr(ord("A") + index), _described(own, stated)) for index, own in enumerate(stated)
    )
    shown = tuple(n for n in networks if any(c != MISSING for g in groups for c in g.cells[n]))
    return SideBySide(machines, shown, groups)


def _by_machine(
    ranked: Mapping[str, object], records: Sequence[Record], quantity: str
) -> dict[str, list[Record]]:
    """Device → records that agree with the ranked ones in all conditions but the machine's, and with each other in all.

    Of several such groups on a device the one of most networks is taken, the newest of equals.
    """
    groups: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        if record.quantity == quantity and record.provenance == "measured":
            stated = ranking_conditions(record)
            device = record.device
            if device and _but_machine(stated) == _but_machine(ranked):
                alike = json.dumps(stated, sort_keys=True, default=str)
                groups.setdefault(device, {}).setdefault(alike, []).append(record)
    return {
        device: max(reversed(own.values()), key=lambda group: len({r.subject for r in group}))
        for device, own in groups.items()
    }


def _group(
    comparison: Comparison,
    quantity: str,
    columns: Sequence[Sequence[Record]],
    networks: Sequence[str],
) -> Group:
    scale = unit(quantity, [record.value for column in columns for record in column])
    newest = [{record.subject: record for record in column} for column in columns]
    cells = {
        network: tuple(
            Cell(scale.number(column[network].value), chosen_engine(column[network].conditions))
            if network in column
            else MISSING
            for column in newest
        )
        for network in networks
    }
    return Group(NAMES[quantity], at_batch(scale.name, comparison.conditions[quantity]), cells)


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
            condition_text(own["device"]),
            *(
                counted(own[name], "thread")
                if name == "threads"
                else f"{name.removeprefix('versions.')} {condition_text(own[name])}"
                for name in differing
            ),
        ]
    )


def _but_machine(conditions: Mapping[str, object]) -> dict[str, object]:
    """The conditions without those of the machine, in which comparable measurements on two machines agree."""
    return without(identified(conditions), Owner.MACHINE)
