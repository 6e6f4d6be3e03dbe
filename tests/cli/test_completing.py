"""A shell's completion: the protocol of each shell, what is completed where, and that torch is not loaded for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from atalho.cli import app
from atalho.cli.commands import COMMANDS
from atalho.networks import CATALOGUE
from atalho.recipes import RECIPES

COMPLETE = """
import sys
from atalho.cli import main
sys.argv = ["atalho"]
try:
    main()
finally:
    assert not {"torch", "numpy", "rich", "atalho.api.training"} & {*sys.modules}
"""


def completions(*typed: str, shell: type[ShellComplete] = BashComplete) -> list[tuple[str, str]]:
    """The kind and the text of each completion of the last of the words after `atalho`."""
    *words, incomplete = typed
    completed = shell(app, {}, "atalho", "_ATALHO_COMPLETE").get_completions(words, incomplete)
    return [(each.type, each.value) for each in completed]


def names(*typed: str) -> set[str]:
    return {value for kind, value in completions(*typed) if kind == "plain"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_protocol_of_each_shell_without_torch(shell: str) -> None:
    typed = {
        "bash": {"COMP_WORDS": "atalho train resnet5", "COMP_CWORD": "2"},
        "zsh": {"COMP_WORDS": "atalho train resnet5", "COMP_CWORD": "2"},
        "fish": {"COMP_WORDS": "atalho train", "COMP_CWORD": "resnet5"},
    }
    child = subprocess.run(
        [sys.executable, "-c", COMPLETE],
        env={**os.environ, "_ATALHO_COMPLETE": f"{shell}_complete", **typed[shell]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.stderr == ""
    assert "resnet56" in child.stdout
    assert "resnet20" not in child.stdout


@pytest.mark.parametrize("shell", [ZshComplete, FishComplete, BashComplete])
def test_the_scripts_to_install_call_atalho(shell: type[ShellComplete]) -> None:
    script = shell(app, {}, "atalho", "_ATALHO_COMPLETE").source()
    assert "_ATALHO_COMPLETE" in script
    assert "atalho" in script


def test_commands_are_completed_without_loading_them() -> None:
    program = (
        "import sys; from click.shell_completion import BashComplete; from atalho.cli import app; "
        "print(*(each.value for each in BashComplete(app, {}, 'atalho', '_').get_completions([], ''))); "
        "assert 'atalho.cli.options' not in sys.modules"
    )
    child = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert child.stdout.split() == [*COMMANDS]
    assert names("sh") == {"show"}


@pytest.mark.parametrize("command", ["show", "train", "bench", "compare", "diagnose", "draw"])
def test_networks(command: str) -> None:
    assert names(command, "plain") == {each for each in CATALOGUE if each.startswith("plain")}
    assert names(command, "transformer") == set()


def test_several_networks_are_each_completed() -> None:
    assert "resnet56" in names("compare", "resnet20", "resnet5")


def test_recipes_data_sets_and_choices() -> None:
    assert names("train", "resnet20", "--recipe", "") == {*RECIPES}
    assert names("train", "resnet20", "--data", "cifar") == {"cifar10", "cifar100"}
    assert ("dir", "pho") in completions("compare", "--data", "pho")
    assert names("show", "resnet20", "--format", "") == {"table", "json", "csv", "markdown"}
    assert names("train", "resnet20", "--rec") == {"--recipe"}


def test_runs_are_the_finished_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("runs/first", "runs/second", "runs/li\nne", "runs/[a]"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").touch()
    (tmp_path / "runs" / "unfinished").mkdir()
    monkeypatch.chdir(tmp_path)
    finished = {"runs/first", "runs/second", "runs/[a]"}
    assert names("audit", "ru") == names("audit", "runs/") == finished
    assert names("evaluate", "runs/f") == {"runs/first"}
    assert names("evaluate", "runs/[") == {"runs/[a]"}
    assert names("predict", "resnet1202") == {"resnet1202"}
    assert ("dir", "runs/f") in completions("export", "runs/f")
