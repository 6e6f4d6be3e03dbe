"""What a shell completes: networks, recipes, data sets and runs. None of it loads torch, for the shell waits for it."""

from collections.abc import Iterable
from glob import escape, iglob
from pathlib import Path
from typing import TYPE_CHECKING

import click

from atalho.errors import printable

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def networks(ctx: click.Context, parameter: click.Parameter, text: str) -> "list[CompletionItem]":
    """The names of the catalogue that begin with `text`."""
    from atalho.networks import CATALOGUE

    return _beginning(text, CATALOGUE)


def recipes(ctx: click.Context, parameter: click.Parameter, text: str) -> "list[CompletionItem]":
    """The names of recipes that begin with `text`."""
    from atalho.recipes import RECIPES

    return _beginning(text, RECIPES)


def data_sets(ctx: click.Context, parameter: click.Parameter, text: str) -> "list[CompletionItem]":
    """The data sets with a name that begins with `text`, and the folders as the shell completes them."""
    from atalho.recipes import DEFAULTS

    return [*_beginning(text, DEFAULTS), *_folders(text)]


def runs(ctx: click.Context, parameter: click.Parameter, text: str) -> "list[CompletionItem]":
    """The finished runs whose path begins with `text`, and those one folder below; and the folders as the shell completes them."""
    patterns = (escape(text) + each for each in ("*", "*/*"))
    paths = (path for pattern in patterns for path in iglob(pattern))  # noqa: PTH207 (`text` is typed, and need not be a path)
    finished = [path for path in paths if (Path(path) / "config.json").is_file()]
    # A shell's protocol has a line for each, and a name may be anything.
    plain = [path for path in finished if path == printable(path)]
    return [*_beginning(text, plain), *_folders(text)]


def runs_or_networks(
    ctx: click.Context, parameter: click.Parameter, text: str
) -> "list[CompletionItem]":
    """Either kind of what can be evaluated."""
    return [*networks(ctx, parameter, text), *runs(ctx, parameter, text)]


def _beginning(text: str, names: Iterable[str]) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem  # only where a shell asks

    return [CompletionItem(name) for name in names if name.startswith(text)]


def _folders(text: str) -> "list[CompletionItem]":
    """What makes a shell complete folders by itself."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(text, type="dir")]
