"""Images a second of training: `atalho train` beside a plain PyTorch loop and Lightning's Trainer, and the share of the machine's bound.

    python benchmarks/training.py --cifar DIR --photos DIR -o results/training.json

Two tasks: ResNet-20 on CIFAR-10 at 32×32, and ResNet-18 at 224×224 from JPEG files. The contenders train the same network on the
same images with the same crops, mirroring and batch, each in a process of its own that is started once. They take turns of a few
seconds, forwards in one round and backwards in the next, while the others wait: what slows a shared machine for a moment slows one
turn. A turn's first two steps are not counted. The
record is the median of the turns, and the median over the rounds of the ratio of two turns in the same round. Every process
has torch's own number of threads: all cores, unless OMP_NUM_THREADS says otherwise.

atalho is the loop of `atalho train` with all that it does between steps, in the arithmetic that `--precision auto` takes for a
run of 4,000 steps, in float32 and in bf16. Its photos are not held out for validation, since the peers validate nothing.

The plain loop is in the style of the popular CIFAR ResNet repositories: PIL images through torchvision's transforms, a
DataLoader of two processes, float32, NCHW, the loss and the accuracy read in every step. Lightning has the same loader and module, and is
spared its logger, checkpoints and progress bar.

The loop's overhead is the share of `Run.advance` (ResNet-20) that forward, backward and update of the same network on a fixed
batch do not take, in one process, step by step in turn: the median over the pairs.

The bound is the time that a step would take if nothing but its multiply-accumulates, at the rate of a large product or convolution, or its
traffic with memory, at the rate of a large copy, took any: `training_bound.py`.
"""

import argparse
import copy
import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, RandomSampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

import training_bound
from atalho import data
from atalho.data.dataset import Dataset
from atalho.networks import subjects
from atalho.recipes.changes import RecipeChanges
from atalho.record import now, versions
from atalho.runtime.device import resolve_device
from atalho.runtime.precision import Precision, autocast, fastest
from atalho.runtime.processor import processor
from atalho.training import checkpoint
from atalho.training.arguments import Arguments
from atalho.training.arithmetic import Arithmetic
from atalho.training.deciding import decided
from atalho.training.initial import initial_model
from atalho.training.loop import Run
from atalho.training.resolution import Request, framing, resolve

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CLASSES = 10
TESTED = 10  # every so many photos, one is kept for the test that ends a run of atalho
UNTIMED = 2  # steps of a turn that are not counted: a loader rests after it has filled its queue, and works again after one
LENGTH = 4000  # steps of the run for which auto decides: too short for compiling to be tried
BATCHES = 10**5  # of an epoch of the peers: more than a run makes, so that none begins anew
PAIRS, UNCOUNTED = 100, 5  # steps of the overhead's measurement
SETTLING = 8.0  # seconds, in which loaders' processes notice that they are orphans, and end

