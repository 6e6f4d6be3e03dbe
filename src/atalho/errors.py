"""Every failure a user can cause, as one line: `error[CODE] object: cause; consequence. Next: command`."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    DONE = 0
    CHECK_FAILED = 1
    USAGE = 2
    DATA = 3
    CHECKPOINT = 4
    UNSAFE = 5
    RESOURCES = 6
    NUMBERS = 7
    INTERRUPTED = 130
    TERMINATED = 143


class AtalhoError(Exception):
    """A failure with a name, a cause and a next step.

    Args:
        code: short name in capitals, for searching (`NETWORK-UNKNOWN`).
        subject: the object that failed: a network, a file, a flag.
        cause: what is wrong with it, and what follows from that.
        next_step: what the user can do about it.
        exit: the exit code of a command that ends with this error.
    """

    def __init__(
        self, code: str, subject: object, cause: str, *, next_step: str, exit: Exit
    ) -> None:
        super().__init__(code, str(subject), cause, next_step, exit)
        self.code = code
        self.subject = printable(subject)
        self.cause = printable(cause)
        self.next_step = printable(next_step)
        self.exit = exit

    def __str__(self) -> str:
        return f"error[{self.code}] {self.subject}: {self.cause}. Next: {self.next_step}"

    def __reduce__(self) -> tuple[object, ...]:
        # An error crosses process boundaries (memory is measured in a process of its own).
        return _rebuild, self.args


def _rebuild(code: str, subject: str, cause: str, next_step: str, exit: Exit) -> AtalhoError:
    return AtalhoError(code, subject, cause, next_step=next_step, exit=exit)


def printable(text: object) -> str:
    """`text` on one line, with control characters escaped: file and class names are foreign text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


class Stopped(Exception):  # noqa: N818 (no error: the state is saved)
    """A signal ended a training after a whole step; the same call goes on with `resume`.

    Args:
        exit: the exit code of a command that ends with it.
        step: how many steps are done.
    """

    def __init__(self, exit: Exit, step: int) -> None:
        super().__init__(f"stopped after step {step}; its state is saved")
        self.exit = exit


WRONG_OPTION = "USAGE"
"""The code of the error of an option that cannot be used as it is given."""


def wrong_option(option: str, cause: str) -> AtalhoError:
    """The error of an option that cannot be used as it is given: USAGE (exit 2).

    Args:
        option: its name on the command line, without dashes.
    """
    return AtalhoError(
        WRONG_OPTION, f"--{option}", cause, next_step="atalho --help", exit=Exit.USAGE
    )
