"""The error of every failure that a user can cause, one line: `error[CODE] object: cause; consequence. Next: command`."""

import re
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
    UNREAD = 141
    TERMINATED = 143


class AtalhoError(Exception):
    """A failure with a code, a cause and a next step.

    Args:
        code: short name in capitals, for searching (`NETWORK-UNKNOWN`).
        subject: the object that failed: a network, a file, a flag.
        cause: what is wrong with it, and what follows from that.
        next_step: the command or action that the user can try next.
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
        # Errors are sent between processes, since memory is measured in a separate one.
        return _rebuild, self.args


def _rebuild(code: str, subject: str, cause: str, next_step: str, exit: Exit) -> AtalhoError:
    return AtalhoError(code, subject, cause, next_step=next_step, exit=exit)


def printable(text: object) -> str:
    """`text` on one line, with control characters escaped, since names of files and classes may hold any."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def visible(text: str) -> str:
    """`text` with escapes for characters that a terminal obeys or that turn the reading direction; spaces and line ends stay."""
    return _UNSEEN.sub(lambda match: _escape(match[0]), text)


_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def _escape(character: str) -> str:
    """As in a string of Python, and of JSON where JSON allows the character in one."""
    if character < "\x7f":
        return character.encode("unicode_escape").decode()
    return f"\\u{ord(character):04x}"


class Stopped(Exception):  # noqa: N818 (no error: the state is saved)
    """A signal ended work that the same call continues; a training with `resume`, after a complete step.

    Args:
        exit: the exit code of a command that ends with this exception.
        step: how many steps of the training are done; None for work on workers.
    """

    def __init__(self, exit: Exit, step: int | None = None) -> None:
        super().__init__(
            "stopped; what workers have saved is kept"
            if step is None
            else f"stopped after step {step}; its state is saved"
        )
        self.exit = exit


WRONG_OPTION = "USAGE"
"""The code of the error for an option with a value that cannot be used."""


def wrong_option(option: str, cause: str) -> AtalhoError:
    """The error USAGE (exit 2) for an option with a value that cannot be used.

    Args:
        option: its name on the command line, without dashes.
    """
    return AtalhoError(
        WRONG_OPTION, f"--{option}", cause, next_step="atalho --help", exit=Exit.USAGE
    )
