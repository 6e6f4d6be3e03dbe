"""What a command says when a signal has ended it."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from atalho.cli.progress import say
from atalho.errors import Stopped


@contextmanager
def resumable(next_step: str) -> Iterator[None]:
    """Ends the command with the signal's exit code where a training was stopped, and says how it goes on."""
    try:
        yield
    except Stopped as stopped:
        say(f"{stopped}; {next_step}")
        raise typer.Exit(stopped.exit) from None
