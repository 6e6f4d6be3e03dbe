"""Classifiers fitted on frozen features: as the recipe `linear`, and as the beginning of `finetune`."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import atalho
from atalho import networks, recipes
from atalho.data.batches import Preprocessing, preprocess
from atalho.data.dataset import Dataset, Split
from atalho.data.image import Framing
from atalho.errors import AtalhoError
from atalho.features.embedding import Embedding, by_content
from atalho.features.extraction import Extraction, features
from atalho.features.head import fit
from atalho.grammar.module import build
from atalho.networks import subjects
from atalho.recipes.changes import RecipeChanges
from atalho.recipes.recipe import Recipe
from atalho.record import Record
from atalho.runtime.device import Device
from atalho.training import folder, run
from atalho.training.arguments import Arguments
from atalho.training.initial import class_weights, initial_model, initial_weights
from atalho.training.listeners import Listeners
from atalho.weights import trained
from atalho.weights.config import numbered
from atalho.weights.trained import Trained
from photo_folders import fill

CPU = Device("cpu", 1)


@pytest.fixture
def start() -> Trained:
    """A network for digits that has learned nothing: its features are random, and tell digits apart all the same."""
    network = networks.get("resnet20", input=(1, 8, 8), num_classes=7)
    model = build(network, seed=0).eval()
    preprocessing = Preprocessing.per_channel([0.3], [0.4])
    return Trained(network, model, Framing((1, 8, 8)), preprocessing, numbered(7), "weights")


def _recipe(name: str, **changed: object) -> Recipe:
    facts = subjects.facts(networks.get("resnet20", input=(1, 8, 8)))
    return replace(recipes.get(name, facts), **changed)  # type: ignore[arg-type]


def _trained(data: Dataset, start: Trained, recipe: Recipe, into: Path) -> list[Record]:
    arguments = Arguments("resnet20", recipe, 0, CPU, "float32", start=start, new_head=True)
    return run.execute(arguments, data, into)


def _top1(records: list[Record]) -> float:
    return next(each.value for each in records if each.quantity == "top1")


def test_a_linear_run_is_a_run_whose_network_is_the_head(
    digits: Dataset, start: Trained, tmp_path: Path
) -> None:
    records = _trained(digits, start, _recipe("linear"), tmp_path / "run")
    assert _top1(records) > 0.8
    assert "train_throughput" not in {each.quantity for each in records}
    own = folder.load(tmp_path / "run")
    test = digits.splits["test"]
    assert isinstance(test, Split)
    trained_on = by_content(digits.training(with_validation=True))
    how = Extraction(CPU)
    begun = replace(start, framing=digits.framing)
    head = fit(Embedding.of(trained_on, features(begun, trained_on, how)), 10)
    expected = head.logits(features(begun, test, how))
    with torch.inference_mode():
        logits = own.model(preprocess(test.images, own.preprocessing)).numpy()
    assert np.array_equal(logits.argmax(1), expected.argmax(1))
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    body = {name: each for name, each in start.model.state_dict().items() if "fc" not in name}
    assert all(torch.equal(each, own.model.state_dict()[name]) for name, each in body.items())


def test_the_same_arguments_give_the_same_bits(
    digits: Dataset, start: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):  # each with a cache of its own
        monkeypatch.setenv("ATALHO_CACHE", str(tmp_path / name))
        _trained(digits, start, _recipe("linear"), tmp_path / name / "run")
    one, two = (tmp_path / name / "run" / trained.FILES[0] for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_finetuning_begins_with_the_fitted_head_and_ends_no_worse(
    digits: Dataset, start: Trained, tmp_path: Path
) -> None:
    few = digits.splits["train"].select(torch.arange(320))
    data = replace(digits, splits={**digits.splits, "train": few})
    recipe = _recipe("finetune", epochs=2, augmentation=_recipe("linear").augmentation)
    _trained(data, start, recipe, tmp_path / "run")
    with (tmp_path / "run" / "metrics.csv").open() as file:
        first, *rest = csv.DictReader(file)
    assert (first["step"], first["train_loss"]) == ("0", "")
    assert float(first["val_top1"]) > 0.8
    own = folder.load(tmp_path / "run")
    val = digits.splits["val"]
    assert isinstance(val, Split)
    with torch.inference_mode():
        logits = own.model(preprocess(val.images, own.preprocessing))
    kept = float((logits.argmax(1) == val.labels).double().mean())
    assert kept == max(float(row["val_top1"]) for row in (first, *rest))


def test_finetuning_moves_weights_and_no_statistics(
    digits: Dataset, start: Trained, tmp_path: Path
) -> None:
    recipe = _recipe("finetune")
    arguments = Arguments("resnet20", recipe, 0, CPU, "float32", start=start, new_head=True)
    initial = initial_model(arguments, digits, initial_weights(arguments, digits))
    tuned = run.Run(arguments, initial, digits, tmp_path)
    before = {name: each.clone() for name, each in initial.module.state_dict().items()}
    tuned.learner.model.train()
    tuned.advance()
    state = tuned.learner.model.state_dict()
    moved = {name for name, each in state.items() if not torch.equal(each, before[name])}
    assert moved == {name for name, _ in tuned.learner.model.named_parameters()}


def test_finetuning_says_what_the_classifier_has_and_what_training_gained(
    digits: Dataset, start: Trained, tmp_path: Path
) -> None:
    lines: list[str] = []
    recipe = _recipe("finetune", epochs=None, steps=3)
    arguments = Arguments("resnet20", recipe, 0, CPU, "float32", start=start, new_head=True)
    run.execute(arguments, digits, tmp_path / "run", listeners=Listeners(warn=lines.append))
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = [*csv.DictReader(file)]
    best = max(float(row["val_top1"]) for row in rows)
    (line,) = lines
    assert f"frozen features: {float(rows[0]['val_top1']):.2%} of " in line
    assert "as it was fitted" in line or f"{best:.2%} after epoch" in line


@pytest.mark.parametrize("fitted", [True, False])
def test_a_fitted_classifier_learns_no_faster_than_the_layers_before_it(
    digits: Dataset, start: Trained, fitted: bool
) -> None:
    recipe = _recipe("finetune", fitted_head=fitted)
    arguments = Arguments("resnet20", recipe, 0, CPU, "float32", start=start, new_head=True)
    initial = initial_model(arguments, digits, initial_weights(arguments, digits))
    assert initial.body_rate == recipe.body_rate < 1
    drawn = {"fc.linear.weight", "fc.linear.bias"}
    assert initial.head == (frozenset() if fitted else drawn)


def test_a_resumed_finetuning_has_the_same_bits(
    digits: Dataset, start: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = _recipe("finetune", epochs=None, steps=6)
    _trained(digits, start, recipe, tmp_path / "whole")
    arguments = Arguments(
        "resnet20", recipe, 0, CPU, "float32", start=start, new_head=True, save_every=0
    )

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(run.Run, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run.execute(arguments, digits, tmp_path / "resumed")
    run.execute(arguments, digits, tmp_path / "resumed", resume=True)
    for name in (trained.FILES[0], "metrics.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (
            tmp_path / "resumed" / name
        ).read_bytes()


def test_classes_weigh_alike() -> None:
    weights = class_weights(torch.tensor([0, 0, 0, 1]), 2)
    assert torch.equal(weights, torch.tensor([4 / 6, 2.0]))
    assert float((weights * torch.tensor([3, 1])).sum()) == pytest.approx(4)


def test_other_recipes_say_no_more_than_they_did(digits: Dataset, start: Trained) -> None:
    plain = Arguments("resnet20", _recipe("quick"), 0, CPU, "float32").saved(digits)
    assert not {"fitted_head", "balanced"} & {*plain.recipe}
    fine = Arguments("resnet20", _recipe("finetune"), 0, CPU, "float32", start=start)
    assert fine.saved(digits).recipe["fitted_head"] is True


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"weights": None}, "--recipe"),
        ({"new_head": False}, "--keep-head"),
        ({"epochs": 3}, "--epochs"),
        ({"steps": 3}, "--epochs"),
    ],
)
def test_options_that_a_linear_recipe_cannot_have(
    start: Trained, tmp_path: Path, options: dict[str, object], option: str
) -> None:
    (tmp_path / "start").mkdir()
    trained.write(tmp_path / "start", start.model.state_dict(), start.config)
    asked = {"weights": tmp_path / "start", **options}
    with pytest.raises(AtalhoError, match=option) as refused:
        atalho.train("resnet20", recipe="linear", output=tmp_path / "run", **asked)  # type: ignore[arg-type]
    assert refused.value.exit == 2
    assert not (tmp_path / "run").exists()


def test_photos_are_fitted_and_everything_downstream_works(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"a": 8, "b": 8})
    network = networks.get("resnet20", input=(3, 24, 24), num_classes=5)
    (tmp_path / "start").mkdir()
    preprocessing = Preprocessing.per_channel([0.5] * 3, [0.25] * 3)
    begun = Trained(
        network, build(network).eval(), Framing((3, 24, 24)), preprocessing, numbered(5), ""
    )
    trained.write(tmp_path / "start", begun.model.state_dict(), begun.config)
    runs = atalho.train(
        "resnet20",
        str(root),
        weights=tmp_path / "start",
        recipe="linear",
        class_weights=True,
        mirror=False,
        data_dir=tmp_path / "data",
        output=tmp_path / "run",
        device="cpu",
        threads=1,
    )
    saved = yaml.safe_load((tmp_path / "run" / "args.yaml").read_text())
    assert saved["recipe"]["balanced"] is True
    found = atalho.evaluate(runs.folders[0], str(root), data_dir=tmp_path / "data", threads=1)
    assert found.accuracy.top1 == runs.tested[0].value
    (answer,) = atalho.predict(runs.folders[0], root / "a" / "00.png", threads=1)
    assert {guess.label for guess in answer.outcome} == {"a", "b"}  # type: ignore[union-attr]
    exported = atalho.export(runs.folders[0], "safetensors", tmp_path / "out", threads=1)
    assert (exported.path / "model.safetensors").exists()


def test_no_mirror_is_in_the_recipe_of_a_finetuning() -> None:
    recipe = _recipe("finetune")
    assert recipe.augmentation.mirror
    changed = RecipeChanges(mirror=False).apply(recipe)
    assert not changed.augmentation.mirror
    assert changed.augmentation.crop == recipe.augmentation.crop
