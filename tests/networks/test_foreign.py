"""Anybody's module: the same counts as the catalogue's, and one line for what cannot be used."""

import copy
import json
import pickle
import sys
from pathlib import Path

import pytest
import torch

from atalho import networks
from atalho.cli import main
from atalho.errors import AtalhoError, Exit
from atalho.grammar.cost import totals
from atalho.networks import foreign, subjects
from photo_folders import fill

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
        ("{file}:pair", "a tuple of 2"),
        ("{file}:number", "int and not an nn.Module"),
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
    with pytest.raises(AtalhoError, match=r"pip install 'atalho\[timm\]'") as caught:
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
@pytest.mark.full
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


# Files of people's


HEAD = """
        self.body = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.fc(self.body(x).mean((2, 3)))
"""
NET = f"""from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes=3):
        super().__init__(){HEAD}
def net(num_classes=3):
    return Net(num_classes)
"""


def written(folder: Path, name: str, code: str) -> str:
    """A file of code; how its function `net` is named."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(code)
    return f"{folder / name}:net"


def shown(name: str, input: tuple[int, int, int] = (1, 8, 8)) -> int:
    """The parameters of a network of a file."""
    return foreign.costs(foreign.get(name, input=input, num_classes=3))["params"]


def test_a_file_may_define_dataclasses_and_be_pickled(tmp_path: Path) -> None:
    dataclass = "from __future__ import annotations\nfrom dataclasses import dataclass\n\n@dataclass\nclass Config:\n    width: int = 8\n\n"
    name = written(tmp_path, "with_config.py", dataclass + NET)
    model = foreign.build(foreign.get(name, input=(1, 8, 8)), seed=0)
    again = pickle.loads(pickle.dumps(model))
    assert type(again) is type(model)
    assert sys.modules[type(model).__module__].Config().width == 8


BODY = "from torch import nn\n\ndef body():\n    return nn.Conv2d(1, {width}, 3)\n"
USES = """from torch import nn
from blocks import body

def net(num_classes=3):
    from heads import head
    return nn.Sequential(body(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head(num_classes))
"""


def test_the_files_folder_can_be_imported_from_and_each_file_gets_its_own(tmp_path: Path) -> None:
    """Two folders with modules of the same names, in one process, back and forth."""
    path = [*sys.path]
    names = []
    for width in (4, 8):
        folder = tmp_path / f"of{width}"
        names.append(written(folder, "net.py", USES))
        (folder / "blocks.py").write_text(BODY.format(width=width))
        (folder / "heads.py").write_text(
            f"from torch import nn\n\ndef head(n):\n    return nn.Linear({width}, n)\n"
        )
        assert shown(names[-1]) == 10 * width + 3 * width + 3
    assert shown(names[1]) == 13 * 8 + 3
    assert sys.path == path


def test_a_file_that_is_changed_is_read_again(tmp_path: Path) -> None:
    name = written(tmp_path, "net.py", NET)
    before = shown(name)
    written(tmp_path, "net.py", NET.replace("8", "16"))
    assert shown(name) > before


def test_a_file_with_the_name_of_a_package_hides_none(tmp_path: Path) -> None:
    for file in ("torchvision.py", "statistics.py", "my-net v2.py"):
        assert shown(written(tmp_path, file, NET)) > 0
    import statistics

    assert statistics.median([1, 2, 3]) == 2
    assert "torchvision" not in sys.modules or hasattr(sys.modules["torchvision"], "models")


PARSES = """import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, {options})
args = parser.parse_args()
"""


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (PARSES.format(options="required=True"), r"sys.exit\(2\)"),
        ("import sys\nsys.exit('done')\n", r"sys.exit\('done'\)"),
        ("raise ValueError('no')\n", "ValueError: no"),
        ("import absent_module\n", "absent_module"),
        ("def net(:\n", "SyntaxError"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, says: str
) -> None:
    name = written(tmp_path, "script.py", NET + code)
    with pytest.raises(AtalhoError, match=says) as caught:
        foreign.get(name, input=(1, 8, 8))
    assert (caught.value.code, caught.value.exit) == ("FOREIGN-FAILED", Exit.USAGE)
    assert len(str(caught.value).splitlines()) == 1
    if "sys.exit" in says:
        assert "__main__" in caught.value.next_step
    assert "script" not in sys.modules
    capsys.readouterr()


def test_the_programs_own_arguments_are_not_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["atalho", "show", "--unknown"])
    code = PARSES.format(options="default=0.1")
    assert shown(written(tmp_path, "script.py", NET + code)) > 0
    assert sys.argv == ["atalho", "show", "--unknown"]


def test_what_a_file_prints_is_not_among_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "helper.py").write_text("print('a helper')\n")
    code = (
        "import helper\nprint('importing')\n"
        + NET.replace("        return self", "        print('running')\n        return self")
    ).replace("    return Net", "    print('building')\n    return Net")
    name = written(tmp_path, "noisy.py", code)
    assert main(["show", name, "--input", "1x8x8", "--num-classes", "3", "--format", "json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["num_classes"] == 3
    assert {"a helper", "importing", "building", "running"} <= {*told.err.splitlines()}
    options = ["--steps", "2", "-b", "4", "--device", "cpu", "--output", str(tmp_path / "run")]
    assert main(["train", name, *options]) == 0
    assert not {"running", "building"} & {*capsys.readouterr().out.splitlines()}


def test_the_number_of_classes_is_the_functions_own(tmp_path: Path) -> None:
    name = written(tmp_path, "net.py", NET)
    assert foreign.get(name, input=(1, 8, 8)).num_classes == 3
    fixed = written(tmp_path, "fixed.py", NET.replace("def net(num_classes=3)", "def net(num=5)"))
    (tmp_path / "fixed.py").write_text(
        (tmp_path / "fixed.py").read_text().replace("return Net(num_classes)", "return Net(num)")
    )
    assert foreign.get(fixed, input=(1, 8, 8)).num_classes == 5
    with pytest.raises(AtalhoError, match="1x5"):
        foreign.get(fixed, input=(1, 8, 8), num_classes=4)


LAZY = """from torch import nn

