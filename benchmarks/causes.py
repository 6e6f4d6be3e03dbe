"""What rescues depth: batch normalisation, shortcuts and initialisation at two depths, each with every other, over five seeds.

    python benchmarks/causes.py --output DIR                                                  # on the handwritten digits
    python benchmarks/causes.py --data cifar10 --cifar DIR --device cuda --at-once 8 --output DIR    # on a part of CIFAR-10

The networks are He et al.'s for CIFAR-10, plain and residual; without normalisation their convolutions have biases. All are trained
by `quick`, whose rate is 0.1 with normalisation and 0.02, with clipped gradients, without: higher rates are a part of what
normalisation does. Two records of each run, the test accuracy and the training accuracy over the last tenth of the steps, are in
DIR/records.jsonl as soon as it ends; a call in the same folder goes on with what is not there yet. `--table` prints the table of
docs/depth.md from the records and trains nothing.
"""

import argparse
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from scipy.stats import t as student

from atalho import networks, record
from atalho.grammar.layers import BatchNorm, Conv, Join, Layer
from atalho.grammar.network import Glorot, HeNormal, Network
from atalho.record import Record

INITIALISATIONS = {"he": HeNormal(), "glorot": Glorot()}
LAST = 0.1  # of the steps: those whose training accuracy is kept


class Cell(NamedTuple):
    """One combination of the factors."""

    depth: int
    normalised: bool
    shortcuts: bool
    initialisation: str

    @property
    def name(self) -> str:
        family = "resnet" if self.shortcuts else "plain"
        return f"{family}{self.depth}.{'bn' if self.normalised else 'bare'}.{self.initialisation}"

    def network(self, input: tuple[int, int, int]) -> Network:
        """The combination's network for images of a shape (C, H, W)."""
        table = networks.get(self.name.partition(".")[0], input=input)
        table = table if self.normalised else table.with_layers(unnormalised)
        return replace(table, name=self.name, initialisation=INITIALISATIONS[self.initialisation])


def unnormalised(layer: Layer) -> Layer:
    """The same tree without batch normalisation; its convolutions have biases instead."""
    if isinstance(layer, Conv):
        return replace(layer, bias=True)
    if not isinstance(layer, Join):
        return layer
    parts = {name: unnormalised(part) for name, part in layer if not isinstance(part, BatchNorm)}
    return type(layer)(**parts)


@dataclass(frozen=True)
class Study:
    """What all runs share.

    Args:
        images: of the training split, the first ones; all of them by default.
    """

    data: str
    folder: Path
    images: int | None
    epochs: float
    batch: int
    device: str


@cache
def _data(study: Study) -> Any:
    from atalho import data

    dataset = data.load(study.data, study.folder)
    train = dataset.splits["train"]
    count = study.images or len(train.labels)
    return replace(
        dataset, splits={**dataset.splits, "train": type(train)(*(t[:count] for t in train))}
    )


def train(study: Study, cell: Cell, seed: int) -> list[Record]:
    """Trains one network and returns its two records."""
    from atalho.data.batches import StreamSettings, fit
    from atalho.data.stream import stream
    from atalho.evaluation.accuracy import accuracy
    from atalho.grammar.module import build
    from atalho.networks import subjects
    from atalho.recipes.quick import quick
    from atalho.runtime import machine
    from atalho.runtime.device import resolve_device
    from atalho.training.arguments import Arguments
    from atalho.training.initial import InitialModel
    from atalho.training.learner import Learner, no_sums
    from atalho.weights.trained import Inference

    dataset, device = _data(study), resolve_device(study.device, 1)
    split, network = dataset.splits["train"], cell.network(dataset.input)
    recipe = replace(quick(subjects.facts(network)), epochs=study.epochs, batch_size=study.batch)
    steps, preprocessing = recipe.length(len(split.labels)), fit(split.images, recipe.normalisation)
    settings = StreamSettings(
        preprocessing,
        recipe.augmentation,
        recipe.batch_size,
        seed=seed,
        mirror=dataset.mirror,
        device=device.torch,
    )
    arguments = Arguments(cell.name, recipe, seed, device, "float32")
    initial = InitialModel(network, build(network, seed=seed), preprocessing)
    learner = Learner(arguments, initial, stream(split, settings))
    learner.model.train()
    sums = no_sums(device.torch)
    for step in range(steps):
        counted = learner.advance(recipe.lr * recipe.schedule.scale(step, steps))
        if step >= int((1 - LAST) * steps):
            sums += counted
    # After a step that is not finite nothing is learned any more: the weights before it are tested.
    tested = accuracy(
        learner.model, dataset.splits["test"], preprocessing, Inference(device.torch, "float32")
    )
    conditions = {
        "data": dataset.name,
        "seed": seed,
        "depth": cell.depth,
        "recipe": recipe.name,
        "steps": steps,
        "epochs": study.epochs,
        "batch": study.batch,
        "trained_on": f"{len(split.labels)} images of train",
        "dtype": "float32",
        **machine.conditions(device),
    }
    _, right, count = sums.tolist()
    return [
        Record.of(
            cell.name,
            "top1",
            tested.top1,
            "measured",
            split="test",
            images=tested.images,
            **conditions,
        ),
        Record.of(cell.name, "train_top1", right / count, "measured", **conditions),
    ]


# The table


