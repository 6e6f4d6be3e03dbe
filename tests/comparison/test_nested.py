"""The choice inside the folds: unbiased, and made as on all photos, within the same limits."""

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch

from atalho import ranking
from atalho.comparison.held_out import SPLIT, records
from atalho.comparison.nested import Competition, costs, of_folds, within
from atalho.evaluation.accuracy import tally
from atalho.features import head
from atalho.features.crossvalidation import PLAIN, Settings, cross_validate
from atalho.features.embedding import Embedding, Places
from atalho.features.objective import parse
from atalho.record import Record
from example_embeddings import embedding


def competition(
    networks: dict[str, Embedding],
    latencies: dict[str, float],
    *,
    limits: dict[str, float] | None = None,
    settings: Settings = PLAIN,
    margin: float = 0.01,
) -> tuple[Competition, dict[str, Places]]:
    """Networks that were cross-validated on images of their own features, and whose latency is known, with their answers."""
    limits = limits or {}
    answers: dict[str, Places] = {}
    inside: list[Record] = []
    measured: list[Record] = []
    for name, images in networks.items():
        classes = tuple("abc"[: int(images.labels.max()) + 1])
        outcome = cross_validate(images, len(classes), settings)
        conditions: dict[str, Any] = {"split": SPLIT, "optimise": settings.objective.text}
        answers[name] = outcome.logits.argmax(1)
        inside += of_folds(name, classes, images.labels, outcome, conditions)
        held_out = torch.from_numpy(outcome.logits), torch.from_numpy(images.labels)
        measured += records(name, classes, tally([held_out]), conditions)
        latency = latencies[name]
        measured.append(Record.of(name, "latency", latency, "measured", batch=1, device="a"))
    ranked = ranking.comparison(measured)
    names = {row.network for row in within(ranked, limits)}
    accuracies = [each for each in inside if each.subject in names]
    return Competition(accuracies, costs(ranked, names), limits, margin), answers


@pytest.mark.full
def test_shuffled_labels_give_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested cross-validation is unbiased: of 50 shuffles the mean is chance within its interval."""
    monkeypatch.setattr(head, "STRENGTHS", (0.3, 300.0))  # two are enough to choose among
    first, second = embedding((30, 30), features=8), embedding((30, 30), features=12, seed=1)
    accuracies = []
    for seed in range(50):
        labels = np.random.default_rng(seed).permutation(first.labels)
        keys = tuple(np.random.default_rng(1000 + seed).bytes(32) for _ in labels)
        networks = {
            name: Embedding(each.features, labels, each.groups, keys)
            for name, each in (("first", first), ("second", second))
        }
        choosing, answers = competition(
            networks, {"first": 0.1, "second": 0.1}, settings=Settings(folds=3)
        )
        predicted = choosing.predicted(networks["first"], answers, 3)
        accuracies.append(float((predicted == labels).mean()))
    error = float(np.std(accuracies, ddof=1)) / sqrt(len(accuracies))
    # Out-of-fold accuracy of balanced classes lies a little below a half: what is held out of one class is lacking in training.
    assert abs(np.mean(accuracies) - 0.5) < 1.96 * error + 1 / 60
    assert max(accuracies) < 0.8


@pytest.fixture(scope="module")
def rivals() -> dict[str, Embedding]:
    good, bad = embedding(spread=1), embedding(spread=6)
    return {"bad": replace(bad, images=good.images), "good": good}


def test_the_network_is_chosen_inside_the_folds(rivals: dict[str, Embedding]) -> None:
    choosing, answers = competition(rivals, {"good": 0.1, "bad": 0.01})
    assert [choosing.chosen_in(fold) for fold in range(5)] == ["good"] * 5
    predicted = choosing.predicted(rivals["good"], answers, 5)
    assert np.array_equal(predicted, answers["good"])
    assert (predicted == rivals["good"].labels).mean() > 0.9


def test_a_network_beyond_the_limits_is_chosen_in_no_fold(rivals: dict[str, Embedding]) -> None:
    choosing, answers = competition(rivals, {"good": 0.1, "bad": 0.01}, limits={"latency": 0.02})
    assert np.array_equal(choosing.predicted(rivals["good"], answers, 5), answers["bad"])
    choosing, _ = competition(rivals, {"good": 0.1, "bad": 0.01}, limits={"energy": 1})
    assert choosing.accuracies == []
    # That no network is accurate enough in a fold does not end the measurement.
    choosing, _ = competition(rivals, {"good": 0.1, "bad": 0.01}, limits={"top1": 1.0})
    assert {choosing.chosen_in(fold) for fold in range(5)} == {"good"}


def test_a_fold_chooses_as_is_chosen_on_all_photos(rivals: dict[str, Embedding]) -> None:
    """The cheapest of networks that are as good, and under another aim the best by it."""
    twins = {"slow": rivals["good"], "fast": rivals["good"]}
    cheap, _ = competition(twins, {"slow": 0.1, "fast": 0.01}, margin=0.2)
    assert {cheap.chosen_in(fold) for fold in range(5)} == {"fast"}
    settings = Settings(parse("balanced", []), balanced=True)
    aimed, _ = competition(rivals, {"good": 0.1, "bad": 0.01}, settings=settings, margin=1)
    assert {aimed.chosen_in(fold) for fold in range(5)} == {"good"}
