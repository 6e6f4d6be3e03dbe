"""What a probe of a training run (gradient norms and responses, every 100 steps) adds to a step, and how long a diagnosis takes.

    python benchmarks/diagnose.py

Training steps of resnet56 at 32×32 and one probe are timed in turn, in each precision, after one of each that is not
counted; the added share is the median over the rounds. The probe computes in float32 whatever the steps do, on half as
many images. The diagnosis is a process of its own: resnet56 at initialisation, on noise.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import get_args

import torch
from torch.nn import functional as F

from atalho import networks
from atalho.grammar.module import build
from atalho.probes.passes import Batch
from atalho.probes.probe import IMAGES, Probe
from atalho.record import now, versions
from atalho.runtime.precision import Precision, autocast
from atalho.runtime.processor import processor

NETWORK = "resnet56"
EVERY = 100  # steps
CPU = torch.device("cpu")


class Training:
    """Steps of stochastic gradient descent on one batch of noise."""

    def __init__(self, batch: int, precision: Precision) -> None:
        network = networks.get(NETWORK)
        self.precision = precision
        self.model = build(network).to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9, fused=True)
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(batch, *network.input, generator=generator)
        images = images.contiguous(memory_format=torch.channels_last)
        labels = torch.randint(network.num_classes, (batch,), generator=generator)
        self.batch = Batch(images, labels)
        few = Batch(images[:IMAGES], labels[:IMAGES])
        self.probe = Probe(NETWORK, EVERY, few, 0.0, {}, Path())

    def seconds(self, steps: int) -> float:
        """The time of so many steps."""
        begun = time.perf_counter()
        for _ in range(steps):
            with autocast(CPU, self.precision):
                logits = self.model(self.batch.images)
            self.optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(logits.float(), self.batch.labels).backward()
            self.optimiser.step()
        return time.perf_counter() - begun

    def probe_seconds(self) -> float:
        """The time of one probe."""
        begun = time.perf_counter()
        self.probe.look(self.model, 0)
        return time.perf_counter() - begun


def training(batch: int, precision: Precision, rounds: int, steps: int) -> dict[str, object]:
    """Seconds of a step and of a probe, round by round, and the share that a probe every `EVERY` steps adds."""
    timed = Training(batch, precision)
    timed.seconds(1)
    timed.probe_seconds()
    a_step, a_probe = [], []
    for _ in range(rounds):
        a_step.append(timed.seconds(steps) / steps)
        a_probe.append(timed.probe_seconds())
    added = median(p / (EVERY * s) for p, s in zip(a_probe, a_step, strict=True))
    print(f"{precision}: a step {median(a_step):.3f} s, a probe {median(a_probe):.3f} s;", end=" ")
    print(f"every {EVERY} steps it adds {added:.2%}")
    return {"step_seconds": a_step, "probe_seconds": a_probe, "added_share": added}


def diagnosis_seconds(threads: int) -> float:
    """Wall-clock seconds of `atalho diagnose` as a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "atalho", "diagnose", NETWORK, "--data", "none"]
        begun = time.perf_counter()
        subprocess.run(
            [*command, "--threads", str(threads), "--output", folder],
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="timed in a round, for one probe")
    parser.add_argument("-b", "--batch-size", type=int, default=2 * IMAGES)
    parser.add_argument("-t", "--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trainings = {
        precision: training(options.batch_size, precision, options.rounds, options.steps)
        for precision in get_args(Precision)
    }
    whole = [diagnosis_seconds(options.threads) for _ in range(options.rounds)]
    print(f"diagnose {NETWORK} at initialisation: {median(whole):.1f} s")
    if options.output:
        result = {
            "question": f"what a probe every {EVERY} steps adds to training {NETWORK} at 32x32, and "
            "seconds of its diagnosis at initialisation",
            "command": "python benchmarks/diagnose.py",
            "rounds": options.rounds,
            "steps": options.steps,
            "batch": options.batch_size,
            "probe_batch": IMAGES,
            "training": trainings,
            "diagnosis_seconds": whole,
            "device": processor(),
            "threads": options.threads,
            "versions": versions("torch", "torchvision"),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