class Mean(NamedTuple):
    """A mean over seeds, with half of its 95 % interval (Student's t); None of one seed."""

    mean: float
    half: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        count = len(values)
        if count < 2:
            return cls(fmean(values), None)
        return cls(fmean(values), student.ppf(0.975, count - 1) * stdev(values) / sqrt(count))

    def __str__(self) -> str:
        return f"{100 * self.mean:.1f}" + (
            f" ± {100 * self.half:.1f}" if self.half is not None else ""
        )


Accuracies = dict[tuple[str, str], dict[int, float]]
"""(network, quantity) → seed → accuracy."""


def accuracies(records: Sequence[Record]) -> Accuracies:
    known: Accuracies = {}
    for each in records:
        known.setdefault((each.subject, each.quantity), {})[each.conditions["seed"]] = each.value
    return known


def table(records: Sequence[Record]) -> Iterator[str]:
    """The lines of the table: errors in per cent of every combination, and what each factor changes at the larger depth."""
    known = accuracies(records)
    cells = [c for c in combinations(depths(records)) if (c.name, "top1") in known]
    least, *_, most = sorted({cell.depth for cell in cells})
    yield (
        "| BatchNorm | shortcuts | initialisation | "
        + " | ".join(
            f"{kind} error, {depth} layers"
            for depth in (least, most)
            for kind in ("training", "test")
        )
        + " |"
    )
    yield "|---" * 7 + "|"
    for cell in (cell for cell in cells if cell.depth == least):
        errors = [
            str(
                Mean.of(
                    [
                        1 - value
                        for value in known[cell._replace(depth=depth).name, quantity].values()
                    ]
                )
            )
            for depth in (least, most)
            for quantity in ("train_top1", "top1")
        ]
        factors = ("yes" if cell.normalised else "no", "yes" if cell.shortcuts else "no")
        yield f"| {' | '.join((*factors, cell.initialisation.capitalize(), *errors))} |"
    yield ""
    yield f"| at {most} layers | training accuracy | test accuracy |"
    yield "|---|---|---|"
    for words, change in (
        ("with BatchNorm, less without", {"normalised": (True, False)}),
        ("with shortcuts, less without", {"shortcuts": (True, False)}),
        ("He's initialisation, less Glorot's", {"initialisation": ("he", "glorot")}),
    ):
        effects = [
            str(effect(known, most, change, quantity)) for quantity in ("train_top1", "top1")
        ]
        yield f"| {words} | {' | '.join(effects)} |"


def effect(
    known: Accuracies, depth: int, change: dict[str, tuple[object, object]], quantity: str
) -> Mean:
    """What a factor's first level has over its second, as a mean over the other factors; the interval is over seeds."""
    ((factor, (first, second)),) = change.items()
    pairs = [
        (known[cell.name, quantity], known[cell._replace(**{factor: second}).name, quantity])
        for cell in combinations((depth,))
        if getattr(cell, factor) == first
    ]
    seeds = set.intersection(*({*one} & {*other} for one, other in pairs))
    return Mean.of(
        [fmean(one[seed] - other[seed] for one, other in pairs) for seed in sorted(seeds)]
    )


def depths(records: Sequence[Record]) -> tuple[int, ...]:
    return tuple(sorted({each.conditions["depth"] for each in records}))


def combinations(depths: Sequence[int]) -> list[Cell]:
    return [
        Cell(*levels) for levels in product(depths, (True, False), (True, False), INITIALISATIONS)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="holds records.jsonl")
    parser.add_argument("--data", default="digits", choices=("digits", "cifar10"))
    parser.add_argument(
        "--cifar", type=Path, default=Path("data"), help="holds cifar-10-batches-bin"
    )
    parser.add_argument(
        "--images", type=int, help="of the training split; 10,000 of CIFAR-10 unless given"
    )
    parser.add_argument(
        "--epochs", type=float, help="20 on the digits, 15 on CIFAR-10 unless given"
    )
    parser.add_argument("--batch", type=int, help="64 digits, 128 images of CIFAR-10 unless given")
    parser.add_argument("--depths", type=int, nargs=2, default=(20, 56))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--at-once", type=int, default=1, help="runs at the same time, one thread each"
    )
    parser.add_argument("--table", action="store_true", help="print the table and train nothing")
    options = parser.parse_args()
    path = options.output / "records.jsonl"
    known = record.read(path) if path.exists() else []
    if not options.table:
        cifar = options.data == "cifar10"
        study = Study(
            options.data,
            options.cifar,
            options.images or (10_000 if cifar else None),
            options.epochs or (15 if cifar else 20),
            options.batch or (128 if cifar else 64),
            options.device,
        )
        done = {(each.subject, each.conditions["seed"]) for each in known}
        # A seed is complete before the next begins, so that a stop leaves whole seeds.
        jobs = [
            (cell, seed)
            for seed, cell in product(range(options.seeds), combinations(options.depths))
            if (cell.name, seed) not in done
        ]
        options.output.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.at_once, context) as workers:
            runs = [workers.submit(train, study, *job) for job in jobs]
            for number, run in enumerate(as_completed(runs), start=1):
                record.append(path, run.result())
                tested = run.result()[0]
                print(
                    f"{number} of {len(runs)}: {tested.subject}, seed {tested.conditions['seed']}: "
                    f"test top-1 {100 * tested.value:.1f} %",
                    flush=True,
                )
        known = record.read(path)
    print("\n".join(table(known)))


if __name__ == "__main__":
    main()
