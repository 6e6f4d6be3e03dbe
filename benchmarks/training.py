"""Images a second of training: `atalho train` beside a plain PyTorch loop and Lightning's Trainer.

    python benchmarks/training.py --cifar DIR --photos DIR -o results/training.json

Two tasks: ResNet-20 on CIFAR-10 at 32×32, and ResNet-18 at 224×224 from JPEG files. The contenders train the same network on the
same images with the same crops, mirroring and batch, each in a process of its own, in turn (A B C, A B C, …); the record is
the median of the rounds. Every process has torch's own number of threads: all cores, unless OMP_NUM_THREADS says otherwise.

atalho is the command line as a user calls it, with its defaults; what it chooses itself (precision, memory format, fused
update, threads that decode) is what is measured. A short and a long run are made, and the difference of their `train_time`
records is the time of the steps between: it excludes start-up, the first steps and the test at the end, and includes
rows of metrics.csv. The difference of whole processes would measure the same, with the noise of two starts and two tests.
Its photos are not held out for validation, since the peers validate nothing.

The plain loop is in the style of the popular CIFAR ResNet repositories: PIL images through torchvision's transforms, a
DataLoader of two processes, float32, NCHW, the loss and the accuracy read in every step. Lightning has the same loader and module, and is
spared its logger, checkpoints and progress bar. Both are timed from the end of the last warming step to the end of the
last one; their epoch is longer than the run, so that no restart of the DataLoader is counted against them, and no step is
made while its workers already rest.

The loop's overhead is the share of `Run.advance` (ResNet-20) that forward, backward and update of the same network on a fixed
batch do not take, in one process, step by step in turn: the median over the pairs.
"""

import argparse
import copy
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, RandomSampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

from atalho import data, recipes, record
from atalho.data.batches import fit
from atalho.networks import subjects
from atalho.record import now, versions
from atalho.runtime.device import resolve_device
from atalho.runtime.precision import autocast, fastest
from atalho.runtime.processor import processor
from atalho.training.arguments import Arguments
from atalho.training.initial import InitialModel
from atalho.training.loop import Run

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CLASSES = 10
TESTED = 10  # every so many photos, one is kept for the test that ends a run of atalho
BEYOND = 10  # batches that are drawn after the last step's
PAIRS, UNCOUNTED = 40, 3  # steps of the overhead's measurement

IN_MEMORY, ON_DISK = "CIFAR-10 at 32x32", "JPEG files at 224x224"
AIMS = {
    "ratio_to_plain_loop_at_least": {IN_MEMORY: 2.3, ON_DISK: 1.5},
    "overhead_at_most": 0.03,
}
"""On two cores; they are written beside the results."""

RATE, MOMENTUM, WEIGHT_DECAY = 0.1, 0.9, 1e-4
CIFAR_MOMENTS = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
IMAGENET_MOMENTS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of the channels, as the popular repositories write them."""


class Cifar10:
    """`torchvision.datasets.CIFAR10` over the official binary batches, which does the same work for every image."""

    def __init__(self, root: Path, transform: Callable[[Image.Image], Tensor]) -> None:
        files = [
            root / "cifar-10-batches-bin" / f"data_batch_{number}.bin" for number in range(1, 6)
        ]
        rows = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 3073) for path in files])
        self.targets = rows[:, 0].tolist()
        self.data = np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.transform = transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


def cifar(root: Path) -> Cifar10:
    changes = [
        transforms.RandomCrop(32, padding=4),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(*CIFAR_MOMENTS),
    ]
    return Cifar10(root, transforms.Compose(changes))


def photos(root: Path) -> ImageFolder:
    changes = [
        transforms.RandomResizedCrop(224, scale=(0.25, 1.0)),  # the recipe's area; aspects agree
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(*IMAGENET_MOMENTS),
    ]
    return ImageFolder(root / "train", transforms.Compose(changes))


@dataclass(frozen=True)
class Task:
    """The training that all contenders do.

    Args:
        warming, steps: the number of steps before the clock starts, and while it runs.
        dataset: returns the peers' images, from `root`.
        options: of `atalho train`, beside the network, the batch and the length.
    """

    network: str
    batch: int
    warming: int
    steps: int
    dataset: Callable[[Path], Cifar10 | ImageFolder]
    root: Path
    options: tuple[str, ...]

    @property
    def length(self) -> int:
        """Steps in all."""
        return self.warming + self.steps

    def module(self) -> nn.Module:
        return subjects.build(subjects.get(self.network, num_classes=CLASSES))

    def loader(self) -> DataLoader[Any]:
        images: Any = self.dataset(self.root)
        drawn = RandomSampler(images, num_samples=self.batch * (self.length + BEYOND))
        pinned = DEVICE.type == "cuda"
        return DataLoader(images, self.batch, sampler=drawn, num_workers=2, pin_memory=pinned)

    def optimiser(self, model: nn.Module) -> torch.optim.SGD:
        return torch.optim.SGD(
            model.parameters(), RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        )

    def rate(self, seconds: float) -> float:
        """Images a second, where the steps that count took so long."""
        return self.steps * self.batch / seconds


def clock() -> float:
    """The time in seconds, once the device has finished its work."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


