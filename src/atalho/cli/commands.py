"""The commands by name: the function of each, loaded when the command is called, and its line in `atalho --help`."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import click

from atalho.cli.declaring import Command, command_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


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
    "doctor": Entry(
        "doctoring:doctor",
        "What this machine can do, and what each extra would add; exit code 1 where something is broken",
    ),
}


@cache
def command(name: str) -> Command:
    """The command of this name; its module is imported when the command is first used."""
    module, _, function = COMMANDS[name].function.partition(":")
    return command_of(name, getattr(import_module(f"atalho.cli.{module}"), function))


class CommandGroup(click.Group):
    """`atalho` itself: its help and a shell's completion list the commands without loading them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, name: str) -> Command | None:
        if name in COMMANDS:
            return command(name)
        if ctx.resilient_parsing:  # a shell asks for completions
            return None
        raise click.exceptions.NoSuchCommand(name, possibilities=COMMANDS, ctx=ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=entry.summary)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, f"{entry.summary}.") for name, entry in COMMANDS.items()])
