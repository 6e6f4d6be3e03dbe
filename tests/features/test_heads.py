"""Linear classifiers on features: fitted, chosen and cross-validated without ever seeing what they are tested on."""

from dataclasses import replace
from itertools import chain
from math import sqrt

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from atalho.errors import AtalhoError
from atalho.features import head
from atalho.features.crossvalidation import Settings, cross_validate
from atalho.features.embedding import Embedding
from atalho.features.head import fit
from atalho.features.objective import Objective, balanced_accuracy, parse


def embedding(
    counts: tuple[int, ...] = (40, 30, 20),
    *,
    features: int = 50,
    spread: float = 1.0,
    seed: int = 0,
) -> Embedding:
    """Clouds of points around a centre for each class; less spread, easier to tell apart."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = generator.normal(size=(len(counts), features))
    points = centres[labels] + spread * generator.normal(size=(len(labels), features)) + 3
    keys = tuple(generator.bytes(32) for _ in labels)
    return Embedding(points.astype(np.float32), labels, np.arange(len(labels)), keys)


@pytest.mark.parametrize("features", [20, 300])
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("counts", [(40, 30, 20), (50, 40)])
def test_it_is_scikit_learns_on_standardised_features(
    features: int, balanced: bool, counts: tuple[int, ...]
) -> None:
    images = embedding(counts, features=features, spread=3)
    own = fit(images, len(counts), balanced=balanced)
    whole = images.features.astype(float)
    standardised = (whole - whole.mean(0)) / whole.std(0)
    model = LogisticRegression(
        C=own.strength / len(whole),
        max_iter=10_000,
        tol=1e-8,
        class_weight="balanced" if balanced else None,
    ).fit(standardised, images.labels)
    probabilities = np.exp(own.logits(images.features))
    probabilities /= probabilities.sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities, model.predict_proba(standardised), atol=2e-3)


def test_the_regularisation_follows_the_noise() -> None:
    clear = fit(embedding(spread=0.5, features=10), 3).strength
    noisy = fit(embedding(spread=20, features=200), 3).strength
    assert noisy == head.STRENGTHS[0] < clear


def test_classes_count_alike_when_balanced() -> None:
    images = embedding((300, 12), features=5, spread=2.5)

    def least_recall(balanced: bool) -> float:
        logits = fit(images, 2, balanced=balanced).held_out
        return float((logits.argmax(1) == images.labels)[images.labels == 1].mean())

    assert least_recall(True) > least_recall(False)


def test_a_class_that_is_not_there_is_never_the_answer() -> None:
    images = embedding((30, 30), spread=1)
    own = fit(images, 3)
    assert own.weight.shape == (3, 50)
    assert {*own.logits(images.features).argmax(1).tolist()} == {0, 1}


def test_every_image_is_tested_once_and_groups_stay_together() -> None:
    images = embedding((40, 25, 6))
    images = replace(images, groups=np.arange(71) // 2)
    folds = images.folds(5)
    assert sorted(chain.from_iterable(test.tolist() for _, test in folds)) == [*range(71)]
    for train, test in folds:
        assert not {*images.groups[train].tolist()} & {*images.groups[test].tolist()}
        assert {*images.labels[train].tolist()} == {0, 1, 2}
        assert abs((images.labels[test] == 0).sum() - 8) <= 2


def test_copies_that_are_split_up_would_flatter() -> None:
    """Noise whose every image is there twice: learnable by heart, and by nothing else."""
    once = embedding((40, 40), spread=1, seed=1)
    labels = np.random.default_rng(2).integers(0, 2, 80)
    points = np.tile(once.features, (2, 1))
    keys = tuple(np.random.default_rng(3).bytes(32) for _ in range(160))
    twice = Embedding(points, np.tile(labels, 2), np.arange(160), keys)

    def accuracy(images: Embedding) -> float:
        logits = cross_validate({"net": images}, 2, Settings()).logits["net"]
        return float((logits.argmax(1) == images.labels).mean())

    assert accuracy(twice) > 0.8
    assert accuracy(replace(twice, groups=np.tile(np.arange(80), 2))) < 0.65


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
        nested = cross_validate(networks, 2, Settings(folds=3)).nested
        accuracies.append(float((nested.argmax(1) == labels).mean()))
    error = float(np.std(accuracies, ddof=1)) / sqrt(len(accuracies))
    # Out-of-fold accuracy of balanced classes lies a little below a half: what is held out of one class is lacking in training.
    assert abs(np.mean(accuracies) - 0.5) < 1.96 * error + 1 / 60
    assert max(accuracies) < 0.8


def test_the_network_is_chosen_inside_the_folds() -> None:
    good, bad = embedding(spread=1), embedding(spread=6)
    outcome = cross_validate({"bad": replace(bad, images=good.images), "good": good}, 3, Settings())
    assert outcome.chosen == ("good",) * 5
    assert np.array_equal(outcome.nested, outcome.logits["good"])
    assert (outcome.nested.argmax(1) == good.labels).mean() > 0.9
    assert (outcome.heads["good"].logits(good.features).argmax(1) == good.labels).all()


def test_the_recall_of_a_class_is_reached() -> None:
    images = embedding((100, 40), features=5, spread=2.5)
    plain = cross_validate({"net": images}, 2, Settings()).nested
    wanted = Settings(parse("recall:b>=0.95", ["a", "b"]))
    shifted = cross_validate({"net": images}, 2, wanted).nested
    own = images.labels == 1
    before, after = ((each.argmax(1) == 1)[own].mean() for each in (plain, shifted))
    assert before < 0.9 <= after


def test_what_is_best() -> None:
    labels = np.array([0, 0, 0, 1])
    always = np.array([[1.0, 0.0]] * 4)
    right = always.argmax(1) == labels
    assert balanced_accuracy(right, labels) == 0.5
    assert Objective().merit(always, labels) == (0.75,)
    assert Objective(balanced=True).merit(always, labels) == (0.5,)
    assert Objective(label=1, least=0.5).merit(always, labels) == (0.0, 0.75)
    assert Objective(label=1, least=0.5).shift(always, labels) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("precision", "is none of accuracy, balanced or recall"),
        ("recall:cat", "is none of accuracy"),
        ("recall:dog>=0.9", "'dog' is none of the classes"),
        ("recall:cat>=95", "is not above 0 and at most 1"),
        ("recall:cat>=much", "is not above 0 and at most 1"),
    ],
)
def test_another_objective_is_refused(text: str, cause: str) -> None:
    with pytest.raises(AtalhoError, match=cause) as refused:
        parse(text, ["cat", "a>=b"])
    assert refused.value.exit == 2


def test_a_class_may_have_any_name() -> None:
    assert parse("recall:a>=b>=0.5", ["cat", "a>=b"]) == Objective(
        "recall:a>=b>=0.5", label=1, least=0.5
    )
