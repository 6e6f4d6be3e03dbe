"""What the in-training probe (D1 and the responses, every 100 steps) adds to a step, and how long a diagnosis takes.

    python benchmarks/diagnose.py

A hundred training steps of resnet56 at 32×32 and one probe are timed in turn, after one of each that is not counted; the
added share is the median over the rounds. The diagnosis is a process of its own: resnet56 at
initialisation, shown noise.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from torch.nn import functional as F

from atalho import networks
from atalho.measure import probe
from atalho.measure.passes import Batch
from atalho.module import build
from atalho.record import now, processor, versions

NETWORK = "resnet56"


class Training:
    """Steps of stochastic gradient descent on one batch of noise."""

    def __init__(self, batch: int) -> None:
        network = networks.get(NETWORK)
        self.model = build(network).to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(batch, *network.input, generator=generator)
        labels = torch.randint(network.num_classes, (batch,), generator=generator)
        self.batch = Batch(images.contiguous(memory_format=torch.channels_last), labels)

    def seconds(self, steps: int) -> float:
        """Of so many steps."""
        begun = time.perf_counter()
        for _ in range(steps):
            loss = F.cross_entropy(self.model(self.batch.images), self.batch.labels)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
        return time.perf_counter() - begun

    def probe_seconds(self) -> float:
        """Of one probe."""
        begun = time.perf_counter()
        probe.records(NETWORK, self.model, self.batch)
        return time.perf_counter() - begun


def diagnosis_seconds() -> float:
    """Wall-clock seconds of `atalho diagnose` as a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "atalho", "diagnose", NETWORK, "--data", "none"]
        begun = time.perf_counter()
        subprocess.run([*command, "--output", folder], check=True, capture_output=True)
        return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=probe.EVERY, help="a round, for one probe")
    parser.add_argument("-b", "--batch-size", type=int, default=128)
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    training = Training(options.batch_size)
    training.seconds(1)
    training.probe_seconds()
    steps, probes = [], []
    for _ in range(options.rounds):
        steps.append(training.seconds(options.steps) / options.steps)
        probes.append(training.probe_seconds())
    added = median(p / (probe.EVERY * s) for p, s in zip(probes, steps, strict=True))
    whole = [diagnosis_seconds() for _ in range(options.rounds)]
    print(f"a step {median(steps):.3f} s, a probe {median(probes):.3f} s")
    print(f"sampled every {probe.EVERY} steps the probe adds {added:.2%} to a step")
    print(f"diagnose {NETWORK} at initialisation: {median(whole):.1f} s")
    if options.output:
        found = {
            "question": f"what a probe every {probe.EVERY} steps adds to training {NETWORK} at 32x32, and "
            "seconds of its diagnosis at initialisation",
            "command": "python benchmarks/diagnose.py",
            "rounds": options.rounds,
            "batch": options.batch_size,
            "step_seconds": steps,
            "probe_seconds": probes,
            "added_share": added,
            "diagnosis_seconds": whole,
            "device": processor(),
            "threads": torch.get_num_threads(),
            "versions": versions("torch", "torchvision"),
            "at": now(),
        }
        options.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