class Stopwatch:
    """Measures the time from the end of the last warming step to the end of the last step; `step` is called after each."""

    def __init__(self, task: Task) -> None:
        self.ends = task.warming, task.length
        self.steps_done = 0
        self.moments: list[float] = []

    def step(self) -> None:
        self.steps_done += 1
        if self.steps_done in self.ends:
            self.moments.append(clock())

    @property
    def seconds(self) -> float:
        begun, ended = self.moments
        return ended - begun


def atalho(task: Task) -> float:
    """Images a second of `atalho train`, from a short run and a long one."""
    short, long = (train_time(task, steps) for steps in (task.warming, task.length))
    return task.rate(long - short)


def train_time(task: Task, steps: int) -> float:
    """The seconds of so many steps, from the run's record `train_time`."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "atalho", "train", task.network, *task.options]
        command += ["--batch-size", str(task.batch), "--steps", str(steps), "--output", str(run)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        records = {each.quantity: each for each in record.read(run / "records.jsonl")}
        return records["train_time"].value


def plain(task: Task) -> float:
    """Images a second of a loop as in the popular repositories."""
    model = task.module().to(DEVICE).train()
    optimiser = task.optimiser(model)
    stopwatch = Stopwatch(task)
    losses, right = 0.0, 0.0
    for images, labels in islice(task.loader(), task.length):
        images, labels = images.to(DEVICE), labels.to(DEVICE)
        output = model(images)
        loss = F.cross_entropy(output, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses += loss.item()
        right += output.argmax(1).eq(labels).sum().item()
        stopwatch.step()
    return task.rate(stopwatch.seconds)


def lightning(task: Task) -> float:
    """Images a second of Lightning's Trainer."""
    from lightning import Callback, LightningModule, Trainer

    class Classifier(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = task.module()

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            images, labels = batch
            output = self.model(images)
            loss = F.cross_entropy(output, labels)
            self.log("loss", loss)
            self.log("top1", output.argmax(1).eq(labels).float().mean())
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return task.optimiser(self.model)

    class Timing(Callback):
        def on_train_batch_end(self, *_: object) -> None:
            stopwatch.step()

    stopwatch = Stopwatch(task)
    trainer = Trainer(
        max_steps=task.length,
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Timing()],
    )
    trainer.fit(Classifier(), task.loader())
    return task.rate(stopwatch.seconds)


