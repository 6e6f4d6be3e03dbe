"""A network that is a function in a file is trained and measured in the comparison's folder, never beside the file."""

import os
import shlex
from pathlib import Path

import pytest
from PIL import Image

from atalho.cli import main
from atalho.lock import LOCK
from atalho.networks.subjects import folder_name

NETWORK = """
from torch import nn

def make(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))
"""


@pytest.mark.full
def test_nothing_is_written_beside_somebodys_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, here = tmp_path / "theirs", tmp_path / "a" / "b" / "here"
    theirs.mkdir()
    here.mkdir(parents=True)
    (theirs / "net.py").write_text(NETWORK)
    monkeypatch.chdir(here)
    names = [f"{theirs}/net.py:make", f"{os.path.relpath(theirs)}/net.py:make"]
    options = ["--data", "digits", "--steps", "200", "-b", "1", "-t", "1", "--device", "cpu"]
    assert main(["compare", *names, *options, "--output", "out"]) == 0
    said = capsys.readouterr().err
    assert main(["train", names[1], "--steps", "1", "-t", "1", "--device", "cpu"]) == 0
    assert {each.name for each in theirs.iterdir()} <= {"net.py", "__pycache__"}
    assert {each.name for each in tmp_path.iterdir()} == {"theirs", "a"}
    assert [each.name for each in (tmp_path / "a" / "b").iterdir()] == ["here"]
    folders = {folder_name(name) for name in names}
    runs = {each.name for each in (here / "out" / "runs").iterdir()}
    assert runs - {LOCK} == folders
    engines = {each.name for each in (here / "out" / "engines" / "eager").iterdir()}
    assert {each.rpartition("-")[0] for each in engines} == folders
    (run,) = (here / "runs").iterdir()
    assert run.name.startswith(f"{folder_name(names[1])}-digits-quick-0")
    assert (here / "out" / "chosen" / "model.safetensors").exists()
    Image.new("L", (8, 8)).save("image.png")
    (ready,) = (line for line in said.splitlines() if "atalho predict" in line)
    command = ready.partition("atalho predict ")[2].replace("IMAGE", "image.png")
    assert main(["predict", *shlex.split(command)]) == 0
