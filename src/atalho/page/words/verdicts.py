"""Records → the verdicts on the claims of the sources, as the page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from atalho import claims
from atalho.claims import Claim, Finding, Verdict
from atalho.record import Record

WORDS = {
    Verdict.DIFFERS: "differ from what this program finds",
    Verdict.HOLDS: "hold",
    Verdict.CITED: "are other people’s results, cited and not reproduced here",
    Verdict.UNMEASURED: "need measurements that are not among these records",
}


@dataclass(frozen=True)
class Line:
    """A claim with the number that its source prints, the recomputed or measured value, and a note; both with their unit."""

    claim: Claim
    printed: str
    value: str
    note: str


def grouped(records: Sequence[Record]) -> dict[str, list[Line]]:
    """Returns all claims by verdict, those that differ first."""
    findings = claims.verify(records=records)
    return {
        verdict.value: [_line(each) for each in findings if each.verdict is verdict]
        for verdict in WORDS
    }


def sentence(lines: dict[str, list[Line]]) -> str:
    """Returns how many claims there are of each verdict."""
    counts = [f"{len(lines[verdict.value])} {words}" for verdict, words in WORDS.items()]
    total = sum(map(len, lines.values()))
    return f"Of {total} claims of the lecture and its papers, {'; '.join(counts)}."


def _line(finding: Finding) -> Line:
    claim = finding.claim
    note = f"{finding.note}; by {finding.basis}" if finding.basis else finding.note
    return Line(claim, _value(claim.printed, claim.unit), _value(finding.value, claim.unit), note)


def _value(value: float | str | None, unit: str) -> str:
    if value is None:
        return ""
    written = f"{value:.6g}" if isinstance(value, float) else f"{value}"
    return f"{written} {unit}".rstrip()
