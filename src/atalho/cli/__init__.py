"""The command line: each command parses its options, calls one function of `atalho` and shows the result."""

import atexit
import errno
import gc
import os
import sys
from collections.abc import Sequence

import click

from atalho import __version__
from atalho.cli import output
from atalho.cli.commands import CommandGroup
from atalho.cli.progress import say
from atalho.errors import AtalhoError, Exit, printable
from atalho.runtime.torchrun import said_elsewhere


@click.group(
    "atalho",
    cls=CommandGroup,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="atalho %(version)s", help="Print the version.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def app() -> None:
    """The classic convolutional networks as their papers print them: explained, trained and compared."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; every failure is one line on standard error and a documented exit code."""
    if arguments is None:  # this process was started for the command
        # Python processes that libraries start (zeus, a compiler) must not import from the current folder either.
        os.environ["PYTHONSAFEPATH"] = "1"
        # At its end the interpreter would search everything for cycles, which takes it up to a second once torch is loaded.
        atexit.register(gc.freeze)
        output.prepare()
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        output.flush()
        return code
    except output.UnwrittenError as error:
        output.drop()
        if isinstance(error.cause, BrokenPipeError):  # nobody reads it
            return Exit.UNREAD
        say(
            f"error[OUTPUT] standard output: cannot be written ({error.cause.strerror}). "
            "Next: the same command with its output elsewhere"
        )
        return Exit.RESOURCES


def _run(words: list[str]) -> int:
    debug = "--debug" in words
    if any("\0" in word for word in words):  # only a program can pass one, and no name has it
        return _failed(
            "error[USAGE] atalho: a NUL is in what it was called with. Next: atalho --help",
            Exit.USAGE,
        )
    try:
        result = app([each for each in words if each != "--debug"], standalone_mode=False)
        return result if isinstance(result, int) else Exit.DONE
    except AtalhoError as error:
        if debug:
            raise
        return _failed(str(error), error.exit)
    except click.exceptions.NoArgsIsHelpError as error:
        return _failed(error.format_message(), Exit.USAGE)
    except click.ClickException as error:
        if debug:
            raise
        where = getattr(error, "ctx", None)
        command = where.command_path if where else "atalho"
        cause = printable(error.format_message()).rstrip(".")
        return _failed(f"error[USAGE] {command}: {cause}. Next: {command} --help", Exit.USAGE)
    except (
        OSError
    ) as error:  # what no command expects: a path that is too long, a disk that is gone
        if debug:
            raise
        subject, cause = printable(error.filename or words[0]), printable(error.strerror or error)
        code = Exit.USAGE if error.errno == errno.ENAMETOOLONG else Exit.RESOURCES
        return _failed(f"error[SYSTEM] {subject}: {cause}. Next: --debug shows where", code)
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED


def _failed(reason: str, code: int) -> int:
    """Says why a command fails, unless another process that torchrun started says it, and returns the exit code."""
    if not said_elsewhere():
        say(reason)
    return code
