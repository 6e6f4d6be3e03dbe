"""Records → a diagnosis as it is shown: networks that were shown the same images, by moment of training, over the seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import Any

from atalho.conditions import CONDITIONS, DIAGNOSED, NUMBER, Owner, identified, owned
from atalho.ranking import said
from atalho.record import Record


@dataclass(frozen=True)
class Diagnosis:
    """Records that may stand side by side, the newest of each place, moment and seed.

    Attributes:
        moments: those measured, in the order of training: `0`, `1`, `10`, …, `end`.
        conditions: what all networks share: those of the data, and the recipe, None where it is not stated.
        others: networks and data that were diagnosed too, and are not shown with these.
    """

    records: tuple[Record, ...]
    moments: tuple[str, ...]
    conditions: Mapping[str, Any]
    others: tuple[str, ...]

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Diagnosis | None":
        """Of the most networks diagnosed on the same data by the same recipe; None where no record is of a diagnosis."""
        groups: dict[str, dict[str, Record]] = {}
        for record in records:
            if _shown(record):
                newest = groups.setdefault(str(identified(_shared(record))), {})
                newest.pop(_place(record), None)
                newest[_place(record)] = record
        if not groups:
            return None
        # Of equally many networks, those that were diagnosed last.
        chosen = max(reversed(groups), key=lambda key: len(_subjects(groups[key].values())))
        found = tuple(groups[chosen].values())
        others = dict.fromkeys(
            f"{record.subject} on {said(record.conditions.get('data'))}"
            for key, group in groups.items()
            if key != chosen
            for record in group.values()
        )
        moments = sorted({record.conditions["moment"] for record in found}, key=_order)
        return cls(found, tuple(moments), _shared(found[0]), tuple(others))

    @property
    def networks(self) -> list[str]:
        """In the order of the records."""
        return _subjects(self.records)

    @property
    def seeds(self) -> list[str]:
        return sorted({said(record.conditions.get("seed")) for record in self.records})

    def of_quantity(
        self, quantity: str, network: str, moment: str, **conditions: Any
    ) -> list[Record]:
        """The records of a network at a moment that have the conditions, in their order."""
        return [
            record
            for record in self.records
            if (record.quantity, record.subject, record.conditions["moment"])
            == (quantity, network, moment)
            and all(record.conditions.get(name) == value for name, value in conditions.items())
        ]

    def values(
        self, quantity: str, network: str, moment: str, by: str, **conditions: Any
    ) -> dict[Any, float]:
        """The value by a condition, in the order of the records; over the seeds their median."""
        found: dict[Any, list[float]] = {}
        for record in self.of_quantity(quantity, network, moment, **conditions):
            found.setdefault(record.conditions[by], []).append(record.value)
        return {key: median(values) for key, values in found.items()}

    def value(self, quantity: str, network: str, moment: str) -> float | None:
        """The median of all records of a network at a moment; None where there is none."""
        found = [record.value for record in self.of_quantity(quantity, network, moment)]
        return median(found) if found else None

    def gradient_norms(self, network: str, moment: str) -> dict[str, float]:
        """Returns the gradient's norm by row, from the input on, as far as the last row whose output is still a map."""
        norms = self.values("gradient_norm", network, moment, "row")
        index = {
            record.conditions["row"]: record.conditions["index"]
            for record in self.of_quantity("gradient_norm", network, moment)
        }
        ends = self.of_quantity("gradient_ratio", network, moment)
        last = index.get(ends[-1].conditions["last"]) if ends else None
        ordered = sorted(norms, key=index.__getitem__)
        return {row: norms[row] for row in ordered if last is None or index[row] <= last}

    def ratio(self, network: str, moment: str) -> float | None:
        """The gradient's whole norm at the first row over that at the last; over the seeds the median."""
        found = [r.conditions["raw"] for r in self.of_quantity("gradient_ratio", network, moment)]
        return median(found) if found else None

    def moments_of(self, quantity: str) -> list[str]:
        """The moments at which any network has the quantity."""
        measured = {r.conditions["moment"] for r in self.records if r.quantity == quantity}
        return [moment for moment in self.moments if moment in measured]

    def latest(self, quantity: str, network: str) -> str | None:
        """The last moment at which a network has the quantity."""
        measured = [m for m in self.moments if self.of_quantity(quantity, network, m)]
        return measured[-1] if measured else None


def when(moment: str) -> str:
    """A moment in words."""
    words = {"0": "at initialisation", "1": "after 1 step", "end": "at the end of training"}
    return words.get(moment, f"after {moment} steps")


def _shown(record: Record) -> bool:
    """Whether it is of a diagnosis and says where it was taken."""
    given = record.conditions
    moment = given.get("moment")
    needed = DIAGNOSED.get(record.quantity)
    return (
        needed is not None
        and isinstance(moment, str)
        and (moment == "end" or (moment.isascii() and moment.isdigit()))
        and all(CONDITIONS[name].takes(given.get(name)) for name in needed)
        and all(_finite(given[name]) for name in needed if isinstance(given[name], float))
        and all(map(_finite, given.get("alphas", ())))
    )


def _finite(value: object) -> bool:
    return isinstance(value, NUMBER) and isfinite(value)


def _shared(record: Record) -> dict[str, Any]:
    """What must agree for networks to be shown together."""
    recipe = {"recipe": record.conditions.get("recipe")}
    return {**owned(record.conditions, Owner.DATA), **recipe}


def _place(record: Record) -> str:
    where = owned(record.conditions, Owner.PLACE, Owner.SEED)
    return str((record.subject, record.quantity, where))


def _order(moment: str) -> float:
    return float("inf") if moment == "end" else int(moment)


def _subjects(records: Iterable[Record]) -> list[str]:
    return list(dict.fromkeys(record.subject for record in records))


def elementwise(records: Sequence[Record]) -> list[float]:
    """The samples, over the seeds their medians."""
    return [median(values) for values in zip(*(record.samples for record in records), strict=False)]