IN_MEMORY, ON_DISK = "CIFAR-10 at 32x32", "JPEG files at 224x224"
AIMS = {
    "ratio_to_plain_loop_at_least": {IN_MEMORY: 2.3, ON_DISK: 2.0},
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
        dataset: returns the peers' images, from `root`.
        data: for atalho, with the recipe and the folder that data sets are in.
    """

    network: str
    batch: int
    dataset: Callable[[Path], Cifar10 | ImageFolder]
    root: Path
    data: str
    recipe: str

    def module(self) -> nn.Module:
        return subjects.build(subjects.get(self.network, num_classes=CLASSES))

    def loader(self) -> DataLoader[Any]:
        images: Any = self.dataset(self.root)
        drawn = RandomSampler(images, num_samples=self.batch * BATCHES)
        pinned = DEVICE.type == "cuda"
        return DataLoader(images, self.batch, sampler=drawn, num_workers=2, pin_memory=pinned)

    def optimiser(self, model: nn.Module) -> torch.optim.SGD:
        return torch.optim.SGD(
            model.parameters(), RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        )

    def training(self) -> tuple[Arguments, Dataset]:
        """atalho's arguments and data, as `atalho train` resolves them."""
        changes = RecipeChanges(batch_size=self.batch, hold_out=False, steps=LENGTH)
        request = Request(self.network, self.data, recipe=self.recipe, changes=changes)
        framings = [framing(request, None)] if request.photos else []
        images = data.load(self.data, self.root, framings=framings)
        device = resolve_device()
        resolved = resolve(request, images, None, device, fastest(DEVICE)[0])
        assert resolved.data
        return resolved.arguments, resolved.data


def clock() -> float:
    """The time in seconds, once the device has finished its work."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


class Turns:
    """The turns of a contender; `step` is called after each of its steps, and waits while it is another's turn.

    Args:
        pipe: to the parent, which sends the seconds of a turn and receives its images/s.
    """

    def __init__(self, pipe: Connection, batch: int) -> None:
        self.pipe, self.batch = pipe, batch
        self.seconds, self.steps, self.begun = 0.0, 0, inf

    def step(self) -> None:
        self.steps += 1
        if self.steps == UNTIMED:
            self.begun = clock()
        counted = self.steps - UNTIMED
        if counted < 1 or (passed := clock() - self.begun) < self.seconds:
            return
        self.pipe.send(self.batch * counted / passed)
        self.seconds, self.steps, self.begun = self.pipe.recv(), 0, inf


class TimedRun(Run):
    """A run of atalho that takes turns with others."""

    turns: Turns

    def keep(self, writer: checkpoint.Writer | None) -> None:
        self.turns.step()


def atalho(
    task: Task, turns: Turns, precision: Literal["auto", Precision], chosen: Arithmetic
) -> None:
    """The loop of `atalho train`; with auto in the chosen arithmetic."""
    arguments, images = task.training()
    own = (
        Arithmetic(precision, "channels_last", arguments.device.threads)
        if precision != "auto"
        else chosen
    )
    torch.set_num_threads(own.threads)
    arguments = own.applied(arguments)
    with tempfile.TemporaryDirectory() as folder:
        run = TimedRun(arguments, initial_model(arguments, images, None), images, Path(folder))
        run.turns = turns
        run.train()


def plain(task: Task, turns: Turns) -> None:
    """A loop as in the popular repositories."""
    model = task.module().to(DEVICE).train()
    optimiser = task.optimiser(model)
    losses, right = 0.0, 0.0
    for images, labels in task.loader():
        images, labels = images.to(DEVICE), labels.to(DEVICE)
        output = model(images)
        loss = F.cross_entropy(output, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses += loss.item()
        right += output.argmax(1).eq(labels).sum().item()
        turns.step()


def lightning(task: Task, turns: Turns) -> None:
    """Lightning's Trainer."""
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
            turns.step()

    trainer = Trainer(
        max_epochs=1,
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Timing()],
    )
    trainer.fit(Classifier(), task.loader())


def choice(task: Task) -> tuple[Arithmetic, str]:
    """What `--precision auto` takes for a run of `LENGTH` steps, by the cache or measured now, and why."""
    arguments, images = task.training()
    with tempfile.TemporaryDirectory() as folder:
        decision, why = decided(arguments, images, [Path(folder)], free_threads=True, say=print)
    return Arithmetic.of(decision), why or fastest(DEVICE)[1]


def step_seconds(task: Task, pairs: int) -> list[tuple[float, float]]:
    """Seconds of `Run.advance` and of forward, backward and update alone, by turns."""
    arguments, images = task.training()
    recipe, precision = arguments.recipe, arguments.precision
    with tempfile.TemporaryDirectory() as output:
        run = Run(arguments, initial_model(arguments, images, None), images, Path(output))
        run.learner.model.train()
        model = copy.deepcopy(run.learner.model)
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
        run.close()
    return pairs_of_seconds[UNCOUNTED:]


def seconds(work: Callable[[], None]) -> float:
    begun = clock()
    work()
    return clock() - begun


def bound(task: Task, precision: Precision) -> dict[str, Any]:
    return training_bound.bound(
        subjects.get(task.network, num_classes=CLASSES), task.batch, precision
    )


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """The value that a function returns in a new process."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(function, *arguments).result()


Contender = tuple[Callable[..., None], tuple[Any, ...]]


def contend(contender: Contender, task: Task, pipe: Connection) -> None:
    """Runs a contender in this process, from its parent's first message on."""
    function, own = contender
    turns = Turns(pipe, task.batch)
    turns.seconds = pipe.recv()
    function(task, turns, *own)


def contenders(chosen: Arithmetic) -> dict[str, Contender]:
    peers: dict[str, Contender] = {"plain loop": (plain, ())}
    if "lightning" in versions("lightning"):
        peers["Lightning"] = (lightning, ())
    ours = {"atalho": "auto", "atalho float32": "float32", "atalho bf16": "bf16"}
    if chosen.precision == "bf16" and not chosen.compiled:
        del ours[
            "atalho bf16"
        ]  # it would be the same, or by its memory format and threads nearly so
    return {name: (atalho, (precision, chosen)) for name, precision in ours.items()} | peers


