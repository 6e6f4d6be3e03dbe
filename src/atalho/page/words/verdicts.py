"""Records → the verdicts on the sources' claims, as the page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from atalho import claims
from atalho.claims import Claim, Finding, Verdict
from atalho.record import Record

WORDS = {
    Verdict.DIFFERS: "differ from what is found",
    Verdict.HOLDS: "hold",
    Verdict.CITED: "are somebody's results, cited and not reproduced",
    Verdict.UNMEASURED: "need records that are not here",
}


@dataclass(frozen=True)
class Line:
    """A finding in words; numbers carry the claim's unit."""

    claim: Claim
    printed: str
    found: str
    note: str


def grouped(records: Sequence[Record]) -> dict[str, list[Line]]:
    """All claims by verdict, what differs first."""
    findings = claims.verify(records=records)
    return {
        verdict.value: [_line(each) for each in findings if each.verdict is verdict]
        for verdict in WORDS
    }


def sentence(lines: dict[str, list[Line]]) -> str:
    """How many claims there are of each verdict."""
    counts = [f"{len(lines[verdict.value])} {words}" for verdict, words in WORDS.items()]
    total = sum(map(len, lines.values()))
    return f"Of {total} claims of the lecture and its papers, {'; '.join(counts)}."


def _line(finding: Finding) -> Line:
    claim = finding.claim
    return Line(
        claim, _value(claim.printed, claim.unit), _value(finding.found, claim.unit), finding.note
    )


def _value(value: float | str | None, unit: str) -> str:
    if value is None:
        return ""
    written = f"{value:.6g}" if isinstance(value, float) else f"{value}"
    return f"{written} {unit}".rstrip()
