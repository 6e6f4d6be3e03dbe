"""How long a user waits for the cost of ResNet-152, as a whole process: `atalho show` beside the usual counters.

    make bench

Each command is a process of its own, started in turn (A B C D, A B C D, …) after one round that is not counted; the
record is the median of the rounds. The peers answer with their own count, which is printed: they differ in what they
call a FLOP.
"""

import argparse
import json
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
ATALHO = [sys.executable, "-m", "atalho", "show", "resnet152.v1_5", "--format", "json"]


def seconds(command: list[str]) -> tuple[float, str]:
    """Wall-clock seconds of a whole process, and what it printed."""
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - begun, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    commands = {
        "atalho": ATALHO,
        **{name: [sys.executable, "-c", code] for name, code in PEERS.items()},
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(options.rounds + 1):
        for name, command in commands.items():
            wall, answer = seconds(command)
            if number:
                taken[name].append(wall)
            else:
                count = json.loads(answer)["macs"] if name == "atalho" else answer.split()[-1]
                print(f"{name:10} answers {count}", file=sys.stderr)
    fastest = min(PEERS, key=lambda name: median(taken[name]))
    ratio = median(taken["atalho"]) / median(taken[fastest])
    for name, walls in taken.items():
        print(f"{name:10} {median(walls):7.3f} s   ({min(walls):.3f} to {max(walls):.3f})")
    print(f"atalho takes 1/{1 / ratio:.0f} of the fastest peer's time ({fastest})")
    if options.output:
        found = {
            "question": "seconds of a whole process that answers with the cost of ResNet-152 at 224x224",
            "command": "python benchmarks/cost.py",
            "rounds": options.rounds,
            "seconds": taken,
            "median": {name: median(walls) for name, walls in taken.items()},
            "ratio_to_fastest_peer": ratio,
            "fastest_peer": fastest,
            "device": processor(),
            "versions": versions("torch", "torchvision", *PEERS),
            "at": now(),
        }
        options.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
