"""The command line: each command parses its options, calls one function of `atalho` and shows the result."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Annotated, Any, ParamSpec

import typer

from atalho import __version__
from atalho.cli import asking, measuring, reading, training
from atalho.cli.progress import say
from atalho.errors import WRONG_OPTION, AtalhoError, Exit, printable

Parameters = ParamSpec("Parameters")

app = typer.Typer(
    name="atalho",
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


COMMANDS: Mapping[str, Callable[..., Any]] = {
    "list": reading.list_networks,
    "show": reading.show,
    "inception": reading.inception,
    "draw": reading.draw,
    "verify": reading.verify,
    "train": training.train,
    "evaluate": asking.evaluate,
    "predict": asking.predict,
    "export": asking.export,
    "bench": measuring.bench,
    "compare": measuring.compare,
    "diagnose": measuring.diagnose,
    "report": reading.report,
    "lecture": reading.lecture,
}


def _naming_options(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Wraps a command: an error about an option becomes a usage error of typer, with the option's name and a hint to --help."""

    @wraps(command)
    def run(*args: Parameters.args, **options: Parameters.kwargs) -> None:
        try:
            command(*args, **options)
        except AtalhoError as error:
            if error.code != WRONG_OPTION:
                raise
            raise typer.BadParameter(error.cause, param_hint=error.subject) from error

    return run


for _name, _function in COMMANDS.items():
    app.command(_name)(_naming_options(_function))


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
