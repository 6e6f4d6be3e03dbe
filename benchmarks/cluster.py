"""What workers are worth: the trainings of a comparison on one and on two of them, and what a task costs beside its work.

    python benchmarks/cluster.py --rounds 2 --tasks 4 --steps 300 -o results/cluster/300-steps.json

Each round trains the same network with several seeds, all with one thread, in three ways by turns:

    one process    one after another, as `atalho compare` does; the data are loaded once
    1 worker       by `--on local:1`
    2 workers      by `--on local:2`

A task's overhead is what a worker's task takes beside its training, from the start of its process to the end, the workers' start among
it. The speed-up is that of two workers over one, and over the process; on two cores it is 2 at the most, less what two trainings take from each
other's caches and memory. Weights must be equal in all three ways, bit for bit.
"""

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from atalho.api.preparing import Setup
from atalho.api.reporting import QUIET
from atalho.api.units import Units
from atalho.comparison.learning import RUNS, Learning
from atalho.record import now, versions
from atalho.runtime.cluster import Cluster
from atalho.runtime.processor import processor
from atalho.training import arguments, folder
from atalho.training.listeners import SILENT

NETWORK = "resnet20"


def setup(steps: int, tasks: int) -> Setup:
    """A network on digits with a seed for each task."""
    fields: dict[str, Any] = {each.name: None for each in dataclasses.fields(Setup)}
    flags = dict.fromkeys(("from_scratch", "as_published", "class_weights"), False)
    fields |= {**flags, "mirror": True, "networks": NETWORK, "data": "digits", "data_dir": "data"}
    fields |= {"optimise": "accuracy", "seed": 0, "seeds": [*range(tasks)], "steps": steps}
    return Setup(**{**fields, "device": "cpu", "threads": 1, "precision": "float32"})


def learned(root: Path) -> tuple[dict[int, bytes], list[float]]:
    """The weights of every run by its seed, and the seconds of their trainings."""
    weights, seconds = {}, []
    for path in (root / RUNS).iterdir():
        if saved := arguments.read(path):
            weights[saved.seed] = (path / "model.safetensors").read_bytes()
            seconds += [e.value for e in folder.measured(path) if e.quantity == folder.LAST]
    return weights, seconds


def here(own: Setup, root: Path) -> None:
    prepared = own.prepare(QUIET)
    for unit in Learning.of(prepared.networks, own.seeds, prepared.settings, root, SILENT).units():
        unit.run()


def on(workers: int) -> Callable[[Setup, Path], None]:
    def learn(own: Setup, root: Path) -> None:
        prepared = own.prepare(QUIET)
        learning = Learning.of(prepared.networks, own.seeds, prepared.settings, root, SILENT)
        Units(own, root, QUIET, Cluster(f"local:{workers}", 1)).finish(learning.units())

    return learn


WAYS: dict[str, Callable[[Setup, Path], None]] = {
    "one process": here,
    "1 worker": on(1),
    "2 workers": on(2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    own = setup(options.steps, options.tasks)
    walls: dict[str, list[float]] = {name: [] for name in WAYS}
    trainings: dict[str, list[float]] = {name: [] for name in WAYS}
    reference: dict[int, bytes] = {}
    with TemporaryDirectory() as root:
        here(setup(2, 1), Path(root) / "first")  # what is loaded once
        for number in range(options.rounds):
            for name, learn in WAYS.items():
                place = Path(root) / f"{name}-{number}"
                begun = time.perf_counter()
                learn(own, place)
                walls[name].append(time.perf_counter() - begun)
                weights, seconds = learned(place)
                trainings[name].append(sum(seconds))
                reference = reference or weights
                assert weights == reference, f"{name}: other weights"
                print(
                    f"{name:12} {walls[name][-1]:6.1f} s, trainings {sum(seconds):6.1f} s",
                    flush=True,
                )
    middle = {name: median(each) for name, each in walls.items()}
    overhead = [
        (wall - training) / options.tasks
        for wall, training in zip(walls["1 worker"], trainings["1 worker"], strict=True)
    ]
    speed_up = {
        f"2 workers over {name}": middle[name] / middle["2 workers"]
        for name in ("1 worker", "one process")
    }
    print({**speed_up, "overhead of a task in seconds": median(overhead)})
    if options.output:
        result = {
            "question": "seconds of a comparison's trainings by the number of workers, and of a task beside its training",
            "command": f"python benchmarks/cluster.py --rounds {options.rounds} --tasks {options.tasks} --steps {options.steps}",
            "rounds": options.rounds,
            "network": NETWORK,
            "tasks": options.tasks,
            "steps": options.steps,
            "threads": 1,
            "seconds": walls,
            "seconds_of_the_trainings_together": trainings,
            "median": middle,
            "speed_up": speed_up,
            "overhead_of_a_task": {"seconds": overhead, "median": median(overhead)},
            "same_weights": True,
            "device": processor(),
            "load": {"before": load_before, "after": os.getloadavg()[0]},
            "versions": versions("torch", "distributed"),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
