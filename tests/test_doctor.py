"""`atalho.doctor` says what works, what is absent and how to get it, and what is broken."""

import importlib.metadata
import json
import os
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from atalho.api import doctoring
from atalho.api.doctoring import Part, doctor
from atalho.cli import main
from atalho.errors import Exit
from documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


@pytest.fixture(autouse=True)
def metadata(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The checkout's own requirements, whatever was installed; a current folder of the test's own, and a processor without a sensor."""
    lines = [*PROJECT["dependencies"]]
    lines += [f"{each}; extra == '{extra}'" for extra in EXTRAS for each in EXTRAS[extra]]
    monkeypatch.setattr(doctoring, "requires", lambda name: lines)
    monkeypatch.setattr(doctoring, "_sensor", lambda device: Part("energy sensor", "absent", ""))
    monkeypatch.chdir(tmp_path)


def parts() -> dict[str, Part]:
    return {each.name: each for each in doctor().parts}


def version_of(monkeypatch: pytest.MonkeyPatch, name: str, installed: str | None) -> None:
    real = importlib.metadata.version

    def version(package: str) -> str:
        if package != name:
            return real(package)
        if installed is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(doctoring, "version", version)


def test_a_machine_where_all_is_well() -> None:
    checkup = doctor()
    assert not checkup.broken
    works = {each.name for each in checkup.parts if each.state == "works"}
    assert {"python", "torch", "processor", "memory", "engine eager", "current folder"} <= works
    assert checkup.table.document == [
        {"name": each.name, "state": each.state, "details": each.details} for each in checkup.parts
    ]


def test_the_command_ends_with_1_where_something_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [Part("python", "works", "3.11.9"), Part("torch", "broken", "2.0.1 is too old")]
    monkeypatch.setattr("atalho.api.doctoring._versions", lambda: parts[:1])
    for name in ("_hardware", "_extras"):
        monkeypatch.setattr(f"atalho.api.doctoring.{name}", list)
    monkeypatch.setattr("atalho.api.doctoring._disk", lambda data_dir: [])
    assert main(["doctor"]) == Exit.DONE
    assert "3.11.9" in capsys.readouterr().out
    monkeypatch.setattr("atalho.api.doctoring._versions", lambda: parts)
    assert main(["doctor", "--format", "json"]) == Exit.CHECK_FAILED
    assert [each["state"] for each in json.loads(capsys.readouterr().out)] == ["works", "broken"]


def test_every_extra_of_the_project_is_described() -> None:
    assert {*doctoring.EXTRAS} == {*EXTRAS} - {"peers"}
    assert PROJECT["requires-python"] == f">={'.'.join(map(str, doctoring.OLDEST))}"


@pytest.mark.parametrize(
    ("package", "installed", "part", "details"),
    [
        ("torch", "2.0.1", "torch", "2.0.1 is too old; pip install 'torch>=2.11'"),
        ("jinja2", None, "jinja2", "is not installed; pip install 'jinja2>=3.1'"),
        ("timm", "0.9.2", "extra timm", "timm 0.9.2 is too old; pip install 'timm>=1.0'"),
    ],
)
def test_a_package_that_is_too_old_or_gone_is_broken(
    package: str, installed: str | None, part: str, details: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_of(monkeypatch, package, installed)
    checkup = doctor()
    assert checkup.broken == [part]
    assert details in {each.name: each for each in checkup.parts}[part].details
    assert checkup.table.notes == [f"broken: {part}"]


def test_an_extra_that_is_not_there_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    version_of(monkeypatch, "captum", None)
    assert parts()["extra explain"] == Part(
        "extra explain", "absent", "predict --explain; pip install 'atalho[explain]'"
    )


def test_an_engine_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr("atalho.engines.find_spec", lambda name: None)
    openvino = parts()["engine openvino"]
    assert openvino.state == "absent"
    assert openvino.details.endswith("; pip install 'atalho[openvino]'")


@pytest.mark.parametrize(
    ("module", "part"), [("torch", "loading torch"), ("onnxruntime", "engine onnxruntime")]
)
def test_a_library_that_cannot_be_loaded_is_broken(
    module: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load: Callable[[str], object] = doctoring.import_module

    def broken(name: str) -> object:
        if name == module:
            raise OSError("libcudart.so.13: cannot open shared object file\nand more")
        return load(name)

    monkeypatch.setattr(doctoring, "import_module", broken)
    monkeypatch.setattr("atalho.engines.find_spec", lambda name: name)
    checkup = doctor()
    assert part in checkup.broken
    (details,) = [each.details for each in checkup.parts if each.name == part]
    assert details == "cannot be loaded: libcudart.so.13: cannot open shared object file"


def test_torch_compile_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert parts()["engine compiled"] == Part(
        "engine compiled", "absent", "needs a C++ compiler in PATH"
    )


def test_a_full_disk_and_a_folder_that_cannot_be_written_are_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**29))
    assert parts()["current folder"] == Part(
        "current folder", "broken", f"{tmp_path}, 0.5 GiB free"
    )

    def refused(dir: Path) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    assert parts()["current folder"] == Part(
        "current folder", "broken", f"{tmp_path} cannot be written (Permission denied)"
    )
