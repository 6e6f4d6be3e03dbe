"""How a command ends after a signal stopped its training."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from atalho.cli.progress import say
from atalho.errors import Stopped


@contextmanager
def resumable(next_step: str) -> Iterator[None]:
    """Inside, a training that a signal stops ends the command with the signal's exit code and a line on how to continue."""
    try:
        yield
    except Stopped as stopped:
        say(f"{stopped}; {next_step}")
        raise click.exceptions.Exit(stopped.exit) from None
