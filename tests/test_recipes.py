"""Recipes against their papers' sentences."""

from dataclasses import replace
from itertools import product

import pytest

from atalho import recipes
from atalho.errors import AtalhoError
from atalho.grammar.facts import Facts
from atalho.grammar.shape import Shape
from atalho.networks import subjects
from atalho.recipes.recipe import (
    Lighting,
    PaddedCrop,
    Photometric,
    Plateau,
    ResizedCrop,
    ShorterSide,
    Stairs,
    StepDecay,
    WarmCosine,
)


def _facts(name: str, input: Shape | None = None) -> Facts:
    return subjects.facts(subjects.get(name, input=input))


def test_he2015_cifar_is_section_4_2() -> None:
    recipe = recipes.get("he2015_cifar", _facts("resnet20"))
    assert (recipe.batch_size, recipe.momentum, recipe.weight_decay) == (128, 0.9, 1e-4)
    assert recipe.augmentation.crop == PaddedCrop(4)
    assert recipe.augmentation.mirror
    assert recipe.normalisation == "per_pixel_mean"
    assert recipe.with_validation  # "results train on the full training set"
    steps = recipe.length(50_000)
    assert steps == 64_000
    rates = {step: recipe.lr * recipe.schedule.scale(step, steps) for step in range(0, 64_000, 500)}
    for step, rate in rates.items():
        expected = 0.1 if step < 32_000 else 0.01 if step < 48_000 else 0.001
        assert rate == pytest.approx(expected)
    assert steps * recipe.batch_size / 50_000 == pytest.approx(163.84)


@pytest.mark.parametrize(
    ("name", "warms"), [("resnet56", False), ("resnet110", True), ("resnet1202", True)]
)
def test_only_the_deepest_networks_warm_up(name: str, warms: bool) -> None:
    warmup = recipes.get("he2015_cifar", _facts(name)).warmup
    assert (warmup is not None) == warms
    if warmup:
        assert (warmup.lr, warmup.until_error) == (0.01, 0.8)


def test_step_decay_falls_at_its_milestones() -> None:
    schedule = StepDecay((0.5, 0.75), 0.1)
    assert [round(schedule.scale(step, 8), 3) for step in range(8)] == [
        1,
        1,
        1,
        1,
        0.1,
        0.1,
        0.01,
        0.01,
    ]


def test_the_cosine_is_torchs() -> None:
    import torch

    optimiser = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=90)
    schedule = WarmCosine(0.1)
    for step in range(10):
        assert schedule.scale(step, 100) == pytest.approx((step + 1) / 10)
    for step in range(10, 100):
        assert schedule.scale(step, 100) == pytest.approx(cosine.get_last_lr()[0], abs=1e-12)
        optimiser.step()
        cosine.step()


def test_quick_is_shorter_for_costly_networks() -> None:
    small = recipes.get("quick", _facts("resnet20", input=(1, 8, 8)))
    large = recipes.get("quick", _facts("googlenet.small", input=(1, 8, 8)))
    assert small.epochs is not None
    assert large.epochs is not None
    assert large.epochs < small.epochs
    assert small.length(1258) == round(small.epochs * 1258 / 64)


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(AtalhoError, match=r"he2015_cifar, he2015_imagenet, .*quick"):
        recipes.get("he2014", _facts("resnet20"))


def test_he2015_imagenet_is_section_3_4() -> None:
    recipe = recipes.get("he2015_imagenet", _facts("resnet50"))
    assert (recipe.batch_size, recipe.momentum, recipe.weight_decay) == (256, 0.9, 1e-4)
    assert recipe.lr == 0.1
    assert recipe.length(1_281_167) == 600_000
    assert isinstance(recipe.schedule, Plateau)  # "divided by 10 when the error plateaus"
    assert recipe.schedule.factor == 0.1
    crop = recipe.augmentation.crop
    assert isinstance(crop, ShorterSide)
    assert (crop.least * 224, crop.most * 224) == pytest.approx((256, 480))
    assert recipe.augmentation.mirror
    assert isinstance(recipe.augmentation.colour, Lighting)  # "The standard color augmentation"
    assert recipe.augmentation.colour.std == 0.1  # Krizhevsky 2012, §4.1
    assert recipe.normalisation == "per_pixel_mean"
    assert recipe.reestimate > 10_000  # "true averages over a large batch"
    assert not recipe.with_validation  # or there would be no plateau to be seen


