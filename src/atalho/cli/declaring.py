"""How a command declares its arguments and options: beside the parameters of its function, from which click's are made."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import click

from atalho.errors import WRONG_OPTION, AtalhoError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Completion = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


class Argument:
    """What a parameter that is given by its position needs beyond its type and its default.

    A parameter without a default is required; one whose type is a list takes several values; a `Literal` is a choice.

    Args:
        min, max: the range of a number, both ends included.
        parser: makes the value from the text; raises `click.BadParameter` where it cannot.
        complete: what a shell completes, of `completing`; choices and paths are completed without.
    """

    def __init__(
        self,
        *,
        help: str | None = None,
        metavar: str | None = None,
        min: float | None = None,
        max: float | None = None,
        parser: Callable[[str], Any] | None = None,
        complete: Completion | None = None,
    ) -> None:
        self.help, self.metavar = help, metavar
        self.min, self.max = min, max
        self.parser, self.complete = parser, complete


class Option(Argument):
    """The same for a parameter that is given by its name. A bool is a flag.

    Args:
        names: as in `-b`, `--batch-size`, or `--new-head/--keep-head`; the parameter's own unless given.
        envvar: the environment variable that is read where the option is absent.
    """

    def __init__(self, *names: str, envvar: str | None = None, **rest: Any) -> None:
        super().__init__(**rest)
        self.names, self.envvar = names, envvar


class Command(click.Command):
    """A command, in which an error about an option is a usage error of click, with the option's name and a hint to --help."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AtalhoError as error:
            if error.code != WRONG_OPTION:
                raise
            raise click.BadParameter(error.cause, ctx, param_hint=error.subject) from error


def command_of(name: str, function: Callable[..., None]) -> Command:
    """The command of a function: its parameters are declared as `Annotated[type, Option(…)]`, and its docstring is the help."""
    parameters = [*map(_parameter, inspect.signature(function).parameters.values())]
    return Command(name, callback=function, params=parameters, help=inspect.getdoc(function))


def _parameter(parameter: inspect.Parameter) -> click.Parameter:
    annotation, declared = get_args(parameter.annotation)
    kind = _without_none(annotation)
    several = get_origin(kind) is list
    settings: dict[str, Any] = {
        "type": _type(get_args(kind)[0] if several else kind, declared),
        "help": declared.help,
        "metavar": declared.metavar,
        "shell_complete": declared.complete,
        "required": parameter.default is parameter.empty,
        "callback": _listed if several else None,
    }
    if not settings["required"]:
        settings["default"] = parameter.default
    if not isinstance(declared, Option):
        return click.Argument([parameter.name], nargs=-1 if several else 1, **settings)
    return click.Option(
        [parameter.name, *(declared.names or [f"--{parameter.name.replace('_', '-')}"])],
        is_flag=True
        if kind is bool
        else None,  # False would let a required one go without its value
        multiple=several,
        envvar=declared.envvar,
        show_envvar=True,
        show_default=True,
        **settings,
    )


def _without_none(annotation: Any) -> Any:
    """The type of a parameter's values where there are any: `X` of `X | None`."""
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (each for each in get_args(annotation) if each is not NoneType)
    return annotation


def _type(kind: Any, declared: Argument) -> Any:
    """click's type of a value."""
    if declared.parser:
        return declared.parser
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    if kind is Path:
        return click.Path(path_type=Path)
    if (declared.min, declared.max) == (None, None):
        return kind
    ranges: dict[type, Any] = {int: click.IntRange, float: click.FloatRange}
    return ranges[kind](declared.min, declared.max)


def _listed(_: click.Context, __: click.Parameter, values: Sequence[Any]) -> list[Any]:
    """Several values as a list of their own; click makes a tuple of them."""
    return [*values]
