"""Recipes against their papers' sentences."""

import pytest

from atalho import recipes, subjects
from atalho.errors import AtalhoError
from atalho.recipes.recipe import Facts, PaddedCrop, StepDecay, WarmCosine
from atalho.shape import Shape


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
    with pytest.raises(AtalhoError, match="he2015_cifar, quick"):
        recipes.get("he2014", _facts("resnet20"))
