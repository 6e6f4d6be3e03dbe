"""Records → the diagnosis that is shown: networks on the same data, at moments of their training, over their seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import Any

from atalho.conditions import CONDITIONS, DIAGNOSED, NUMBER, Owner, identified, owned
from atalho.ranking import condition_text
from atalho.record import Record


@dataclass(frozen=True)
class Diagnosis:
    """Records that may be compared, the newest of each position in the network, moment and seed.

    Attributes:
        moments: at which something was measured, in the order of training: `0`, `1`, `10`, …, `end`.
        conditions: those that all networks share: of the data, and the recipe, None where it is not stated.
        others: further diagnoses that are not shown with these, as `NETWORK on DATA`.
    """

    records: tuple[Record, ...]
    moments: tuple[str, ...]
    conditions: Mapping[str, Any]
    others: tuple[str, ...]

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Diagnosis | None":
        """Returns the diagnosis of most networks on the same data by the same recipe; None without records of a diagnosis."""
        groups: dict[str, dict[str, Record]] = {}
        for record in records:
            if _shown(record):
                newest = groups.setdefault(str(identified(_shared(record))), {})
                newest.pop(_position(record), None)
                newest[_position(record)] = record
        if not groups:
            return None
        # Of several with equally many networks, the newest.
        chosen = max(reversed(groups), key=lambda key: len(_subjects(groups[key].values())))
        shown = tuple(groups[chosen].values())
        others = dict.fromkeys(
            f"{record.subject} on {condition_text(record.conditions.get('data'))}"
            for key, group in groups.items()
            if key != chosen
            for record in group.values()
        )
        moments = sorted({record.conditions["moment"] for record in shown}, key=_order)
        return cls(shown, tuple(moments), _shared(shown[0]), tuple(others))

    @property
    def networks(self) -> list[str]:
        """The networks, in the order of the records."""
        return _subjects(self.records)

    @property
    def seeds(self) -> list[str]:
        """The seeds in order, as text."""
        return sorted({condition_text(record.conditions.get("seed")) for record in self.records})

    def of_quantity(
        self, quantity: str, network: str, moment: str, **conditions: Any
    ) -> list[Record]:
        """Returns the records of a network at a moment that have the conditions, in their order."""
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
        """Returns the value for each value of the condition `by`, in the order of the records; over seeds their median."""
        samples: dict[Any, list[float]] = {}
        for record in self.of_quantity(quantity, network, moment, **conditions):
            samples.setdefault(record.conditions[by], []).append(record.value)
        return {key: median(values) for key, values in samples.items()}

    def value(self, quantity: str, network: str, moment: str) -> float | None:
        """Returns the median of all records of a network at a moment; None where there is none."""
        values = [record.value for record in self.of_quantity(quantity, network, moment)]
        return median(values) if values else None

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
        """Returns the norm of the gradient at the first row over that at the last; over the seeds the median."""
        ratios = [r.conditions["raw"] for r in self.of_quantity("gradient_ratio", network, moment)]
        return median(ratios) if ratios else None

    def moments_of(self, quantity: str) -> list[str]:
        """Returns the moments at which any network has the quantity."""
        measured = {r.conditions["moment"] for r in self.records if r.quantity == quantity}
        return [moment for moment in self.moments if moment in measured]

    def latest(self, quantity: str, network: str) -> str | None:
        """Returns the last moment at which a network has the quantity; None where it has none."""
        measured = [m for m in self.moments if self.of_quantity(quantity, network, m)]
        return measured[-1] if measured else None


def when(moment: str) -> str:
    """Returns a moment in words: `at initialisation`, `after 10 steps`, `at the end of training`."""
    words = {"0": "at initialisation", "1": "after 1 step", "end": "at the end of training"}
    return words.get(moment, f"after {moment} steps")


def _shown(record: Record) -> bool:
    """Whether a record is of a diagnosis and states the position in the network and the moment of its measurement."""
    stated = record.conditions
    moment = stated.get("moment")
    needed = DIAGNOSED.get(record.quantity)
    return (
        needed is not None
        and isinstance(moment, str)
        and (moment == "end" or (moment.isascii() and moment.isdigit()))
        and all(CONDITIONS[name].takes(stated.get(name)) for name in needed)
        and all(_finite(stated[name]) for name in needed if isinstance(stated[name], float))
        and all(map(_finite, stated.get("alphas", ())))
    )


def _finite(value: object) -> bool:
    return isinstance(value, NUMBER) and isfinite(value)


def _shared(record: Record) -> dict[str, Any]:
    """What must agree for networks to be shown together."""
    recipe = {"recipe": record.conditions.get("recipe")}
    return {**owned(record.conditions, Owner.DATA), **recipe}


def _position(record: Record) -> str:
    where = owned(record.conditions, Owner.POSITION, Owner.SEED)
    return str((record.subject, record.quantity, where))


def _order(moment: str) -> float:
    return float("inf") if moment == "end" else int(moment)


def _subjects(records: Iterable[Record]) -> list[str]:
    return list(dict.fromkeys(record.subject for record in records))


def elementwise(records: Sequence[Record]) -> list[float]:
    """Returns the samples of the records, element by element; over the seeds their medians."""
    return [median(values) for values in zip(*(record.samples for record in records), strict=False)]
