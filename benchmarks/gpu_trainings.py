"""Trainings on CIFAR-10, several at once on one GPU: ResNet-20 by the paper's recipe, and depth with and without shortcuts.

What is kept of each run is args.yaml, metrics.csv, records.jsonl and config.json, packed into `runs.tar.gz` (no weights; of a run
that was stopped, the newest checkpoint where it is small).
"""

import json
import signal
import subprocess
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import yaml

import training
from atalho import record
from gpu_part import ENVIRONMENT, Options, Part, command

EPOCH, BATCH = 45_000, 128  # images of the training split, of a step
COSINE = ("--recipe", "quick", "--epochs", "20", "-b", str(BATCH), "--weight-decay", "1e-4")
PAPER = ("--recipe", "he2015_cifar")
STARTING = 12.0  # seconds from a process's start to its first step, at a guess
ENDING = 8.0  # seconds that are kept for stopping what still runs, and for packing
MOST = 8  # runs at once
SMALL = 4 * 2**20  # bytes of a checkpoint that is worth packing


@dataclass(frozen=True)
class Job:
    """One run."""

    network: str
    seed: int
    options: tuple[str, ...]
    steps: int

    @property
    def name(self) -> str:
        return f"{self.network}-{self.options[1]}-{self.seed}"

    @property
    def work(self) -> float:
        """The number of steps of ResNet-20 that take as long."""
        layers = int(self.network.removeprefix("resnet").removeprefix("plain"))
        return self.steps * layers / 20


@dataclass(frozen=True)
class Plan:
    """How the jobs are run.

    Args:
        alone: steps a second of ResNet-20 in one process, eager (False) and compiled (True).
        together: the most that several processes made in all.
        compiling: seconds before the first compiled step is made.
        lanes: how many run at once.
    """

    alone: Mapping[bool, float]
    together: Mapping[bool, float]
    compiling: float
    lanes: int

    def seconds(self, job: Job, *, compiled: bool) -> float:
        """How long a job will take beside the others."""
        waiting = STARTING + (self.compiling if compiled else 0)
        rate = min(self.alone[compiled], self.together[compiled] / self.lanes)
        return waiting + job.work / rate

    def compiled(self, job: Job) -> bool:
        """Whether the job ends sooner when it is compiled, compiling included."""
        return min(self.alone, key=lambda compiled: self.seconds(job, compiled=compiled))


def jobs(*, smoke: bool) -> list[Job]:
    """The trainings, the most important first."""
    if smoke:
        short = ("--recipe", "quick", "--steps", "4", "-b", "16", "--weight-decay", "1e-4")
        return [Job("resnet20", 0, short, 4), Job("plain20", 0, short, 4)]
    steps = 20 * EPOCH // BATCH
    planned = [Job("resnet20", 0, PAPER, 64_000)]
    for seed in (0, 1, 2):
        planned += [
            Job(f"{kind}{depth}", seed, COSINE, steps)
            for depth in (20, 56)
            for kind in ("plain", "resnet")
        ]
    planned += [
        Job(f"{kind}{depth}", 0, COSINE, steps)
        for depth in (32, 44, 110)
        for kind in ("plain", "resnet")
    ]
    return planned


def plan(options: Options, seconds: float) -> Plan:
    """From what gpu_speed.py measured: as many at once as let the paper's whole recipe end in time.

    Where it cannot end in any case, as many as made the most steps in all. Without measurements, eager at a guess.
    """
    measured: list[dict[str, Any]] = []
    if options.speed.exists():
        lines = map(json.loads, options.speed.read_text().splitlines())
        measured = [each for each in lines if "steps_per_second" in each]
    if options.eager:
        measured = [each for each in measured if not each["compiled"]]
    alone: dict[bool, float] = {}
    together: dict[bool, float] = {}
    for each in measured:
        rates = alone if each["processes"] == 1 else together
        compiled = each["compiled"]
        rates[compiled] = max(rates.get(compiled, 0.0), each["steps_per_second"])
    if not alone:
        return Plan({False: 150.0}, {False: 450.0}, 0.0, 3)
    together = {
        compiled: max(rate, together.get(compiled, 0.0)) for compiled, rate in alone.items()
    }
    compiling = max(
        (each["first_steps_seconds"] for each in measured if each["compiled"]), default=0.0
    )
    most = max(measured, key=lambda each: each["steps_per_second"])["processes"]
    paper = jobs(smoke=False)[0]
    for lanes in range(MOST, 1, -1):
        planned = Plan(alone, together, compiling, lanes)
        if planned.seconds(paper, compiled=planned.compiled(paper)) < seconds - ENDING:
            return planned
    return Plan(alone, together, compiling, max(2, most))


