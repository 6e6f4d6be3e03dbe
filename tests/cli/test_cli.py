"""The command line as a user calls it: answers, exit codes, one-line errors, and what is not imported."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from atalho.cli import main
from atalho.errors import Exit
from atalho.grammar.cost import totals
from atalho.grammar.peak import peak
from atalho.networks import CATALOGUE, get
from atalho.networks.googlenet import MODULES
from atalho.seal import unsealed

Captured = pytest.CaptureFixture[str]


def _json(capsys: Captured, *arguments: str) -> Any:
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


def _fails(capsys: Captured, code: int, *arguments: str) -> str:
    """The one line that a failing command says."""
    assert main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("error[")
    assert ". Next: " in line
    return line


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["list"],
        ["show", "resnet152", "--format", "json"],
        ["show", "googlenet"],
        ["show", "googlenet", "--cost"],
        ["show", "resnet21"],
        ["verify"],
        ["draw", "googlenet", "-o", "/dev/null/figure.svg"],
        ["inception", "480x14x14", "192", "96", "208", "16", "48", "64"],
        ["inception", "480x14x14", "192", "96", "208", "16", "48", "64"],
        ["compare", "--help"],
        ["train", "resnet21"],
    ],
)
def test_what_needs_no_torch_imports_none(arguments: list[str]) -> None:
    program = (
        "import sys; from atalho.cli import main; main(sys.argv[1:]); "
        "heavy = {'torch', 'torchvision', 'sklearn', 'altair', 'pandas'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    child = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr.splitlines()[-1]


def test_list_is_the_catalogue(capsys: Captured) -> None:
    rows = _json(capsys, "list", "--format", "json")
    assert [row["network"] for row in rows] == [*CATALOGUE]
    by_name = {row["network"]: row for row in rows}
    assert by_name["resnet152"]["params"] == 60_192_808
    assert by_name["resnet152"]["macs"] == 11_282_415_616
    assert by_name["googlenet"]["year"] == 2014
    assert by_name["resnet50.v1_5"]["weights"] == ["tv_in1k", "tv2_in1k"]
    assert by_name["resnet50"]["weights"] == []


def test_list_fits_a_terminal_and_files_keep_the_exact_numbers(capsys: Captured) -> None:
    assert main(["list"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 100
    (line,) = (line for line in lines if line.split()[:1] == ["resnet50"])
    assert "25.6 M" in line
    assert "3.86 G" in line
    assert main(["list", "--format", "csv"]) == 0
    out = capsys.readouterr().out
    assert "resnet50,25557032,3857973248," in out
    assert "stride 2 in the 3×3" in out
    assert main(["list", "--format", "markdown"]) == 0
    assert "| 25,557,032 | 3,857,973,248 |" in capsys.readouterr().out


def test_list_takes_a_pattern_or_a_part(capsys: Captured) -> None:
    names = {row["network"] for row in _json(capsys, "list", "resnet50*", "--format", "json")}
    assert names == {f"resnet50{variant}" for variant in ("", ".a", ".b", ".c", ".small", ".v1_5")}
    assert {"plain18", "plain110"} <= {
        row["network"] for row in _json(capsys, "list", "plain", "--format", "json")
    }
    _fails(capsys, 2, "list", "transformer")


def test_show_takes_any_input_and_number_of_classes(capsys: Captured) -> None:
    found = _json(
        capsys,
        *["show", "resnet50", "--input", "3x256x128", "--num-classes", "7", "--format", "json"],
    )
    expected = totals(get("resnet50", input=(3, 256, 128), num_classes=7))
    assert (found["params"], found["macs"]) == (expected.params, expected.macs)
    assert found["rows"][0]["output"] == [64, 128, 64]


@pytest.mark.parametrize("format", ["table", "csv", "markdown"])
def test_show_prints_the_paper_beside_the_table(capsys: Captured, format: str) -> None:
    assert main(["show", "googlenet", "--format", format]) == 0
    out = capsys.readouterr().out
    assert "463  ≠ +34.50" in out
    assert "#3×3 reduce" in out


@pytest.mark.parametrize("input", [(3, 224, 224), (3, 96, 160)])
def test_show_says_what_every_row_costs(capsys: Captured, input: tuple[int, int, int]) -> None:
    size = "x".join(map(str, input))
    command = ["show", "resnet50", "--input", size]
    found = _json(capsys, *command, "--dtype", "int8", "--format", "json")
    network = get("resnet50", input=input)
    assert found["peak_activation_bytes"] == peak(network).elements
    assert found["weight_bytes"] == found["params"] == totals(network).params
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["conv5_3"]["receptive_field"] == [483, 483]
    assert rows["conv5_3"]["receptive_stride"] == [32, 32]
    assert rows["fc"]["receptive_field"] == [*input[1:]]
    for arguments in (["--cost"], ["--dtype", "float16"]):
        assert main([*command, *arguments]) == 0
        out = capsys.readouterr().out
        assert "483/32" in out
        assert "25.6 M" in out
        assert f"{peak(network).elements * (4 if arguments == ['--cost'] else 2):,} bytes" in out
    assert main([*command, "--cost", "--format", "csv"]) == 0
    (total,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("total"))
    assert total.split(",")[3:6] == ["25557032", str(totals(network).macs), str(4 * 25557032)]


@pytest.mark.parametrize("format", ["table", "csv", "markdown"])
def test_inception_explains_the_lectures_module(capsys: Captured, format: str) -> None:
    module = ["inception", "480x14x14", "192", "96", "208", "16", "48", "64"]
    assert main([*module, "--format", format]) == 0
    out = capsys.readouterr().out
    five = next(line for line in out.splitlines() if "5×5, 48" in line)
    for number in (5_268_480, 112_896_000):
        assert (str(number) if format == "csv" else f"{number:,}") in five
    assert "21.43" in five or "21.428" in five
    found = _json(capsys, *module, "--format", "json")
    assert found["input"] == [480, 14, 14]
    assert found["module"]["reduced"]["output"] == [512, 14, 14]
    assert [branch["name"] for branch in found["branches"]] == ["1×1", "3×3", "5×5", "pool"]


@pytest.mark.parametrize(
    ("code", "arguments", "says"),
    [
        (2, "show resnet5", "resnet50"),
        (2, "show resnet50.v2", "resnet50.v1_5"),
        (2, "show vgg16 --input 3x20x20", "row pool5 cannot take 512x1x1"),
        (2, "show vgg16 --input 3x20", "3x224x224"),
        (2, "show resnet50 --num-classes 0", "0 is not in the range x>=1"),
        (2, "show", "NETWORK"),
        (2, "show resnet50 --dtype float8", "float16"),
        (2, "inception 480x14 192 96 208 16 48 64", "CxHxW"),
        (2, "inception 480x14x0 192 96 208 16 48 64", "480x14x0"),
        (2, "inception 480x14x14 192 96 208 16 48", "pool"),
        (2, "inception 480x14x14 192 96 208 0 48 64", "#5x5reduce"),
        (2, "paint", "paint"),
        (2, "train resnet20 -b 0", "--batch-size"),
        (2, "train resnet20 -b -3", "--batch-size"),
        (2, "train resnet20 --epochs 1 --steps 1", "epochs or in steps"),
        (2, "train resnet20 --precision float8", "float8"),
        (2, "train resnet20 --new-head", "--weights"),
        (2, "train resnet20 --recipe finetune --no-hold-out", "chooses by the validation"),
        (2, "train resnet20 --seeds 0,x", "0,1,2"),
        (2, "train resnet20 --img-size 64", "goes with a folder"),
        (2, "train resnet20 --probe 0", "--probe"),
        (2, "train resnet20 --probe 9 --weights tv_in1k", "without --weights"),
        (2, "train resnet20 --data mnist", "digits, cifar10"),
        (2, "train resnet20 --seed 9223372036854775808", "0<=x<=9223372036854775807"),
        (2, "train resnet20 --seeds 1,9223372036854775808", "as 0,1,2"),
        (2, "train resnet20 --recipe alchemy", "szegedy2014, finetune, linear, quick"),
        (2, "train alexnet --data digits", "row pool1 cannot take"),
        (6, "train resnet20 --device cuda:77", "cuda:77"),
        (2, "train resnet20 --output /dev/null/run", "/dev/null/run"),
        (4, "evaluate no-such-run", "no finished run"),
        (2, "export resnet20 -o x --to", "Option '--to' requires an argument"),
        (2, "draw resnet20 -o", "requires an argument"),
        (2, "report a\0b", "a NUL"),
        (2, "compare resnet20 resnet21", "resnet21"),
        (2, "bench resnet21", "resnet21"),
        (2, "diagnose resnet20 resnet21", "resnet21"),
        (2, "diagnose resnet20 --measure flow,phlogiston", "there are flow, responses, shattering"),
        (2, "diagnose resnet20 --at 0,soon", "0,1,10,end"),
        (2, "diagnose resnet20 --seeds -1", "0,1,2"),
        (2, "diagnose resnet20 --steps 9 --epochs 1", "epochs or in steps"),
        (2, "diagnose resnet20 -b 1", "--batch-size"),
        (2, "diagnose alexnet", "row pool1 cannot take"),
        (2, "diagnose resnet20 --data mnist", "digits, cifar10"),
        (2, "diagnose resnet20 --output /dev/null/diagnosis", "/dev/null/diagnosis"),
    ],
)
def test_bad_input_is_one_line(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    code: int, arguments: str, says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert says in _fails(capsys, code, *arguments.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["report", "recheck", "audit"])
def test_a_path_that_is_too_long_is_one_line(command: str, capsys: Captured) -> None:
    path = "x" * 4096
    assert main([command, path]) == Exit.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error[SYSTEM] {path}")
    assert line.endswith(": File name too long. Next: --debug shows where")
    with pytest.raises(OSError, match="File name too long"):
        main(["--debug", command, path])


def test_debug_shows_the_traceback(capsys: Captured) -> None:
    with pytest.raises(Exception, match="NETWORK-UNKNOWN"):
        main(["show", "resnet21", "--debug"])


def test_train_then_evaluate(capsys: Captured, tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    assert (
        main(
            [
                *["train", "resnet20", "--steps", "20", "--lr", "0.05", "--seed", "2", "--output"],
                folder,
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    answer = _json(capsys, "evaluate", folder, "--format", "json")
    assert f"test top-1 {answer['top1']:.2%}" in out
    assert [*answer][:7] == ["network", "data", "split", "images", "top1", "top5", "top1_interval"]
    assert answer["images"] == 360
    low, high = answer["top1_interval"]
    assert low <= answer["top1"] <= high
    assert [*answer["per_class"]] == [str(digit) for digit in range(10)]
    assert sum(map(sum, answer["confusion"])) == 360
    assert "holds a run already" in _fails(capsys, 2, "train", "resnet20", "--output", folder)
    assert main(["evaluate", folder]) == 0
    assert "95 % interval" in capsys.readouterr().out


def test_several_seeds_come_to_a_mean(capsys: Captured, tmp_path: Path) -> None:
    arguments = ["train", "resnet20", "--steps", "6", "--seeds", "0,3", "--output", str(tmp_path)]
    assert main(arguments) == 0
    line = capsys.readouterr().out
    found = [
        _json(capsys, "evaluate", str(tmp_path / f"seed-{seed}"), "--format", "json")["top1"]
        for seed in (0, 3)
    ]
    assert f"{sum(found) / 2:.2%} ± {abs(found[0] - found[1]) / 2**0.5:.2%}" in line
    assert "2 seeds" in line


def test_photos_are_fitted_to_weights_without_a_flag(
    capsys: Captured, tmp_path: Path, shared: Path
) -> None:
    """Weights of two classes, fitted to three."""
    photos = sorted((shared / "data" / "imagenet-sample").rglob("*.jpg"))
    for number, photo in enumerate(photos[:16]):
        folder = tmp_path / "photos" / ("some" if number % 2 else "others")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder)
    data = ["--data", str(tmp_path / "photos"), "--data-dir", str(tmp_path / "data")]
    body = ["--output", str(tmp_path / "body"), "--recipe", "quick", "--img-size", "32"]
    assert main(["train", "resnet20", *data, *body, "--steps", "2", "-b", "4"]) == 0
    for photo in photos[16:24]:
        folder = tmp_path / "photos" / "third"
        folder.mkdir(exist_ok=True)
        shutil.copy(photo, folder)
    fitted = str(tmp_path / "fitted")
    weights = ["--weights", str(tmp_path / "body"), "--output", fitted]
    assert main(["train", "resnet20", *data, *weights, "--steps", "3", "-b", "4"]) == 0
    assert "finetune" in capsys.readouterr().err
    answer = _json(capsys, "evaluate", fitted, *data, "--format", "json")
    assert [*answer["per_class"]] == ["others", "some", "third"]
    assert answer["split"] == "test"


@pytest.mark.usefixtures("hasty")
def test_bench_answers_its_records(capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    found = _json(
        capsys,
        *["bench", "resnet20", "plain20", "-b", "2", "-t", "1", "--format", "json", "-o"],
        str(file),
    )
    assert {(each["subject"], each["quantity"]) for each in found} == {
        (network, quantity)
        for network in ("resnet20", "plain20")
        for quantity in (
            *("params", "macs", "activations"),
            *("latency", "throughput", "peak_memory", "added_memory", "size"),
        )
    }
    assert [unsealed(json.loads(line)) for line in file.read_text().splitlines()] == found


DIAGNOSES = {
    *("gradient_norm", "weight_gradient_ratio", "gradient_ratio", "gradient_slope"),
    *("response_std", "gradient_correlation"),
}


def test_diagnose_answers_its_records_and_measures_nothing_twice(
    capsys: Captured, tmp_path: Path
) -> None:
    folder = tmp_path / "diagnosis"
    command = [
        "diagnose",
        "plain20",
        "resnet20",
        "-b",
        "4",
        "--steps",
        "2",
        "--output",
        str(folder),
    ]
    assert main([*command, "--at", "0,1", "--format", "json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)  # records and nothing else
    file = folder / "records.jsonl"
    assert [unsealed(json.loads(line)) for line in file.read_text().splitlines()] == found
    assert {each["quantity"] for each in found} == {
        *DIAGNOSES,
        *("shortcut_share", "shortcut_cosine"),
    }
    assert {each["conditions"]["moment"] for each in found} == {"0", "1"}
    assert {each["conditions"]["steps"] for each in found} == {2}
    assert said.err.splitlines()[-1] == "[16/16] resnet20: shattering at 1"
    before = file.read_bytes()
    assert main([*command, "--at", "0,1,2", "--measure", "responses", "--format", "csv"]) == 0
    said = capsys.readouterr()
    assert [line.split("] ")[1] for line in said.err.splitlines()] == [
        "plain20: responses at 2",
        "resnet20: responses at 2",
    ]
    header, *rows = said.out.splitlines()
    assert header.split(",")[:3] == ["network", "seed", "moment"]
    assert [row.split(",")[:3] for row in rows] == [
        [network, "0", moment]
        for moments in (("0", "1"), ("2",))
        for network in ("plain20", "resnet20")
        for moment in moments
    ]
    assert file.read_bytes()[: len(before)] == before
    assert main([*command, "--at", "0,3"]) == 0
    assert "its run has 2 steps, so there is no moment 3" in capsys.readouterr().err
    assert main(["report", str(file), "-o", str(tmp_path / "page.html")]) == 0
    assert "Why depth works" in (tmp_path / "page.html").read_text()


def test_diagnose_says_what_anybodys_module_does_not_have(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "def make():\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 10))\n"
    )
    name = f"{tmp_path / 'mine.py'}:make"
    options = ["--measure", "flow,responses,shattering,paths,lesions,surface", "-b", "4"]
    command = ["diagnose", name, *options, "--output", str(tmp_path / "diagnosis")]
    assert main([*command, "--format", "json"]) == 0
    said = capsys.readouterr()
    assert {each["quantity"] for each in json.loads(said.out)} == DIAGNOSES
    for absent in (
        "no gradient shares; only a table says where branches meet",
        "no paths by length; it is no table with residual blocks",
        "no lesions; only a table says which blocks can be taken out",
        "no loss surface at 0; it is one around trained weights",
    ):
        assert f"{name}: {absent}" in said.err.splitlines()


def test_diagnose_without_data_shows_noise(capsys: Captured, tmp_path: Path) -> None:
    command = ["diagnose", "resnet20", "--data", "none", "-b", "2", "--at", "0,10"]
    found = _json(capsys, *command, "--output", str(tmp_path / "d"), "--format", "json")
    given = [each["conditions"] for each in found]
    assert {(each["data"], each["moment"], *each["input"]) for each in given} == {
        ("noise", "0", 3, 32, 32)
    }
    assert main([*command, "--output", str(tmp_path / "d")]) == 0
    said = capsys.readouterr()
    assert said.err == "resnet20: without data there is no training, and no moment after 0\n"
    assert "gradient first/last" in said.out


def test_a_probe_of_a_run_makes_a_page(capsys: Captured, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ["train", "resnet20", "--steps", "4", "-b", "8", "--probe", "2", "-t", "1"]
    assert main([*arguments, "--precision", "bf16", "--output", str(folder)]) == 0
    lines = [json.loads(line) for line in (folder / "probe.jsonl").read_text().splitlines()]
    names = ("moment", "dtype", "training_dtype", "batch")
    assert {tuple(each["conditions"][name] for name in names) for each in lines} == {
        (moment, "float32", "bf16", 8) for moment in ("0", "2", "4")
    }
    assert main(["report", str(folder / "probe.jsonl"), "-o", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "The gradient by depth" in page
    assert page.count('<option value="') == 3  # moments on the slider


def test_a_signal_saves_and_resume_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    def train(folder: Path, *more: str) -> subprocess.Popen[str]:
        options = ["train", "resnet20", "--steps", "120", "-b", "32", "-t", "1", "--output"]
        command = [sys.executable, "-m", "atalho", *options, str(folder), *more]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    with train(tmp_path / "whole") as whole, train(tmp_path / "parts") as parts:
        deadline = time.monotonic() + 120
        while not (tmp_path / "parts" / "metrics.csv").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        parts.send_signal(signal.SIGTERM)
        _, said = parts.communicate(timeout=60)
        assert parts.returncode == 143, said
        assert "--resume" in said
        assert whole.wait(timeout=120) == 0
    with train(tmp_path / "parts", "--resume") as again:
        _, said = again.communicate(timeout=120)
        assert again.returncode == 0, said
    for name in ("model.safetensors", "metrics.csv", "config.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


def test_verify_answers_findings_and_their_verdict_is_the_exit_code(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _json(capsys, "verify", "L24", "l40", "--format", "json")
    assert [each["id"] for each in found] == ["L24", "L40"]
    assert [each["verdict"] for each in found] == ["differs", "differs"]
    assert [*found[0]] == [
        *("id", "source", "place", "claim", "printed", "found", "unit", "verdict"),
        *("provenance", "note", "basis"),
    ]
    assert main(["verify"]) == 0
    assert "unmeasured" in capsys.readouterr().out
    assert "L66" in _fails(capsys, 2, "verify", "L666")
    changed = {**MODULES, "4c": (MODULES["4c"][0]._replace(conv5x5=128), MODULES["4c"][1])}
    monkeypatch.setattr("atalho.networks.googlenet.MODULES", changed)
    assert main(["verify"]) == 1
    assert "the verdict has changed for" in capsys.readouterr().err


def test_draw_writes_a_figure(capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "figure.svg"
    assert main(["draw", "plain34", "resnet34", "-o", str(file)]) == 0
    assert file.read_text().startswith("<svg")
    assert "conv2_3" in _fails(capsys, 2, "draw", "resnet34", "--row", "conv2", "-o", str(file))
    assert ".svg or .png" in _fails(capsys, 2, "draw", "resnet34", "-o", str(tmp_path / "x.pdf"))
    nowhere = str(tmp_path / "absent" / "x.svg")
    assert "cannot be written" in _fails(capsys, 2, "draw", "resnet34", "-o", nowhere)
    assert [path.name for path in tmp_path.iterdir()] == ["figure.svg"]


@pytest.mark.usefixtures("hasty")
def test_report_writes_the_page_from_records(capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    assert main([*["bench", "resnet20", "-b", "1", "-t", "1", "-o"], str(file)]) == 0
    capsys.readouterr()
    assert main(["report", str(file), "-o", str(tmp_path / "page" / "mine.html")]) == 0
    page = (tmp_path / "page" / "mine.html").read_text()
    assert "resnet20" in page
    assert "data:image/svg+xml" in page  # its drawing
    capsys.readouterr()
    assert "cannot be read" in _fails(capsys, 3, "report", str(tmp_path / "absent.jsonl"))


@pytest.mark.usefixtures("hasty")
def test_compare_keeps_the_choice_within_limits_ready_to_be_asked(
    capsys: Captured, tmp_path: Path
) -> None:
    folder = tmp_path / "c"
    compare = ["compare", "resnet20", "plain20", "--steps", "40", "-b", "1", "-t", "1"]
    compare += ["--output", str(folder)]
    assert main([*compare, "--max-size-mb", "100"]) == 0
    captured = capsys.readouterr()
    assert "is ready in" in captured.err
    page = (folder / "report.html").read_text()
    assert "100" in page
    picture = tmp_path / "digit.png"
    Image.new("L", (8, 8)).save(picture)
    assert main(["predict", str(folder / "chosen"), str(picture), "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)[0]["labels"]) == 5
    assert "eager float32: " in captured.err
    # Nothing is measured again, and no network is that small.
    assert main([*compare, "--max-size-mb", "0.1"]) == 0
    captured = capsys.readouterr()
    assert "no network is known to keep to the limits" in captured.err
    assert "latency at" not in captured.err
    assert not (folder / "chosen").exists()
    assert (folder / "runs" / "resnet20" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("bench resnet20 --engine onnxruntime --precision bf16", "onnxruntime has no bf16"),
        ("bench resnet20 --engine openvino --precision int8", "no real images"),
        ("compare resnet20 --weights plain20=x", "plain20 is not among the networks"),
        ("compare resnet20 --min-accuracy 90", "--min-accuracy"),
        ("compare resnet20 --img-size 64", "folder of photos"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(
    arguments: str, said: str, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == 2
    assert said in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_without_a_command_the_help_is_shown_and_it_is_a_usage_error(capsys: Captured) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Commands:\n  list " in err


def test_an_unknown_command_names_the_one_that_is_like_it(capsys: Captured) -> None:
    assert "Did you mean 'show'?" in _fails(capsys, 2, "shw", "resnet20")
