"""The command line in this process, as a campaign calls it."""

import io
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

from atalho.cli import main
from atalho.errors import Exit
from campaign.attempts import Bounds, attempt
from campaign.counts import Counts

DOCUMENTED = frozenset(int(each) for each in Exit)


class Ended(NamedTuple):
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def fault(self) -> str:
        """What is wrong with how it ended: a traceback, an undocumented exit code, an error of several lines; or empty."""
        if self.code not in DOCUMENTED:
            return f"exit code {self.code}"
        if "Traceback" in self.err:
            return "a traceback"
        errors = [line for line in self.err.splitlines() if line.startswith("error[")]
        if self.code not in (Exit.DONE, Exit.CHECK_FAILED) and len(errors) != 1:
            return f"exit code {self.code} with {len(errors)} errors"
        return ""


def tried(counts: Counts, example: str, words: Sequence[str], bounds: Bounds) -> Ended | None:
    """Counts how a command ends, and a traceback as a fault; None where it did not end as a command does."""
    result = attempt(counts, example, lambda: command(*words), bounds).result
    if not isinstance(result, Ended):
        counts.end("failed")
        return None
    counts.end(f"exit {result.code}")
    if result.fault:
        counts.fault("tracebacks", f"{example}: {result.fault}: {result.err[-300:]}")
    return result


def command(*words: str) -> Ended:
    """Runs a command of atalho's."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*words])
    return Ended(code, out.getvalue(), err.getvalue())
