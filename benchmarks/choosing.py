"""How often the choice is wrong: synthetic comparisons whose truth is known, sent through `choose` as it is.

    python benchmarks/choosing.py -o results/choosing.json

A comparison has 2 to 12 networks, 75 to 10,000 validation images and a margin of one, two or five points. Each network has a true accuracy, the best one's
drawn from 60 to 99 %, half of the others' less than two points below it, the rest up to 15; and a latency, in half of the
comparisons the lower the worse it is. Which images it gets right is drawn image by image: an image that is difficult for
one is difficult for all, to a degree that is drawn too. The records are those that `atalho compare` writes, and pass
through `ranking.comparison` and `choosing.choose` as those do.

Counted are

* the comparisons in which a faster network was taken in the place of the most accurate one although it is, in truth, worse
  than that by more than the margin (`replaced_worse`);
* those of which the page says that no other network is more accurate by more than the margin, and that is not true
  (`wrongly_settled`);
* those in which the chosen network is so much worse than the truly best one (`worse_than_truly_best`): with few images
  chance decides between near equals, whatever the rule, and the page then names those that may be better;
* the printed intervals that cover the truth: that of the chosen network's accuracy, and those of the differences from the
  most accurate.
"""

import argparse
import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from atalho.choice.choosing import Choice, choose
from atalho.evaluation.accuracy import pack
from atalho.ranking import comparison
from atalho.record import Record, now, versions
from atalho.statistics import wilson

COMPARISONS = 1000
NETWORKS = (2, 12)
IMAGES = (75, 150, 300, 600, 1200, 2500, 5000, 10_000)
MARGINS = (0.01, 0.02, 0.05)

Right = NDArray[np.bool_]


@dataclass(frozen=True)
class Truth:
    """A comparison as it is in truth.

    Args:
        accuracies: of the networks, by name.
        shared: how much of an image's difficulty all networks share, from 0 to 1.
        latencies: in seconds, by name.
        margin: that is allowed, as a fraction.
    """

    accuracies: dict[str, float]
    shared: float
    latencies: dict[str, float]
    images: int
    margin: float


@dataclass(frozen=True)
class Outcome:
    """What was chosen, held against the truth.

    Attributes:
        replaced: whether a faster network was taken in the place of the most accurate one.
        replaced_worse: whether it is, in truth, worse than that by more than the margin.
        settled: whether no other network may, by the images, be more accurate by more than the margin.
        worse: whether what was chosen is worse than the truly best network by more than the margin.
        accuracy_covered: whether the interval of the chosen network's accuracy holds the true one.
        differences_covered: how many intervals of differences hold the true ones, of `differences`.
        gain: how many times faster than the most accurate network the chosen one is.
    """

    images: int
    margin: float
    networks: int
    replaced: bool
    replaced_worse: bool
    settled: bool
    worse: bool
    accuracy_covered: bool
    differences_covered: int
    differences: int
    gain: float


def truth(draw: random.Random) -> Truth:
    """A comparison, drawn."""
    count = draw.randint(*NETWORKS)
    best = draw.uniform(0.6, 0.99)
    gaps = [
        draw.uniform(0, 0.02) if draw.random() < 0.5 else draw.uniform(0, 0.15)
        for _ in range(count - 1)
    ]
    accuracies = {f"network{place}": best - gap for place, gap in enumerate([0.0, *gaps])}
    ordered = draw.random() < 0.5
    ranks = sorted(accuracies, key=lambda name: accuracies[name] if ordered else draw.random())
    latencies = {
        name: 0.001 * 1.3**rank * draw.uniform(0.9, 1.1) for rank, name in enumerate(ranks)
    }
    return Truth(
        accuracies, draw.uniform(0.3, 0.95), latencies, draw.choice(IMAGES), draw.choice(MARGINS)
    )


def classified(true: Truth, draw: np.random.Generator) -> dict[str, Right]:
    """By network, (images,) bools: which images it gets right."""
    common = draw.standard_normal(true.images)
    normal = NormalDist()
    return {
        name: sqrt(true.shared) * common + sqrt(1 - true.shared) * draw.standard_normal(true.images)
        < normal.inv_cdf(accuracy)
        for name, accuracy in true.accuracies.items()
    }


def records(true: Truth, classified: dict[str, Right]) -> Iterable[Record]:
    """What a comparison would record of such networks."""
    for name, right in classified.items():
        top1 = float(right.mean())
        on = {"data": "synthetic", "split": "val", "images": true.images, "seed": 0}
        packed = pack(torch.from_numpy(right))
        interval = list(wilson(top1, true.images))
        yield Record.of(name, "top1", top1, "measured", **on, interval=interval, right=packed)
        yield Record.of(name, "latency", true.latencies[name], "measured", batch=1)


def outcome(true: Truth, choice: Choice) -> Outcome:
    """A choice beside the truth."""
    of, chosen, best = true.accuracies, choice.chosen.network, choice.best.network
    assert choice.interval
    low, high = choice.interval
    return Outcome(
        images=true.images,
        margin=choice.margin,
        networks=len(of),
        replaced=chosen != best,
        replaced_worse=of[chosen] < of[best] - choice.margin,
        settled=not choice.rivals,
        worse=of[chosen] < max(of.values()) - choice.margin,
        accuracy_covered=low <= of[chosen] <= high,
        differences_covered=sum(
            each.interval[0] <= of[name] - of[best] <= each.interval[1]
            for name, each in choice.differences.items()
        ),
        differences=len(choice.differences),
        gain=true.latencies[best] / true.latencies[chosen],
    )


def simulated(comparisons: int, seed: int) -> list[Outcome]:
    """The outcomes of so many comparisons."""
    outcomes = []
    for number in range(comparisons):
        true = truth(random.Random(f"{seed} {number}"))
        right = classified(true, np.random.default_rng([seed, number]))
        choice = choose(comparison([*records(true, right)]), margin=true.margin)
        assert choice
        outcomes.append(outcome(true, choice))
    return outcomes


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Fractions of the comparisons, or of the intervals."""

    def share(name: str) -> float:
        return sum(getattr(each, name) for each in outcomes) / len(outcomes)

    intervals = sum(each.differences for each in outcomes)
    return {
        "comparisons": len(outcomes),
        "replaced": share("replaced"),
        "replaced_worse": share("replaced_worse"),
        "settled": share("settled"),
        "wrongly_settled": sum(each.settled and each.worse for each in outcomes) / len(outcomes),
        "worse_than_truly_best": share("worse"),
        "accuracy_covered": share("accuracy_covered"),
        "differences_covered": sum(each.differences_covered for each in outcomes)
        / max(1, intervals),
        "all_covered": sum(
            each.accuracy_covered and each.differences_covered == each.differences
            for each in outcomes
        )
        / len(outcomes),
        "times_faster": sum(each.gain for each in outcomes) / len(outcomes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=COMPARISONS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, help="write the outcomes as JSON")
    options = parser.parse_args()
    outcomes = simulated(options.comparisons, options.seed)
    found = {
        "all": summary(outcomes),
        **{f"{n} images": summary([o for o in outcomes if o.images == n]) for n in IMAGES},
        **{f"margin {m}": summary([o for o in outcomes if o.margin == m]) for m in MARGINS},
    }
    for name, each in found.items():
        print(f"{name}:", ", ".join(f"{key} {value:.3f}" for key, value in each.items()))
    if options.output:
        document = {
            "seed": options.seed,
            "summary": found,
            "outcomes": [asdict(each) for each in outcomes],
            "versions": versions("numpy"),
            "at": now(),
        }
        options.output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
