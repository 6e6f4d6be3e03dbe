"""Every command that the source tells a user to type exists, with the options that it names."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import atalho
from atalho.cli.commands import COMMANDS, command

SOURCE = Path(atalho.__file__).parent


def _steps() -> Iterator[str]:
    """What is given as `next_step` anywhere, each value in it a word."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "next_step":
                yield from _texts(node.value)


def _texts(node: ast.AST) -> Iterator[str]:
    """Every string of an expression, each value in one a word."""
    match node:
        case ast.JoinedStr():
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "VALUE"
                for part in node.values
            )
        case ast.Constant(value=str(text)):
            yield text
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _texts(child)


STEPS = [
    step.strip()
    for text in _steps()
    for step in re.findall(r"\batalho ([a-z]+(?: [^,;`()]*)?)", text)
]


@pytest.mark.parametrize("step", STEPS)
def test_next_steps_name_commands_and_options_that_exist(step: str) -> None:
    name, *words = shlex.split(step)
    assert name in COMMANDS
    known = {flag for each in command(name).params for flag in (*each.opts, *each.secondary_opts)}
    assert [word for word in words if word.startswith("-") and word not in known] == []


def test_there_are_some() -> None:
    assert len(STEPS) > 5
