"""The command line: each command parses its options, calls one function of `atalho` and shows the result."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from atalho import __version__
from atalho.cli.commands import CommandGroup
from atalho.cli.progress import say
from atalho.errors import AtalhoError, Exit, printable

app = typer.Typer(
    name="atalho",
    cls=CommandGroup,
    help="The classic convolutional networks as their papers print them: explained, trained and compared.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        print(f"atalho {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; every failure is one line on standard error and a documented exit code."""
    if arguments is None:  # this process was started for the command
        # Python processes that libraries start (zeus, a compiler) must not import from the current folder either.
        os.environ["PYTHONSAFEPATH"] = "1"
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        result = app([each for each in words if each != "--debug"], standalone_mode=False)
        return result if isinstance(result, int) else Exit.DONE
    except AtalhoError as error:
        if debug:
            raise
        say(str(error))
        return error.exit
    except typer.TyperException as error:
        if debug:
            raise
        where = getattr(error, "ctx", None)
        command = where.command_path if where else "atalho"
        cause = printable(error.format_message()).rstrip(".")
        say(f"error[USAGE] {command}: {cause}. Next: {command} --help")
        return Exit.USAGE
    except (typer.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has closed it
        return Exit.DONE
