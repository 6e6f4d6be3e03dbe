"""The sources' claims as data, and their verdicts: one source a file."""

from collections.abc import Iterable

from atalho.claims import canziani, he, lecture, szegedy
from atalho.claims.claim import Claim, Finding, Verdict, examine
from atalho.claims.shipped import shipped
from atalho.claims.tables import Tables
from atalho.errors import AtalhoError, Exit
from atalho.record import Record

CLAIMS: dict[str, Claim] = {
    claim.id: claim for source in (lecture, he, szegedy, canziani) for claim in source.CLAIMS
}

__all__ = ["CLAIMS", "Claim", "Finding", "Verdict", "shipped", "verify"]


def verify(ids: Iterable[str] = (), records: Iterable[Record] = ()) -> list[Finding]:
    """The findings on the claims with these ids, or on all claims where `ids` is empty.

    Args:
        records: of trainings and measurements. They decide where they suffice, together with those that go with the package
            where they do not.

    Raises:
        AtalhoError: CLAIM-UNKNOWN (exit 2), with the nearest ids.
    """
    chosen = [_claim(name) for name in ids] or list(CLAIMS.values())
    tables, evidence = Tables(), list(records)
    return [examine(claim, tables, evidence, shipped()) for claim in chosen]


def _claim(name: str) -> Claim:
    claim = CLAIMS.get(name.upper())
    if claim is None:
        from difflib import get_close_matches

        near = get_close_matches(name.upper(), CLAIMS, n=3)
        raise AtalhoError(
            "CLAIM-UNKNOWN",
            name,
            f"no claim has that id; nearest: {', '.join(near) or 'none'}",
            next_step="atalho verify lists them all",
            exit=Exit.USAGE,
        )
    return claim