class Training:
    """A run of `atalho train` on CIFAR-10 that is under way in a folder of its name; one of an earlier call goes on.

    Args:
        words: those after `atalho train`; the data, the device, the threads and the output are added.
        runs: the folder of all runs.
    """

    def __init__(self, name: str, words: Sequence[str], options: Options, runs: Path) -> None:
        self.name = name
        self.folder = runs / name
        self.begun = time.monotonic()
        self.log: TextIO = (runs / f"{name}.log").open("a")
        data = ["--data", "cifar10", "--data-dir", str(options.cifar), "--device", options.device]
        output = ["-t", "1", "--save-every", "30", "--output", str(self.folder), "--resume"]
        self.process = subprocess.Popen(
            command("train", *words, *data, *output),
            stdout=self.log,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def result(self) -> dict[str, Any]:
        """The result of the run, once its process has ended."""
        raise NotImplementedError


def stop(part: Part, trainings: Sequence[Training]) -> None:
    """Ends what still runs by a signal, after which it can be resumed, and writes the results."""
    for each in trainings:
        each.process.send_signal(signal.SIGTERM)
    for each in trainings:
        try:
            each.process.wait(5)
        except subprocess.TimeoutExpired:
            each.process.kill()
            each.process.wait()
        part.write(f"stopped {each.name}", **each.result())


class Lane(Training):
    """The run of a job."""

    def __init__(self, job: Job, compiled: bool, options: Options, runs: Path) -> None:
        self.job = job
        arguments = runs / job.name / "args.yaml"
        if arguments.exists():  # of an earlier call, which this one goes on with
            compiled = yaml.safe_load(arguments.read_text())["environment"]["compiled"]
        self.compiled = compiled
        words = [job.network, *job.options, "--seed", str(job.seed)]
        words += ["--compile"] if compiled else []
        super().__init__(job.name, words, options, runs)

    def result(self) -> dict[str, Any]:
        """The result of the run, once its process has ended."""
        self.log.close()
        last = Path(self.log.name).read_text().splitlines()[-3:]
        result: dict[str, Any] = {
            "network": self.job.network,
            "seed": self.job.seed,
            "code": self.process.returncode,
            "compiled": self.compiled,
            "seconds": round(self.seconds, 1),
        }
        records = self.folder / "records.jsonl"
        if not records.exists():
            return {**result, "said": last}
        for each in record.read(records):
            if each.quantity in ("top1", "train_time", "train_throughput"):
                result[each.quantity] = each.value
                result["dtype"] = each.conditions["dtype"]
            if each.quantity == "train_top1":
                result["train_top1"] = each.value  # the last row's stays
        return result


def run(part: Part, options: Options) -> None:
    """The jobs in their order, several at once; what cannot end in time is not begun."""
    if options.cifar is None:
        part.write("skipped", cause="--cifar was not given")
        return
    runs = options.output / "runs"
    runs.mkdir(exist_ok=True)
    with part.item("plain PyTorch loop, alone") as result:
        result |= plain_loop(options)
    planned = plan(options, part.left)
    part.write("plan", **vars(planned))
    lanes: list[Lane] = []
    try:
        _work(part, options, planned, runs, lanes)
    finally:
        stop(part, lanes)
        pack(runs, options.output / "runs.tar.gz")


def plain_loop(options: Options) -> dict[str, Any]:
    """Images a second of a plain loop over torchvision's transforms: the peer of benchmarks/training.py."""
    assert options.cifar is not None
    task = training.tasks(options.cifar, options.cifar, 0.02 if options.smoke else 3.0)
    rate = training.alone(training.plain, task[training.IN_MEMORY])
    return {"network": "resnet20", "batch": BATCH, "images_per_second": rate}


def _work(part: Part, options: Options, planned: Plan, runs: Path, lanes: list[Lane]) -> None:
    waiting = jobs(smoke=options.smoke)
    slowness = 1.0  # of what has ended, beside the plan
    while waiting or lanes:
        if part.left < ENDING:
            return
        for lane in [each for each in lanes if each.process.poll() is not None]:
            lanes.remove(lane)
            part.write(f"ended {lane.job.name}", **lane.result(), beside=len(lanes))
            expected = planned.seconds(lane.job, compiled=lane.compiled)
            slowness = lane.seconds / expected
        while waiting and len(lanes) < planned.lanes:
            job = waiting.pop(0)
            compiled = planned.compiled(job)
            needed = slowness * planned.seconds(job, compiled=compiled)
            # The first, the paper's whole recipe, is begun in any case: it can be resumed elsewhere.
            if job.options != PAPER and needed > part.left - ENDING:
                part.write(f"not begun {job.name}", needed=needed, left=part.left)
                continue
            lanes.append(Lane(job, compiled, options, runs))
            part.write(f"begun {job.name}", compiled=compiled, expected=round(needed))
        time.sleep(0.2)


def pack(runs: Path, target: Path) -> None:
    """Packs the files of all runs that are kept into one archive."""
    with tarfile.open(target, "w:gz") as tar:
        for path in sorted(runs.rglob("*")):
            unfinished = not (path.parent.parent / "records.jsonl").exists()
            newest = path.parent.name == "checkpoints" and path == max(path.parent.iterdir())
            worth = newest and unfinished and path.stat().st_size < SMALL
            if path.suffix in (".yaml", ".csv", ".jsonl", ".json", ".log") or worth:
                tar.add(path, path.relative_to(runs.parent))
