"""Anybody's module: the same counts as the catalogue's, and one line for what cannot be used."""

import json
import sys
from pathlib import Path

import pytest
import torch

from atalho import networks
from atalho.cli import main
from atalho.errors import AtalhoError, Exit
from atalho.grammar.cost import totals
from atalho.networks import foreign, subjects

CODE = """
import torch
from torch import nn

def small(num_classes):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, num_classes))

def fixed():
    return small(10)

def broken(num_classes):
    raise RuntimeError("no such thing")

def pair(num_classes):
    class Pair(nn.Module):
        def forward(self, x):
            return x, x
    return Pair()

def number(num_classes):
    return 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("timm:resnet18", "resnet18.b"),
        ("torchvision:resnet50", "resnet50.v1_5"),
        ("torchvision:vgg11", "vgg11"),
        ("torchvision:googlenet", "googlenet.bn"),
    ],
)
def test_the_counter_says_of_the_module_what_the_table_says(theirs: str, ours: str) -> None:
    counted, table = subjects.costs(subjects.get(theirs)), totals(networks.get(ours))
    assert (counted["params"], counted["macs"]) == (table.params, table.macs)


def test_rows_add_up_to_the_whole() -> None:
    document = foreign.document(foreign.get("torchvision:resnet18", input=(3, 64, 96)))
    for quantity in ("params", "macs"):
        assert sum(row[quantity] for row in document["rows"]) == document[quantity]
    assert document["rows"][0]["output"] == [64, 32, 48]
    assert document["flops"] == 2 * document["macs"]


def test_a_function_of_a_file(file: Path) -> None:
    found = foreign.get(f"{file}:small", input=(1, 8, 8), num_classes=7)
    counted = foreign.costs(found)
    # 4 filters of 3×3 with biases on a 6×6 map, then 144 × 7 with biases.
    assert counted["params"] == 4 * 9 + 4 + 144 * 7 + 7
    assert counted["macs"] == 4 * 9 * 36 + 144 * 7
    assert counted["activations"] == 144 * 3 + 7
    assert foreign.get(f"{file}:fixed", input=(1, 8, 8), num_classes=10).num_classes == 10


def test_a_seed_decides_the_weights_and_touches_nothing_else(file: Path) -> None:
    found = foreign.get(f"{file}:small", input=(1, 8, 8), num_classes=7)
    state = torch.get_rng_state()
    one, same, other = (
        next(iter(foreign.build(found, seed=seed).parameters())) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("{file}:broken", "RuntimeError: no such thing"),
        ("{file}:absent", "absent"),
        ("{file}:pair", "returns tuple"),
        ("{file}:number", "int, not an nn.Module"),
        ("{file}:fixed", "1x10"),
        ("elsewhere.py:small", "no Python file elsewhere.py"),
        ("timm:resnet19", "nearest: resnet18"),
        ("torchvision:resnet51", "nearest: resnet"),
        ("torchvision:resnet18", "cannot take 1x8x8"),
    ],
)
def test_what_cannot_be_used_is_one_line(file: Path, name: str, says: str) -> None:
    with pytest.raises(AtalhoError, match=says) as caught:
        foreign.get(name.format(file=file), input=(1, 8, 8), num_classes=7)
    assert caught.value.exit == Exit.USAGE
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(AtalhoError, match="pip install timm") as caught:
        foreign.get("timm:resnet18")
    assert caught.value.exit == Exit.RESOURCES


def test_normalisation_is_seen_in_a_module() -> None:
    assert subjects.facts(subjects.get("torchvision:resnet18")).normalised
    assert not subjects.facts(subjects.get("torchvision:alexnet")).normalised


def test_a_function_of_a_file_is_trained_and_only_its_user_may_name_it(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, folder = f"{file}:small", str(tmp_path / "run")
    assert main(["train", name, "--steps", "60", "-b", "32", "--output", folder]) == 0
    trained = capsys.readouterr().out
    ran = tmp_path / "ran"
    file.write_text(f"import pathlib; pathlib.Path({str(ran)!r}).touch()\n{CODE}")
    assert main(["evaluate", folder]) == Exit.UNSAFE
    assert "CODE-UNNAMED" in capsys.readouterr().err
    assert not ran.exists()
    assert main(["evaluate", name, "--weights", folder, "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert f"test top-1 {answer['top1']:.2%}" in trained
    assert ran.exists()


@pytest.mark.usefixtures("hasty")
def test_modules_of_a_package_are_benched_and_compared(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = [
        "timm:test_resnet",
        "plain20",
        "--data",
        "none",
        "-b",
        "1",
        "-t",
        "1",
        "--format",
        "json",
    ]
    assert main(["compare", *options, "--output", str(tmp_path / "c")]) == 0
    found = json.loads(capsys.readouterr().out)
    quantities = {each["quantity"] for each in found if each["subject"] == "timm:test_resnet"}
    assert quantities >= {"params", "macs", "latency", "peak_memory"}
    assert (tmp_path / "c" / "report.html").exists()