def net(num_classes=3):
    return nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(num_classes))
"""
NORMED = """from torch import nn
from torch.nn.utils import weight_norm
from torch.nn.utils.parametrizations import spectral_norm

def net(num_classes=3):
    return nn.Sequential(weight_norm(nn.Conv2d(1, 8, 3)), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), spectral_norm(nn.Linear(8, num_classes)))
"""
POOLED = """from torch import nn

def net(num_classes=3):
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(8), nn.Linear(8, num_classes))
"""


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("code", [LAZY, NORMED, POOLED])
def test_unusual_modules_train_are_averaged_and_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    """Lazy layers, weights that hooks compute, BatchNorm over the images alone."""
    name = written(tmp_path, "unusual.py", code)
    model = foreign.build(foreign.get(name, input=(1, 8, 8)), seed=0)
    copy.deepcopy(model)
    counted = foreign.costs(foreign.get(name, input=(1, 8, 8)))
    assert counted["params"] == sum(parameter.numel() for parameter in model.parameters()) > 0
    folder = str(tmp_path / "run")
    for recipe in ("quick", "szegedy2014"):
        options = ["--recipe", recipe, "--steps", "3", "-b", "32", "--device", "cpu"]
        assert main(["train", name, *options, "--output", f"{folder}-{recipe}"]) == 0
        assert main(["evaluate", name, "--weights", f"{folder}-{recipe}"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            (
                "return self.fc",
                "x = self\n        return (x.fc(x.body(y).mean((2, 3))), 0) if self.training else self.fc",
            ),
            "a tuple of 2",
        ),
        (("return self.fc", "return {'logits': 0} if self.training else self.fc"), "a dict of 1"),
        (("return self.fc", "assert not self.training\n        return self.fc"), "AssertionError"),
        (
            (
                "return self.fc",
                "return self.fc.weight.new_zeros(len(y), 3) if self.training else self.fc",
            ),
            "grad",
        ),
    ],
)
def test_what_cannot_be_trained_is_said_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], says: str
) -> None:
    code = NET.replace("forward(self, x)", "forward(self, y)").replace(
        "self.body(x)", "self.body(y)"
    )
    name = written(
        tmp_path,
        "odd.py",
        code.replace(*change).replace("new_zeros(len(y), 3)", "new_zeros(len(y), 10)"),
    )
    assert main(["show", name, "--input", "1x8x8"]) == 0
    folder = tmp_path / "run"
    assert (
        main(["train", name, "--steps", "2", "--device", "cpu", "--output", str(folder)])
        == Exit.USAGE
    )
    error = capsys.readouterr().err
    assert "error[FOREIGN-FAILED]" in error and says in error
    assert not folder.exists()


def test_a_network_for_one_size_is_asked_for_that_size_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many networks for CIFAR are."""
    code = "from torch import nn\n\ndef net(num_classes=3):\n    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 8 * 8, num_classes))\n"
    name = written(tmp_path, "small.py", code)
    fill(tmp_path / "photos", {"ant": 6, "bee": 6})
    options = [
        "--img-size",
        "32",
        "--recipe",
        "quick",
        "--steps",
        "2",
        "-b",
        "4",
        "--device",
        "cpu",
    ]
    folder = str(tmp_path / "run")
    assert (
        main(["train", name, "--data", str(tmp_path / "photos"), *options, "--output", folder]) == 0
    )
    assert main(["evaluate", name, "--weights", folder, "--data", str(tmp_path / "photos")]) == 0
    capsys.readouterr()
