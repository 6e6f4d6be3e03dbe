"""With the core dependencies alone every command works, or names the extra that it needs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

ABSENT = (
    *(
        "captum",
        "huggingface_hub",
        "nncf",
        "onnx",
        "onnxruntime",
        "onnxscript",
        "openvino",
        "pandas",
    ),
    *("pillow_heif", "polars", "pyarrow", "tensorboard", "timm", "zeus"),
)
"""The modules of the extras that the core does not bring."""

HIDING = f"import sys\nsys.modules.update(dict.fromkeys({ABSENT}))\n"
"""As if they were not installed, in this process and in those that it starts."""

RUNNING = """
import contextlib, io, json, sys
from atalho.cli import main
for line in sys.stdin:
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = main(json.loads(line))
    print(json.dumps([code, output.getvalue()]), flush=True)
"""

TRAINING = "train resnet20 --steps 2 --keep-every 1 --precision float32 -t 1 --output run"

WORKS = [
    "list resnet*",
    "show googlenet",
    "inception 480x14x14 192 96 208 16 48 64",
    "draw alexnet -o alexnet.svg",
    "verify L24",
    TRAINING,
    "audit run --spans 1 --steps 1",
    "evaluate run",
    "predict run digit.png",
    "predict run digit.png -o answers.csv",
    "export run --to safetensors -o plain",
    "export run --to hub-folder -o hub",
    "export run --to pt2 -o model.pt2",
    "predict run digit.png --explain maps",
]

NAMES_ITS_EXTRA = [
    ("timm", "show timm:resnet18"),
    ("timm", "export run --to timm -o timm"),
    ("onnx", "export run --to onnx -o model.onnx"),
    ("onnx", "export run --to engine --engine onnxruntime -o engine"),
    ("openvino", "bench resnet20 -b 1 --engine openvino"),
    ("tensorboard", "train resnet20 --steps 1 --tensorboard --output other"),
    ("heif", "predict run digit.heic"),
    ("hub", "predict hf-hub:someone/something digit.png"),
    ("parquet", "predict run digit.png -o answers.parquet"),
]

CHILDREN = [
    "bench resnet20 -b 1 -t 1 --output bench",
    "diagnose resnet20 --data none -t 1 --output diagnosis",
    "compare resnet20 --data none -t 1 --output comparison",
    "export run --to engine -t 1 -o engine",
    "report comparison/records.jsonl -o page.html",
    "lecture -o lecture",
]
"""Commands that take longer, most of them in child processes."""


class Session:
    """A process without the extras' modules, which runs one command after another."""

    def __init__(self, folder: Path) -> None:
        (folder / "hidden").mkdir()
        (folder / "hidden" / "sitecustomize.py").write_text(HIDING)
        Image.new("L", (8, 8), 128).save(folder / "digit.png")
        (folder / "digit.png").with_suffix(".heic").write_bytes(b"\0\0\0\x18ftypheic")
        paths = [str(folder / "hidden"), os.environ.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNING],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """The command's exit code, and all that it printed."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(command.split()) + "\n")
        self.process.stdin.flush()
        code, output = json.loads(self.process.stdout.readline())
        return code, output


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    session = Session(tmp_path_factory.mktemp("core"))
    yield session
    session.process.communicate()


def test_every_command_works_or_names_its_extra(session: Session) -> None:
    faults = []
    for command in WORKS:
        code, output = session.run(command)
        if code != 0:
            faults.append(f"{command}\n{output}")
    for extra, command in NAMES_ITS_EXTRA:
        code, output = session.run(command)
        if code not in (3, 6) or f"pip install 'atalho[{extra}]'" not in output:
            faults.append(f"{command}\n{output}")
    assert not faults, "\n".join(faults)


@pytest.mark.full
@pytest.mark.parametrize("command", CHILDREN)
def test_commands_in_child_processes_work(command: str, session: Session) -> None:
    if "run" in command:
        session.run(TRAINING)
    code, output = session.run(command)
    assert code == 0, output
