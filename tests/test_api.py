"""The Python API: what `import atalho` costs, that no package hides a function, and that each function does what its command does."""

import importlib
import inspect
import json
import math
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import atalho
from atalho.cli import main
from atalho.cli.commands import COMMANDS
from atalho.errors import AtalhoError, Exit
from atalho.record import Record

Captured = pytest.CaptureFixture[str]
SHORT = {"steps": 2, "threads": 1}


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_it_loads_next_to_nothing_and_takes_no_time() -> None:
    code = (
        "import sys; before = set(sys.modules); import time; start = time.process_time()\n"
        "import atalho\n"
        "seconds = time.process_time() - start\n"
        "print(seconds, *{name.split('.')[0] for name in set(sys.modules) - before})\n"
        "assert dir(atalho) == sorted(atalho.__all__) and atalho.__version__\n"
        "assert not {'torch', 'numpy', 'click', 'atalho.api'} & set(sys.modules)"
    )
    seconds, *loaded = _python(code).split()
    assert float(seconds) < 0.05
    assert not {"torch", "numpy", "rich", "PIL"} & {*loaded}


@pytest.mark.parametrize(
    "call",
    [
        "list_networks('resnet*')",
        "show('googlenet')._repr_html_()",
        "draw(['plain20', 'resnet20'])._repr_svg_()",
        "network('resnet50', num_classes=10).name",
        "inception((480, 14, 14), 192, 96, 208, 16, 48, 64)",
        "verify('L24')",
        "Reporter",
    ],
)
def test_what_needs_no_torch_loads_none(call: str) -> None:
    _python(f"import sys; sys.modules['torch'] = None\nimport atalho; assert atalho.{call}")


def _modules() -> Iterator[str]:
    for each in pkgutil.walk_packages(atalho.__path__, "atalho."):
        if not each.name.endswith("__main__"):
            yield each.name


def test_no_module_hides_a_function_of_its_name() -> None:
    """Whatever was imported before, each public name is the API's."""
    for name in _modules():
        importlib.import_module(name)
    packages = {name.split(".")[1] for name in _modules()}
    assert not packages & {*atalho.__all__}
    for name in atalho.__all__:
        found = getattr(atalho, name)
        assert name == "__version__" or callable(found), name
        if inspect.isfunction(found):
            assert (found.__name__, found.__module__.split(".")[:2]) == (name, ["atalho", "api"])
    with pytest.raises(AttributeError, match="phlogiston"):
        _ = atalho.phlogiston  # type: ignore[attr-defined]


def test_mypy_and_python_know_the_same_names() -> None:
    """What is imported for type checkers is what is public."""
    import ast

    tree = ast.parse(Path(atalho.__file__).read_text(encoding="utf-8"))
    typed = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("atalho.")
        for alias in node.names
    }
    assert {*typed, "__version__"} == {*atalho.__all__}


@pytest.mark.parametrize("command", [*COMMANDS])
def test_a_function_has_its_commands_parameters_and_defaults(command: str) -> None:
    function = getattr(atalho, {"list": "list_networks"}.get(command, command))
    module, _, name = COMMANDS[command].function.partition(":")
    called = getattr(importlib.import_module(f"atalho.cli.{module}"), name)
    own, other = (inspect.signature(each).parameters for each in (function, called))
    elsewhere = {"draw": {"output"}, "predict": {"output", "on"}, "compare": {"plan"}}
    assert {*other} - {"format"} - {*own} == elsewhere.get(command, set())
    assert {*own} - {*other} <= {"reporter"}
    for name, parameter in own.items():
        if name in other and other[name].default is not inspect.Parameter.empty:
            assert _said(parameter.default) == _said(other[name].default), name


def _said(default: object) -> object:
    """A default as both say it: lists are text on the command line, and nothing where there are none."""
    if isinstance(default, list | tuple):
        return ",".join(map(str, default))
    return str(default or "")


def test_a_network_is_shown_drawn_and_built() -> None:
    network = atalho.network("resnet20", num_classes=7)
    assert (network.name, network.num_classes) == ("resnet20", 7)
    shown = atalho.show(network)
    assert shown.rows[-1]["row"] == "total"
    html = shown._repr_html_()
    assert html.count("<tr>") == 1 + len(shown.rows)
    assert "He" in html
    assert atalho.show("resnet20").document == atalho.show(atalho.network("resnet20")).document
    assert "weight bytes" in atalho.show(network, cost=True).rows[0]
    assert atalho.draw(network)._repr_svg_() == atalho.draw([network]).svg
    model = atalho.build(network, seed=3)
    assert model.training
    assert sum(each.numel() for each in model.parameters()) == shown.document["params"]
    again = atalho.build("resnet20", num_classes=7, seed=3).state_dict()
    assert all(torch.equal(again[name], each) for name, each in model.state_dict().items())


def test_a_table_in_a_notebook_holds_no_foreign_markup(tmp_path: Path) -> None:
    from atalho.explain.table import Table

    html = Table([{"<b>": "<script>", "n": 1_234_567}], [], "a < b", ["c & d"])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "a &lt; b" in html
    assert "c &amp; d" in html
    assert '<td style="text-align: right">1,234,567</td>' in html


