"""The commands by name: the function of each, loaded when the command is called, and its line in `atalho --help`."""

from collections.abc import Callable, Iterator, MutableMapping
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from atalho.errors import WRONG_OPTION, AtalhoError

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

Parameters = ParamSpec("Parameters")


class Entry(NamedTuple):
    """A command.

    Args:
        function: its module in `atalho.cli` and its name there, as `reading:show`.
        summary: the first sentence of its docstring, without the full stop.
    """

    function: str
    summary: str


COMMANDS = {
    "list": Entry(
        "reading:list_networks",
        "The catalogue: parameters, multiply-accumulates, depth, input, year, source and published weights",
    ),
    "show": Entry(
        "reading:show",
        "The paper's table, recomputed row by row beside the numbers that it prints; or the cost of every row",
    ),
    "inception": Entry(
        "reading:inception",
        "One Inception module, each branch with and without its 1x1 reduction; the numbers as in GoogLeNet's Table 1",
    ),
    "draw": Entry(
        "reading:draw", "Networks side by side as their papers draw them, from their tables alone"
    ),
    "verify": Entry(
        "reading:verify",
        "Every claim of the sources with its verdict; exit code 1 when a verdict is not the one recorded beside the claim",
    ),
    "train": Entry("training:train", "Train a network on data by a recipe, into a run folder"),
    "audit": Entry(
        "training:audit",
        "Replay random spans between a run's kept checkpoints, and compare every bit; exit code 1 where one differs",
    ),
    "evaluate": Entry(
        "asking:evaluate",
        "Top-1 and top-5 with a 95 % interval, accuracy per class, and the confusion matrix",
    ),
    "predict": Entry(
        "asking:predict",
        "Labels with probabilities for pictures; if one cannot be read the others are still shown, and the exit code is 3",
    ),
    "export": Entry(
        "asking:export",
        "Write a network to a file for other programs, with classes and preprocessing where the format can hold them",
    ),
    "bench": Entry(
        "measuring:bench",
        "Latency, throughput, peak memory and energy by batch size, with parameters and multiply-accumulates",
    ),
    "compare": Entry(
        "comparing:compare",
        "Cost, training, accuracy, latency, memory and energy of several networks, the choice, and the page that shows them",
    ),
    "recheck": Entry(
        "comparing:recheck",
        "What a chosen system promises, held against this machine; exit code 1 where a promise does not hold",
    ),
    "diagnose": Entry(
        "measuring:diagnose",
        "Why depth works: how gradients flow back, by which paths, and how layers respond, before and during training",
    ),
    "report": Entry(
        "reading:report",
        "Write the page of a comparison or a diagnosis from records alone, with charts/ and summary.csv beside it",
    ),
    "lecture": Entry(
        "reading:lecture",
        "The lecture on GoogLeNet, ResNet and comparative analysis, live: a folder of pages in Portuguese and English",
    ),
}


class LoadedCommands(MutableMapping[str, "Command"]):
    """The commands as typer has them; each one's module is imported when it is first looked up."""

    def __init__(self) -> None:
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> "Command":
        if name not in self._loaded:
            module, _, function = COMMANDS[name].function.partition(":")
            callback = getattr(import_module(f"atalho.cli.{module}"), function)
            self._loaded[name] = get_command_from_info(
                CommandInfo(name, callback=naming_options(callback)),
                pretty_exceptions_short=True,
                rich_markup_mode=None,
            )
        return self._loaded[name]

    def __setitem__(self, name: str, command: "Command") -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class CommandGroup(TyperGroup):
    """`atalho` itself: its help lists the commands without loading them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = LoadedCommands()

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, f"{entry.summary}.") for name, entry in COMMANDS.items()])


def naming_options(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
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
