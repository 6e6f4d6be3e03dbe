"""How long a user waits for the cost of ResNet-152, as a whole process: `atalho show` beside the usual counters.

    make bench

Each command is a process of its own, started in turn (A B C D, A B C D, …) after one round that is not counted, in which
Python keeps its bytecode, as an installer does; the record is the median of the rounds. Each peer prints its own count:
they differ in what they count as an operation.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from atalho.record import now, versions
from atalho.runtime.processor import processor

PEERS = {
    "torchinfo": (
        "import torchinfo, torchvision; "
        "print(torchinfo.summary(torchvision.models.resnet152(), (1, 3, 224, 224), verbose=0).total_mult_adds)"
    ),
    "fvcore": (
        "import torch, torchvision; from fvcore.nn import FlopCountAnalysis; "
        "print(FlopCountAnalysis(torchvision.models.resnet152().eval(), torch.zeros(1, 3, 224, 224)).total())"
    ),
    "ptflops": (
        "import torchvision; from ptflops import get_model_complexity_info as count; "
        "print(count(torchvision.models.resnet152(), (3, 224, 224), as_strings=False, "
        "print_per_layer_stat=False)[0])"
    ),
}
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
ATALHO = [sys.executable, "-m", "atalho", "show", "resnet152.v1_5", "--format", "json"]


def seconds(command: list[str]) -> tuple[float, str]:
    """Wall-clock seconds of a whole process, and what it printed."""
    begun = time.perf_counter()
    process = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return time.perf_counter() - begun, process.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    commands = {
        "atalho": ATALHO,
        **{name: [sys.executable, "-c", code] for name, code in PEERS.items()},
    }
    walls_by_name: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(options.rounds + 1):
        for name, command in commands.items():
            wall, output = seconds(command)
            if number:
                walls_by_name[name].append(wall)
            else:
                count = json.loads(output)["macs"] if name == "atalho" else output.split()[-1]
                print(f"{name:10} answers {count}", file=sys.stderr)
    fastest = min(PEERS, key=lambda name: median(walls_by_name[name]))
    ratio = median(walls_by_name["atalho"]) / median(walls_by_name[fastest])
    for name, walls in walls_by_name.items():
        print(f"{name:10} {median(walls):7.3f} s   ({min(walls):.3f} to {max(walls):.3f})")
    print(f"atalho takes 1/{1 / ratio:.0f} of the fastest peer's time ({fastest})")
    if options.output:
        result = {
            "question": "seconds of a whole process that answers with the cost of ResNet-152 at 224x224",
            "command": "python benchmarks/cost.py",
            "rounds": options.rounds,
            "seconds": walls_by_name,
            "median": {name: median(walls) for name, walls in walls_by_name.items()},
            "ratio_to_fastest_peer": ratio,
            "fastest_peer": fastest,
            "device": processor(),
            "versions": versions("torch", "torchvision", *PEERS),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
