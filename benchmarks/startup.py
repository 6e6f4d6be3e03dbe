"""How long a user waits for the commands that need no torch, as whole processes: beside an empty Python, click, timm and torchvision.

    python benchmarks/startup.py -o results/startup.json

Each command is a process of its own, started in turn (A B C D, A B C D, …) after one round that is not counted, in which Python keeps
its bytecode, as an installer does; the record is the median of the rounds. `report` is measured with its cache, and with an empty one.
What the project aims at stands beside it; the exit code is 1 where a median is above it. timm and torchvision list the names of their
networks alone, `atalho list` also computes what they cost.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from atalho.record import now, versions
from atalho.runtime.processor import processor

ATALHO = str(Path(sys.executable).with_name("atalho"))
RECORDS = Path(__file__).parents[1] / "results" / "demonstration" / "records.jsonl"
AIMS = {
    "atalho --help": 0.10,
    "atalho show resnet152 --format json": 0.12,
    "atalho list": 0.20,
    "atalho verify": 0.35,
    "atalho report demonstration": 3.0,
    "atalho report demonstration, nothing cached": 3.0,
}
"""Seconds on two cores that the project aims at."""
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def commands(folder: Path) -> dict[str, list[str]]:
    """What is measured, by name. `report` writes into `folder`."""
    typed = ["COMP_WORDS=atalho train resnet5", "COMP_CWORD=2", "_ATALHO_COMPLETE=bash_complete"]
    python = [sys.executable, "-c"]
    report = [ATALHO, "report", str(RECORDS), "-o", str(folder / "report.html")]
    empty = 'ATALHO_CACHE=$(mktemp -d -p "$0") exec "$@"'
    return {
        "python -c pass": [*python, "pass"],
        "python -c 'import click'": [*python, "import click"],
        "atalho --help": [ATALHO, "--help"],
        "atalho show resnet152 --format json": [ATALHO, "show", "resnet152", "--format", "json"],
        "atalho list": [ATALHO, "list"],
        "atalho verify": [ATALHO, "verify"],
        "completion of a network": ["env", *typed, ATALHO],
        "atalho report demonstration": report,
        "atalho report demonstration, nothing cached": ["sh", "-c", empty, str(folder), *report],
        "torchvision's list": [
            *python,
            "from torchvision import models; print(*models.list_models())",
        ],
        "timm's list": [*python, "import timm; print(*timm.list_models())"],
    }


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of a whole process."""
    begun = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True, env=ENVIRONMENT)
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        measured = commands(Path(folder))
        walls: dict[str, list[float]] = {name: [] for name in measured}
        for number in range(options.rounds + 1):
            for name, command in measured.items():
                wall = seconds(command)
                if number:
                    walls[name].append(wall)
    medians = {name: median(each) for name, each in walls.items()}
    for name, each in walls.items():
        aim = f"   aim {AIMS[name]:.2f} s" if name in AIMS else ""
        print(f"{name:44} {medians[name]:6.3f} s   ({min(each):.3f} to {max(each):.3f}){aim}")
    if options.output:
        result = {
            "question": "seconds of a whole process",
            "command": "python benchmarks/startup.py",
            "rounds": options.rounds,
            "seconds": walls,
            "median": medians,
            "aims": AIMS,
            "device": processor(),
            "load": {"before": load_before, "after": os.getloadavg()[0]},
            "versions": versions("click", "torch", "torchvision", "timm"),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    return int(any(medians[name] > aim for name, aim in AIMS.items()))


if __name__ == "__main__":
    raise SystemExit(main())
