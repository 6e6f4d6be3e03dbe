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
        "distributed",
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
    "draw alexnet -o alexnet.svg",
    TRAINING,
    "evaluate run",
    "predict run digit.png",
    "export run --to safetensors -o plain",
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
    ("cluster", "compare resnet20 --on local:2 -t 1 --output comparison"),
    ("parquet", "predict run digit.png -o answers.parquet"),
]

LONGER = [
    "inception 480x14x14 192 96 208 16 48 64",
    "verify L24",
    "audit run --spans 1 --steps 1",
    "predict run digit.png -o answers.csv",
    "predict run digit.png --explain maps",
    "export run --to hub-folder -o hub",
    "export run --to pt2 -o model.pt2",
    "export run --to engine -t 1 -o engine",
    "bench resnet20 -b 1 -t 1 -o bench.jsonl",
    "diagnose resnet20 --data none -t 1 --output diagnosis",
    "compare resnet20 --data none -t 1 --output comparison",
    "report comparison/records.jsonl -o page.html",
    "lecture -o lecture",
    "doctor",
]
"""The other commands, some of which start processes of their own; in the order in which they need each other."""


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


def faults(session: Session, commands: list[str]) -> str:
    """The commands that do not end with exit code 0, and what they print."""
    ended = [(command, *session.run(command)) for command in commands]
    return "\n".join(f"{command}\n{output}" for command, code, output in ended if code)


def test_commands_work_or_name_their_extra(session: Session) -> None:
    assert not faults(session, WORKS)
    for extra, command in NAMES_ITS_EXTRA:
        code, output = session.run(command)
        assert code in (3, 6), f"{command}\n{output}"
        assert f"pip install 'atalho[{extra}]'" in output, f"{command}\n{output}"


@pytest.mark.full
def test_every_other_command_works(session: Session) -> None:
    session.run(TRAINING)
    assert not faults(session, LONGER)
