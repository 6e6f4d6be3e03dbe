"""Linear classifiers on features: fitted, chosen and cross-validated without ever seeing what they are tested on."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from atalho.errors import AtalhoError
from atalho.features import head
from atalho.features.crossvalidation import Settings, cross_validate
from atalho.features.embedding import Embedding
from atalho.features.head import fit
from atalho.features.objective import Objective, balanced_accuracy, parse
from example_embeddings import embedding


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
        logits = cross_validate(images, 2, Settings()).logits
        return float((logits.argmax(1) == images.labels).mean())

    assert accuracy(twice) > 0.8
    assert accuracy(replace(twice, groups=np.tile(np.arange(80), 2))) < 0.65


def test_every_image_is_tested_by_a_classifier_that_has_not_seen_it() -> None:
    images = embedding()
    outcome = cross_validate(images, 3, Settings())
    assert {*outcome.tested_in.tolist()} == {*range(5)}
    for fold, own in enumerate(outcome.fold_heads):
        train = outcome.fitted_on(fold)
        again = fit(images.select(train), 3)
        assert np.array_equal(own.weight, again.weight)
        assert np.array_equal(own.held_out, again.held_out)
        test = np.setdiff1d(np.arange(90), train)
        assert np.array_equal(outcome.logits[test], again.logits(images.features[test]))
    assert (outcome.head.logits(images.features).argmax(1) == images.labels).all()


def test_the_recall_of_a_class_is_reached() -> None:
    images = embedding((100, 40), features=5, spread=2.5)
    plain = cross_validate(images, 2, Settings()).logits
    wanted = Settings(parse("recall:b>=0.95", ["a", "b"]))
    shifted = cross_validate(images, 2, wanted).logits
    own = images.labels == 1
    before, after = ((each.argmax(1) == 1)[own].mean() for each in (plain, shifted))
    assert before < 0.9 <= after


def test_what_is_best() -> None:
    labels = np.array([0, 0, 0, 1])
    always = np.array([[1.0, 0.0]] * 4)
    right = always.argmax(1) == labels
    assert balanced_accuracy(right, labels) == 0.5
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