def test_a_wrong_option_is_an_error_with_a_name() -> None:
    for call in (
        lambda: atalho.train("resnet20", steps=1, epochs=1),
        lambda: atalho.train("resnet20", new_head=True),
        lambda: atalho.compare("resnet20", weights={"plain20": "x"}),
        lambda: atalho.show("resnet20", dtype="float7"),
        lambda: atalho.train("resnet20", precision="float7"),
        lambda: atalho.predict("nowhere", "x", precision="float7"),
    ):
        with pytest.raises(AtalhoError, match=r"error\[USAGE\] --") as caught:
            call()
        assert caught.value.exit == Exit.USAGE


def test_a_run_is_trained_loaded_tested_and_asked(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    runs = atalho.train(
        "resnet20", output=tmp_path / "run", reporter=atalho.Reporter(say=said.append), **SHORT
    )
    assert runs.folders == (tmp_path / "run",)
    assert str(runs).startswith("resnet20 on digits: test top-1 ")
    assert any("quick" in line for line in said)
    assert capsys.readouterr() == ("", "")  # silent unless it is asked to speak
    trained = atalho.load(runs.folders[0])
    found = atalho.evaluate(trained, threads=1)
    assert found.document() == atalho.evaluate(tmp_path / "run", threads=1).document()
    assert main(["evaluate", str(tmp_path / "run"), "-t", "1", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found.document()))
    from PIL import Image

    Image.new("L", (8, 8), 128).save(tmp_path / "digit.png")
    (one,) = atalho.predict(trained, tmp_path / "digit.png", top=3)
    (two,) = atalho.predict(tmp_path / "run", [tmp_path / "digit.png"], top=3)
    assert one == two
    assert isinstance(one.outcome, tuple)
    assert len(one.outcome) == 3
    exported = atalho.export(tmp_path / "run", "pt2", tmp_path / "network.pt2")
    assert exported.path.is_file()
    assert exported.records[0].quantity == "max_difference"
    assert len(exported.table.rows) == 1
    again = atalho.train("resnet20", output=tmp_path / "run", resume=True, **SHORT)
    assert again == runs


@pytest.mark.usefixtures("hasty")
def test_networks_are_compared_and_their_records_read(tmp_path: Path) -> None:
    output = tmp_path / "c"
    found = atalho.compare("resnet20", output=output, batch_size=1, threads=1, steps=60)
    assert found.page.read_text().startswith("<!doctype html>")
    assert found.chosen == output / "chosen"
    assert [row.network for row in found.comparison.rows] == ["resnet20"]
    assert atalho.read_records(output / "records.jsonl") == found.records
    assert atalho.read_records(output) == found.records  # and not the runs' own once more
    page = atalho.report(output / "records.jsonl", tmp_path / "again.html", max_size_mb=0.1)
    assert page == tmp_path / "again.html"
    frame = atalho.frame(found.records)
    assert len(frame) == len(found.records)
    assert {"subject", "quantity", "value", "unit", "provenance", "versions.torch"} <= {*frame}
    (latency,) = frame[frame.quantity == "latency"].value
    assert latency == next(each.value for each in found.records if each.quantity == "latency")
    verdicts = atalho.verify(["L24", "H1"], found.records)
    assert verdicts == atalho.verify(["L24", "H1"], output)


@pytest.mark.usefixtures("hasty")
def test_networks_are_timed_and_diagnosed(tmp_path: Path) -> None:
    timed = atalho.bench("resnet20", batch_size=1, threads=1, output=tmp_path / "times.jsonl")
    assert atalho.read_records(tmp_path / "times.jsonl") == timed
    output = tmp_path / "d"
    found = atalho.diagnose("resnet20", measure=["flow"], batch_size=4, output=output, **SHORT)
    assert found == atalho.read_records(output)
    assert {each.conditions["moment"] for each in found} == {"0"}


def test_a_frame_has_a_type_for_every_column() -> None:
    conditions: list[dict[str, object]] = [
        {"batch": 1, "epochs": 1, "input": [3, 8, 8], "versions": {"torch": "2"}},
        {"batch": None, "epochs": 1.5, "seed": 0},
        {"seed": "first"},
    ]
    records = [Record("x", "top1", 0.5, "fraction", "measured", each) for each in conditions]
    frame = atalho.frame(records, library="pandas")
    assert [*frame.columns][5:] == ["batch", "epochs", "input", "versions.torch", "seed"]
    assert frame.input.dropna().tolist() == ["3×8×8"]
    assert frame.epochs.dropna().tolist() == [1.0, 1.5]
    assert frame.seed.dropna().tolist() == ["0", "first"]
    assert math.isnan(frame.batch[1])
    assert len(atalho.frame([])) == 0


def test_without_a_library_of_frames_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from atalho.api import records

    monkeypatch.setattr(records, "find_spec", lambda name: None)
    with pytest.raises(AtalhoError, match=r"pip install 'atalho\[frames\]'") as caught:
        atalho.frame([])
    assert (caught.value.code, caught.value.exit) == ("EXTRA-MISSING", Exit.RESOURCES)
