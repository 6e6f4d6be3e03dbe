"""Runs a part of the tests on every Python that atalho supports and that is there: `make versions`.

Each has an environment of its own with the extras that the part needs, which takes several gigabytes.
"""

import nox

PART = [
    "grammar",
    "networks",
    "explain",
    "runtime",
    "choice",
    "test_files.py",
    "test_platforms.py",
    "test_record.py",
]


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """The part, or what is named after `--`."""
    session.install(".[timm,cluster]", "pytest", "pytest-xdist", "hypothesis")
    chosen = session.posargs or [f"tests/{each}" for each in PART]
    session.run("pytest", "-n", "2", "-m", "not full", *chosen)
