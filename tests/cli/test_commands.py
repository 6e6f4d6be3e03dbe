"""The table of commands: its lines are the commands' own, and a command's module is loaded only when it is called."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from atalho.cli.commands import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_the_first_sentence_of_the_commands_docstring(name: str) -> None:
    module, _, function = COMMANDS[name].function.partition(":")
    documentation = inspect.getdoc(getattr(import_module(f"atalho.cli.{module}"), function))
    assert documentation is not None
    first = " ".join(documentation.split("\n\n")[0].split())
    assert first == f"{COMMANDS[name].summary}."


HEAVY = {"torch", "numpy", "rich", "pydantic", "filelock", "importlib.metadata", "difflib", "csv"}
"""What takes a command's time for nothing off a terminal."""


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--help"], {"atalho.cli.reading", "atalho.cli.training", "atalho.networks", "json"}),
        (["list"], {"atalho.claims", "atalho.record", "statistics"}),
        (["list", "--format", "json"], {"atalho.cli.training", "atalho.record", "statistics"}),
        (["show", "resnet20"], {"atalho.cli.training", "atalho.record", "statistics"}),
        (["show", "resnet152", "--format", "json"], {"atalho.claims", "atalho.conditions", "hashlib"}),
        (["verify"], {"atalho.cli.training", "atalho.page", "atalho.api.explaining"}),
        (["train", "--help"], {"atalho.networks", "atalho.training", "atalho.recipes"}),
    ],
)  # fmt: skip
def test_what_a_command_does_not_need_is_not_loaded(arguments: list[str], unused: set[str]) -> None:
    program = (
        "import sys; from atalho.cli import main; main(sys.argv[1:]); "
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    child = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    assert (HEAVY | unused) & {*child.stderr.split()} == set()
