"""The command line in this process, as a campaign calls it."""

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

from atalho.cli import main
from atalho.errors import Exit

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


def command(*words: str) -> Ended:
    """Runs a command of atalho's."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*words])
    return Ended(code, out.getvalue(), err.getvalue())