def step_seconds(folder: Path, pairs: int) -> list[tuple[float, float]]:
    """Seconds of `Run.advance` and of forward, backward and update alone, by turns: ResNet-20, its recipe's batch."""
    name = "resnet20"
    network = subjects.get(name)
    images = data.load("cifar10", folder)
    recipe = recipes.get("he2015_cifar", subjects.facts(network))
    precision, _ = fastest(DEVICE)
    preprocessing = fit(images.training(with_validation=True).sample(), recipe.normalisation)
    with tempfile.TemporaryDirectory() as output:
        run = Run(
            Arguments(name, recipe, 0, resolve_device(), precision),
            InitialModel(network, subjects.build(network), preprocessing),
            images,
            Path(output),
        )
        run.model.train()
        model = copy.deepcopy(run.model)
        optimiser = torch.optim.SGD(
            model.parameters(),
            recipe.lr,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        fixed, labels = run.learner.batches(0)

        def bare() -> None:
            optimiser.zero_grad(set_to_none=True)
            with autocast(DEVICE, precision):
                logits = model(fixed)
            F.cross_entropy(logits.float(), labels).backward()
            optimiser.step()

        pairs_of_seconds = [(seconds(run.advance), seconds(bare)) for _ in range(UNCOUNTED + pairs)]
        run.learner.batches.close()
    return pairs_of_seconds[UNCOUNTED:]


def seconds(work: Callable[[], None]) -> float:
    begun = clock()
    work()
    return clock() - begun


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """The value that a function returns in a new process."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(function, *arguments).result()


CONTENDERS: dict[str, Callable[[Task], float]] = {
    "atalho": atalho,
    "plain loop": plain,
    "Lightning": lightning,
}


def arranged(source: Path, target: Path) -> None:
    """Copies a folder's photos into `train` and `test`, in classes that are large enough to train on."""
    for number, path in enumerate(sorted(source.rglob("*.jpg"))):
        turn, label = divmod(number, CLASSES)
        folder = target / ("train" if turn % TESTED else "test") / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / f"{number}.jpg")


def tasks(cifar_root: Path, photo_root: Path, length: float) -> dict[str, Task]:
    """The tasks by name; `length` times the usual steps."""

    def times(steps: int) -> int:
        return max(1, round(length * steps))

    in_memory = ("--data", "cifar10", "--data-dir", str(cifar_root), "--recipe", "he2015_cifar")
    of_folder = ("--data", str(photo_root), "--data-dir", str(photo_root.parent))
    on_disk = (*of_folder, "--recipe", "quick", "--no-hold-out")
    return {
        IN_MEMORY: Task("resnet20", 128, times(10), times(60), cifar, cifar_root, in_memory),
        ON_DISK: Task("resnet18", 16, times(4), times(12), photos, photo_root, on_disk),
    }


def measure(task: Task, rounds: int) -> dict[str, list[float]]:
    """Images a second of every contender, in every round."""
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, contender in CONTENDERS.items():
            rates[name].append(alone(contender, task))
    return rates


def summary(task: Task, rates_by_name: dict[str, list[float]]) -> dict[str, Any]:
    middle = {name: median(rates) for name, rates in rates_by_name.items()}
    return {
        "network": task.network,
        "batch": task.batch,
        "steps": task.steps,
        "warming_steps": task.warming,
        "images_per_second": rates_by_name,
        "median": middle,
        "ratio_to": {
            name: middle["atalho"] / rate for name, rate in middle.items() if name != "atalho"
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar", type=Path, required=True, help="holds cifar-10-batches-bin")
    parser.add_argument("--photos", type=Path, required=True, help="JPEG files, in folders or not")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--length", type=float, default=1.0, help="times the usual steps")
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "photos"
        arranged(options.photos, pictures)
        for name, task in tasks(options.cifar, pictures, options.length).items():
            rates_by_name = measure(task, options.rounds)
            results[name] = summary(task, rates_by_name)
            for contender, rates in rates_by_name.items():
                print(
                    f"{name:22} {contender:10} {median(rates):7.1f} images/s   ({min(rates):.1f} to {max(rates):.1f})"
                )
            for contender, ratio in results[name]["ratio_to"].items():
                print(f"{name:22} atalho is {ratio:.2f} × {contender}")
    pairs = alone(step_seconds, options.cifar, max(1, round(options.length * PAIRS)))
    overhead = median(1 - bare / whole for whole, bare in pairs)
    print(f"{100 * overhead:.1f} % of a step of atalho is not forward, backward or update")
    if options.output:
        result = {
            "question": "images/s of training, and the share of a step that is not forward, backward or update",
            "command": "python benchmarks/training.py --cifar DIR --photos DIR",
            "rounds": options.rounds,
            "tasks": results,
            "overhead": overhead,
            "overhead_pairs": len(pairs),
            "step_seconds": median(whole for whole, _ in pairs),
            "aims": AIMS,
            "precision": {
                "atalho": fastest(DEVICE)[0],
                "plain loop": "float32",
                "Lightning": "float32",
            },
            "device": processor() if DEVICE.type == "cpu" else torch.cuda.get_device_name(DEVICE),
            "threads": torch.get_num_threads(),
            "versions": versions("torch", "torchvision", "pillow", "numpy", "lightning"),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
