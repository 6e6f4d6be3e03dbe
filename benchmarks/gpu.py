"""Checks and measurements on one GPU: correctness, speed of training and inference, and trainings of deep networks.

    python benchmarks/gpu.py --cifar DIR --output DIR

Under eight minutes on one H100 or H200; `--smoke` runs every part on any machine, with the least work. Every result is
printed and is on the disk, a JSON line in `OUTPUT/PART.ndjson`, before the next is begun, so that a stop loses nothing. A part
that fails prints its traceback, and the next one begins; a part that has no time left ends by itself.

correctness  float32 that is float32, bf16, deterministic gradients, runs that are killed and resumed to the same bits, signals,
             and memory that does not suffice, on the handwritten digits (gpu_correctness.py)
speed        steps a second of ResNet-20 by one process and by several at once, eager and compiled (gpu_speed.py)
inference    `atalho bench resnet50` on torch's two backends in float32 and bf16, with energy where NVML measures it
trainings    ResNet-20 by he2015_cifar whole beside a plain PyTorch loop, and plain and residual networks of 20 to 110 layers
             under one cosine of 20 epochs, several at once; it needs --cifar (gpu_trainings.py)
listed       the trainings of --commands, several at once; it needs --cifar, and is not among the parts unless named (gpu_listed.py)
"""

import argparse
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import gpu_correctness
import gpu_listed
import gpu_speed
import gpu_trainings
from atalho import record
from gpu_part import Options, Part, atalho

SECONDS = 470.0
SHARES = {"correctness": 105.0, "speed": 130.0, "inference": 90.0}
"""Seconds that a part may take at most; trainings have what is left."""

BACKENDS = (("eager", "float32"), ("compiled", "bf16"), ("eager", "bf16"), ("compiled", "float32"))
"""Engines with a precision, the most important first."""

SMOKE = 5.0
"""How much longer a smoke test's parts may take: it may have a busy processor."""


def inference(part: Part, options: Options) -> None:
    """`atalho bench` in each precision on each of torch's backends, one after another; its records are kept in a file."""
    network, batches = ("resnet20", ("1",)) if options.smoke else ("resnet50", ("1", "64"))
    for engine, precision in BACKENDS:
        with part.item(f"{network}, {engine}, {precision}") as result:
            if part.left < 15:
                raise TimeoutError("no time is left")
            records_file = options.output / f"inference-{engine}-{precision}.jsonl"
            words = ["bench", network, "--engine", engine, "--precision", precision]
            words += [word for batch in batches for word in ("-b", batch)]
            words += ["--device", options.device, "-o", str(records_file)]
            process = atalho(*words, seconds=part.left)
            result |= {"code": process.returncode, "said": process.stderr.splitlines()[-3:]}
            for each in record.read(records_file):
                if each.provenance == "measured":
                    batch = each.conditions.get("batch", "any")
                    result[f"{each.quantity} at batch {batch}"] = each.value


PARTS: dict[str, Callable[[Part, Options], None]] = {
    "correctness": gpu_correctness.run,
    "speed": gpu_speed.run,
    "inference": inference,
    "trainings": gpu_trainings.run,
    "listed": gpu_listed.run,
}
USUAL = ("correctness", "speed", "inference", "trainings")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cifar", type=Path, help="holds cifar-10-batches-bin")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(USUAL), help="some of the parts, in order")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all parts together")
    parser.add_argument("--speed", type=Path, help="speed.ndjson of an earlier call")
    parser.add_argument("--eager", action="store_true", help="never compile the trainings")
    parser.add_argument("--commands", type=Path, help="the part `listed`: a training a line")
    parser.add_argument("--at-once", type=int, default=4, help="the part `listed`")
    parser.add_argument(
        "--only", default="", help="networks and checks of `correctness`, items of `speed`"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="the least of everything, on any machine"
    )
    parsed = parser.parse_args()
    parsed.output.mkdir(parents=True, exist_ok=True)
    options = Options(
        output=parsed.output.resolve(),
        cifar=parsed.cifar and parsed.cifar.resolve(),
        speed=parsed.speed or parsed.output / "speed.ndjson",
        eager=parsed.eager,
        commands=parsed.commands and parsed.commands.resolve(),
        at_once=parsed.at_once,
        only=parsed.only,
        smoke=parsed.smoke,
    )
    print(f"on {options.device}", flush=True)
    longer = SMOKE if parsed.smoke else 1.0
    ends = time.monotonic() + longer * parsed.seconds
    for name in parsed.parts.split(","):
        left = ends - time.monotonic()
        part = Part(name, options.output, min(left, longer * SHARES.get(name, left)))
        try:
            PARTS[name](part, options)
        except Exception:
            part.write("failed", traceback=traceback.format_exc().splitlines())
        part.write("part ended", left=part.left)


if __name__ == "__main__":
    main()
