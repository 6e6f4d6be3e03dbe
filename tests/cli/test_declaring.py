"""A command's parameters as its function declares them: types, choices, ranges, flags, several values, and their errors."""

from pathlib import Path
from typing import Annotated, Any, Literal

import click
import pytest

from atalho.cli.declaring import Argument, Option, command_of
from atalho.errors import wrong_option

Words = list[str]


def call(words: Words) -> dict[str, Any]:
    """What the function of a command with one parameter of each kind is called with."""
    values: dict[str, Any] = {}

    def function(
        name: Annotated[str, Argument(metavar="NAME", help="Required.")],
        paths: Annotated[list[Path] | None, Argument()] = None,
        count: Annotated[int | None, Option("-c", "--count", min=1)] = None,
        share: Annotated[float, Option(min=0.0, max=1.0)] = 0.5,
        kind: Annotated[Literal["a", "b", "c"], Option()] = "a",
        sizes: Annotated[list[int], Option("--size", min=1)] = [1, 2],  # noqa: B006
        long_flag: Annotated[bool, Option("--long-flag")] = False,
        either: Annotated[bool | None, Option("--with/--without")] = None,
        pair: Annotated[Any, Option(parser=lambda text: text.split("x"))] = None,
        folder: Annotated[Path, Option(envvar="ATALHO_TEST_FOLDER")] = Path("here"),
    ) -> None:
        """A sentence.

        A second paragraph.
        """
        values.update(locals())

    command_of("test", function).main(words, standalone_mode=False)
    del values["values"]
    return values


def test_what_is_absent_has_its_default() -> None:
    assert call(["n"]) == {
        "name": "n", "paths": [], "count": None, "share": 0.5, "kind": "a", "sizes": [1, 2],
        "long_flag": False, "either": None, "pair": None, "folder": Path("here"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["p", "q/r"], "paths", [Path("p"), Path("q/r")]),
        (["-c", "3"], "count", 3),
        (["--count", "3"], "count", 3),
        (["--share", "1"], "share", 1.0),
        (["--kind", "c"], "kind", "c"),
        (["--size", "4", "--size", "5"], "sizes", [4, 5]),
        (["--long-flag"], "long_flag", True),
        (["--with"], "either", True),
        (["--without"], "either", False),
        (["--pair", "3x4"], "pair", ["3", "4"]),
        (["--folder", "there"], "folder", Path("there")),
    ],
)
def test_values_have_the_declared_type(words: Words, name: str, value: object) -> None:
    assert call(["n", *words])[name] == value
    assert type(call(["n", *words])[name]) is type(value)


def test_a_command_that_changes_its_list_does_not_change_the_next_call() -> None:
    call(["n"])["sizes"].append(3)
    assert call(["n"])["sizes"] == [1, 2]


def test_an_environment_variable_is_read_where_the_option_is_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATALHO_TEST_FOLDER", "set")
    assert call(["n"])["folder"] == Path("set")
    assert call(["n", "--folder", "typed"])["folder"] == Path("typed")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Missing argument 'NAME'"),
        (["n", "--count", "0"], "'-c' / '--count': 0 is not in the range x>=1"),
        (["n", "--count", "x"], "'x' is not a valid integer range"),
        (["n", "--share", "1.5"], "0.0<=x<=1.0"),
        (["n", "--size", "0"], "'--size': 0 is not"),
        (["n", "--kind", "d"], "'d' is not one of 'a', 'b', 'c'"),
        (["n", "--no-long-flag"], "No such option '--no-long-flag'"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(words: Words, message: str) -> None:
    with pytest.raises(click.UsageError) as raised:
        call(words)
    assert message in raised.value.format_message()


def test_an_error_about_an_option_names_the_command_and_the_option() -> None:
    def function() -> None:
        raise wrong_option("steps", "there are none")

    with pytest.raises(click.BadParameter) as raised:
        command_of("test", function).main([], prog_name="test", standalone_mode=False)
    assert raised.value.format_message() == "Invalid value for --steps: there are none"
    assert raised.value.ctx and raised.value.ctx.command_path == "test"


def test_an_unknown_word_in_a_declaration_is_an_error() -> None:
    with pytest.raises(TypeError):
        Option("--size", minimum=1)