def test_he2015_imagenet_at_fixed_steps_differs_in_nothing_else() -> None:
    plateaus, steps = (
        recipes.get(name, _facts("resnet50"))
        for name in ("he2015_imagenet", "he2015_imagenet_steps")
    )
    assert isinstance(steps.schedule, StepDecay)
    rates = [steps.lr * steps.schedule.scale(step, 600_000) for step in range(0, 600_000, 100_000)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    assert steps.with_validation
    same = replace(steps, name=plateaus.name, schedule=plateaus.schedule, with_validation=False)
    assert same == plateaus


def test_szegedy2014_is_section_6() -> None:
    recipe = recipes.get("szegedy2014", _facts("googlenet"))
    assert recipe.momentum == 0.9
    assert recipe.auxiliary_weight == 0.3  # §5
    assert recipe.averaging is not None  # "Polyak averaging"
    crop = recipe.augmentation.crop
    assert isinstance(crop, ResizedCrop)
    assert crop.area == (0.08, 1.0)
    assert crop.aspect == (3 / 4, 4 / 3)
    assert isinstance(recipe.augmentation.colour, Photometric)  # Howard 2013
    assert recipe.optimiser == "sgd"
    assert "ours" in recipe.source  # what the paper does not give
    assert recipe.epochs is not None
    epoch = 1000  # steps, whatever the data are
    steps = round(recipe.epochs * epoch)
    for number in range(
        0, round(recipe.epochs), 3
    ):  # "decreasing the learning rate by 4% every 8 epochs"
        middle = number * epoch + epoch // 2
        assert recipe.schedule.scale(middle, steps) == pytest.approx(0.96 ** (number // 8))


@pytest.mark.parametrize(("name", "rate"), [("googlenet", 0.01), ("googlenet.bn", 0.1)])
def test_only_normalised_networks_begin_at_a_tenth(name: str, rate: float) -> None:
    assert recipes.get("szegedy2014", _facts(name)).lr == rate


def test_finetune_keeps_the_best_and_moves_the_body_less() -> None:
    recipe = recipes.get("finetune", _facts("resnet50"))
    assert recipe.body_rate == 0.03
    assert recipe.frozen_statistics
    assert recipe.best
    assert recipe.patience == 5
    assert not recipe.with_validation  # or the best could not be told
    assert recipe.label_smoothing == 0.1
    assert recipe.clip_norm is None
    assert recipe.length(320) == recipe.epochs * 10
    without = recipes.get("finetune", _facts("googlenet"))
    assert without.clip_norm == 1.0


def test_stairs_by_brute_force() -> None:
    schedule = Stairs(0.5, 1 / 4)
    share, found = 1.0, []
    for step in range(40):
        if step and step % 10 == 0:
            share *= 0.5
        found.append(share)
    assert [schedule.scale(step, 40) for step in range(40)] == found


def test_a_plateau_is_a_run_of_rows_without_a_new_minimum() -> None:
    """Every sequence of seven errors of three sizes, against the definition."""
    for errors in product((0.1, 0.2, 0.3), repeat=7):
        falls, begun = 0, 0  # `begun`: the first row that the next plateau may hold
        for row in range(7):
            recent = range(row - 1, row + 1)
            if recent[0] >= begun and all(
                errors[each] >= min(errors[:each], default=1.0) for each in recent
            ):
                falls, begun = falls + 1, row + 1
        assert Plateau(0.1, 2).scale(errors) == pytest.approx(0.1**falls), errors
    assert Plateau(0.1, 2).scale(()) == 1.0
