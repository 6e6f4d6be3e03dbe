"""What a claim is and how it becomes a finding: the claim is data, its check one of three frozen descriptions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from atalho.claims.tables import Tables
from atalho.grammar.printed import agrees
from atalho.record import Provenance, Record

Value = int | float | str


class Verdict(StrEnum):
    """How a claim stands."""

    HOLDS = "holds"
    DIFFERS = "differs"
    CITED = "cited"  # somebody's result, quoted with its source and not reproduced
    UNMEASURED = "unmeasured"  # the training or hardware records that would decide it are not there


class Answer(NamedTuple):
    """What a check found.

    Attributes:
        found: the recomputed or measured value, in the claim's unit.
        note: the arithmetic or the statistic behind it.
        holds: whether it supports the claim; None leaves that to the printed number and its precision.
    """

    found: Value
    note: str = ""
    holds: bool | None = None


@dataclass(frozen=True)
class Computed:
    """Recomputed from the tables.

    Args:
        truncation: whether a printed number may be a truncated one. It may not where other cells of its column are
            rounded up: one column has one rule.
    """

    work: Callable[[Tables], Answer]
    truncation: bool = True


@dataclass(frozen=True)
class Cited:
    """Somebody's result; `reference` is where it was first printed, if that is not the claim's own place."""

    reference: str = ""


@dataclass(frozen=True)
class Measured:
    """Decided by records.

    Args:
        needs: which records count.
        decide: returns None where these records are missing; without it, no record decides the claim yet.
    """

    needs: str
    decide: Callable[[Sequence[Record]], Answer | None] = lambda records: None


@dataclass(frozen=True)
class Claim:
    """One statement of a source.

    Args:
        id: `L24`: the source's letter and a number.
        source, place: the document, and where in it.
        text: what is claimed, in English.
        printed: the number as printed (a float has the printed decimals), or the words that stand for it.
        expected: the verdict recorded for it; of a claim that records decide, the one once they are there.
        note: what the check cannot work out: the reason, the reading, the history.
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
    """A claim with its verdict; `found` is in the claim's unit, `provenance` says where it comes from."""

    claim: Claim
    verdict: Verdict
    found: Value | None
    provenance: Provenance | None
    note: str

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is the recorded one; absent records contradict nothing."""
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
            "found": self.found,
            "unit": claim.unit,
            "verdict": self.verdict.value,
            "provenance": self.provenance,
            "note": self.note,
        }


def examine(claim: Claim, tables: Tables, records: Sequence[Record]) -> Finding:
    """The claim's verdict, from the tables and the records given."""
    match claim.check:
        case Cited(reference):
            said = f"cited from {reference or f'{claim.source}, {claim.place}'}"
            return Finding(claim, Verdict.CITED, None, "cited", _joined(said, claim.note))
        case Measured(needs, decide):
            if (answer := decide(records)) is None:
                note = _joined(f"needs {needs}", claim.note)
                return Finding(claim, Verdict.UNMEASURED, None, None, note)
            return _finding(claim, answer, "measured")
        case Computed(work, truncation):
            return _finding(claim, work(tables), "computed", truncation=truncation)


def _finding(
    claim: Claim, answer: Answer, provenance: Provenance, *, truncation: bool = True
) -> Finding:
    printed, found, holds, remark = claim.printed, answer.found, answer.holds, ""
    if isinstance(printed, int | float) and isinstance(found, int | float):
        rounded = agrees(printed, found, truncation=False)
        if holds is None:
            holds = rounded or (truncation and agrees(printed, found))
            remark = "" if rounded or not holds else f"{printed} is the truncated number"
        if not holds:
            remark = _difference(printed, found)
    elif holds is None:
        holds = printed == found
    verdict = Verdict.HOLDS if holds else Verdict.DIFFERS
    return Finding(claim, verdict, found, provenance, _joined(answer.note, remark, claim.note))


def _difference(printed: float, found: float) -> str:
    share = f" ({percent(abs(printed / found - 1))})" if printed and found else ""
    side = "above" if printed > found else "below"
    return f"the printed {printed} is {abs(printed - found):.4g}{share} {side}"


def percent(fraction: float, places: int = 1) -> str:
    return f"{100 * fraction:.{places}f} %"


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
