"""What a claim is and how it becomes a finding: the claim is data, its check one of three frozen descriptions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from atalho.claims.basis import basis
from atalho.claims.tables import Tables
from atalho.grammar.printed import agrees
from atalho.record import Provenance, Record

Value = int | float | str


class Verdict(StrEnum):
    """How a claim stands."""

    HOLDS = "holds"
    DIFFERS = "differs"
    CITED = "cited"  # a published result, quoted with its source and not reproduced
    UNMEASURED = (
        "unmeasured"  # the records of trainings or measurements that would decide it are missing
    )


class Result(NamedTuple):
    """What a check computed or measured.

    Attributes:
        value: recomputed or measured, in the claim's unit.
        note: the arithmetic or the statistic behind it.
        holds: whether the value supports the claim; where it is None, the value is compared with the printed one, a number at
            its printed precision.
        records: those that it was measured in.
    """

    value: Value
    note: str = ""
    holds: bool | None = None
    records: Sequence[Record] = ()


@dataclass(frozen=True)
class Computed:
    """A check that recomputes the claim from the networks' tables.

    Args:
        work: computes the result.
        truncation: whether the printed number may have been truncated instead of rounded. False where other cells of its
            column are rounded up, since a column follows one rule.
    """

    work: Callable[[Tables], Result]
    truncation: bool = True


@dataclass(frozen=True)
class Cited:
    """No check: a published result. `reference` is where it was first printed, if that is not the claim's own place."""

    reference: str = ""


@dataclass(frozen=True)
class Measured:
    """A check by records of trainings and measurements.

    Args:
        needs: in words, the records that decide the claim.
        decide: returns the result, or None where these records are missing.
        missing: returns in words, from the records that there are, what it would take to make these, and which are nearest.
    """

    needs: str
    decide: Callable[[Sequence[Record]], Result | None]
    missing: Callable[[Sequence[Record]], str]


@dataclass(frozen=True)
class Claim:
    """One statement of a source.

    Args:
        id: the source's letter and a number, such as `L24`.
        source: the document.
        place: where in the document, such as a table's cell or a section.
        text: what is claimed, in English.
        printed: the number as printed, a float with the printed decimals, or the words in its place.
        expected: the verdict that `verify` should reach, in a `Measured` claim once its records exist.
        note: remarks that the check does not produce, such as how the statement is read or why it differs.
    """

    id: str
    source: str
    place: str
    text: str
    check: Computed | Cited | Measured
    printed: Value | None = None
    unit: str = ""
    expected: Verdict = Verdict.HOLDS
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """A claim with its verdict.

    Attributes:
        value: in the claim's unit.
        provenance: whether the value was computed, measured or is cited.
        basis: by whose records a measured claim is decided, from which machine, schedule and seeds; empty for others.
    """

    claim: Claim
    verdict: Verdict
    value: Value | None
    provenance: Provenance | None
    note: str
    basis: str = ""

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is the expected one, or the records that would decide it are missing."""
        return self.verdict in (self.claim.expected, Verdict.UNMEASURED)

    def to_dict(self) -> dict[str, Value | None]:
        """The finding as `verify --format json` prints it."""
        claim = self.claim
        return {
            "id": claim.id,
            "source": claim.source,
            "place": claim.place,
            "claim": claim.text,
            "printed": claim.printed,
            "found": self.value,
            "unit": claim.unit,
            "verdict": self.verdict.value,
            "provenance": self.provenance,
            "note": self.note,
            "basis": self.basis,
        }


def examine(
    claim: Claim, tables: Tables, records: Sequence[Record], shipped: Sequence[Record] = ()
) -> Finding:
    """The finding on a claim, by its check.

    A claim about trainings or measurements is decided by `records` alone where they suffice, and otherwise by them together with
    the `shipped` ones.
    """
    match claim.check:
        case Cited(reference):
            citation = f"cited from {reference or f'{claim.source}, {claim.place}'}"
            return Finding(claim, Verdict.CITED, None, "cited", _joined(citation, claim.note))
        case Measured(needs, decide, missing):
            known = [*shipped, *records]
            result = (decide(records) if records else None) or decide(known)
            if result is None:
                note = _joined(f"needs {needs}", missing(known), claim.note)
                return Finding(claim, Verdict.UNMEASURED, None, None, note)
            return _finding(claim, result, "measured")
        case Computed(work, truncation):
            return _finding(claim, work(tables), "computed", truncation=truncation)


def _finding(
    claim: Claim, result: Result, provenance: Provenance, *, truncation: bool = True
) -> Finding:
    printed, value, holds, remark = claim.printed, result.value, result.holds, ""
    if isinstance(printed, int | float) and isinstance(value, int | float):
        rounded = agrees(printed, value, truncation=False)
        if holds is None:
            holds = rounded or (truncation and agrees(printed, value))
            remark = "" if rounded or not holds else f"{printed} is the truncated number"
        if not holds:
            remark = _difference(printed, value)
    elif holds is None:
        holds = printed == value
    verdict = Verdict.HOLDS if holds else Verdict.DIFFERS
    note = _joined(result.note, remark, claim.note)
    return Finding(claim, verdict, value, provenance, note, basis(result.records))


def _difference(printed: float, value: float) -> str:
    share = f" ({percent(abs(printed / value - 1))})" if printed and value else ""
    side = "above" if printed > value else "below"
    return f"the printed {printed} is {abs(printed - value):.4g}{share} {side}"


def percent(fraction: float, places: int = 1) -> str:
    return f"{100 * fraction:.{places}f} %"


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
