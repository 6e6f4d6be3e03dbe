"""The records that go with the package: what the project measured itself, by study.

They are taken from the repository's `results/`, whose README says how each study was made; `benchmarks/ship.py` chooses what
claims and the lecture need of it.
"""

from functools import cache
from pathlib import Path

from atalho import record
from atalho.record import Record

FOLDER = Path(__file__).parent / "records"
STUDY = "study"
"""The condition that names a shipped record's study: its folder in `results/`. Nobody else's records have it."""


@cache
def shipped() -> tuple[Record, ...]:
    """Every record that goes with the package."""
    return tuple(each for path in sorted(FOLDER.glob("*.jsonl")) for each in record.read(path))