def measure(task: Task, chosen: Arithmetic, rounds: int, turn: float) -> dict[str, list[float]]:
    """Images a second of every contender, in every round, after a first turn of each that is not counted."""
    fresh = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    processes = []
    rates: dict[str, list[float]] = {}
    try:
        for name, contender in contenders(chosen).items():
            pipes[name], theirs = fresh.Pipe()
            # Not a daemon, which could not have a loader's processes.
            processes.append(fresh.Process(target=contend, args=(contender, task, theirs)))
            processes[-1].start()
            theirs.close()  # so that this process notices where a contender ends
            pipes[name].send(0.0)
            rates[name] = []
        for pipe in pipes.values():
            pipe.recv()
        order = [*pipes]
        for _ in range(rounds):
            for name in order:
                pipes[name].send(turn)
                rates[name].append(pipes[name].recv())
            order.reverse()
    finally:
        for process in processes:
            process.kill()  # Lightning catches SIGTERM
            process.join()
        time.sleep(SETTLING)
    return rates


def arranged(source: Path, target: Path) -> None:
    """Copies a folder's photos into `train` and `test`, in classes that are large enough to train on."""
    for number, path in enumerate(sorted(source.rglob("*.jpg"))):
        turn, label = divmod(number, CLASSES)
        folder = target / ("train" if turn % TESTED else "test") / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / f"{number}.jpg")


def tasks(cifar_root: Path, photo_root: Path) -> dict[str, Task]:
    return {
        IN_MEMORY: Task("resnet20", 128, cifar, cifar_root, "cifar10", "he2015_cifar"),
        ON_DISK: Task("resnet18", 16, photos, photo_root, str(photo_root), "quick"),
    }


def summary(
    task: Task, chosen: Arithmetic, why: str, rates_by_name: Mapping[str, list[float]]
) -> dict[str, Any]:
    """The record of a task: the turns, the medians, the ratios round by round, and the share of the bound."""
    ours = rates_by_name["atalho"]
    middle = {name: median(rates) for name, rates in rates_by_name.items()}
    least = {name: bound(task, name) for name in ("float32", "bf16")}
    measured_in: dict[str, Precision] = {"atalho": chosen.precision, "atalho float32": "float32"}
    return {
        "network": task.network,
        "batch": task.batch,
        "auto": str(chosen),
        "why": why,
        "images_per_second": rates_by_name,
        "median": middle,
        "ratio_to": {
            name: median(one / other for one, other in zip(ours, rates, strict=True))
            for name, rates in rates_by_name.items()
            if name != "atalho"
        },
        "bound": least,
        "share_of_bound": {
            name: middle[name] / least[precision]["images_per_second_at_most"]
            for name, precision in measured_in.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar", type=Path, required=True, help="holds cifar-10-batches-bin")
    parser.add_argument("--photos", type=Path, required=True, help="JPEG files, in folders or not")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--turn", type=float, default=1.5, help="seconds of a contender's turn")
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "photos"
        arranged(options.photos, pictures)
        for name, task in tasks(options.cifar, pictures).items():
            chosen, why = alone(choice, task)
            rates_by_name = measure(task, chosen, options.rounds, options.turn)
            results[name] = summary(task, chosen, why, rates_by_name)
            print(f"{name:22} auto: {why}")
            for contender, rates in rates_by_name.items():
                print(
                    f"{name:22} {contender:14} {median(rates):7.1f} images/s   ({min(rates):.1f} to {max(rates):.1f})"
                )
            for contender, ratio in results[name]["ratio_to"].items():
                print(f"{name:22} atalho is {ratio:.2f} × {contender}")
            for contender, share in results[name]["share_of_bound"].items():
                print(f"{name:22} {contender} is at {share:.0%} of the bound")
        in_memory = tasks(options.cifar, pictures)[IN_MEMORY]
        pairs = alone(step_seconds, in_memory, PAIRS)
    overhead = median(1 - bare / whole for whole, bare in pairs)
    print(f"{100 * overhead:.1f} % of a step of atalho is not forward, backward or update")
    if options.output:
        result = {
            "question": "images/s of training, and the share of a step that is not forward, backward or update",
            "command": "python benchmarks/training.py --cifar DIR --photos DIR",
            "rounds": options.rounds,
            "turn_seconds": options.turn,
            "tasks": results,
            "overhead": overhead,
            "overhead_pairs": len(pairs),
            "step_seconds": median(whole for whole, _ in pairs),
            "aims": AIMS,
            "device": processor() if DEVICE.type == "cpu" else torch.cuda.get_device_name(DEVICE),
            "threads": torch.get_num_threads(),
            "versions": versions("torch", "torchvision", "pillow", "numpy", "lightning"),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
