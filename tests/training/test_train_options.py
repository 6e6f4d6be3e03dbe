"""What a recipe may ask for beyond the plain loop, each against a plain recomputation."""

import copy
import signal
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import update_bn

from atalho import networks
from atalho.data.batches import fit
from atalho.data.dataset import Dataset
from atalho.errors import Stopped
from atalho.evaluation.accuracy import Accuracy
from atalho.evaluation.outcomes import Outcomes
from atalho.grammar.module import build
from atalho.recipes.recipe import Plateau, Recipe
from atalho.runtime.device import Device
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.initial import InitialModel
from atalho.training.loop import Run

CPU = Device("cpu", 1)


def _resnet20() -> nn.Module:
    return build(networks.get("resnet20", input=(1, 8, 8), num_classes=10), seed=1)


def _plain() -> nn.Module:
    """A network without BatchNorm and dropout: an image's answer does not depend on the others."""
    torch.manual_seed(1)
    pool = nn.AdaptiveAvgPool2d(2)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), pool, nn.Flatten(), nn.Linear(8 * 2 * 2, 10)
    )


def _run(
    data: Dataset,
    recipe: Recipe,
    folder: Path,
    model: nn.Module,
    *,
    parts: int = 1,
    head: Iterable[str] = (),
) -> Run:
    preprocessing = fit(data.splits["train"].images, recipe.normalisation)
    arguments = Arguments("resnet20", recipe, 0, CPU, "float32", parts=parts)
    rate = recipe.body_rate if head else 1.0
    network = networks.get("resnet20")
    initial = InitialModel(network, model, preprocessing, frozenset(head), body_rate=rate)
    return Run(arguments, initial, data, folder)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in model.named_parameters()}


def test_the_average_is_a_running_one(digits: Dataset, short: Recipe, tmp_path: Path) -> None:
    trained = _run(digits, replace(short, averaging=0.4, steps=8), tmp_path, _resnet20())
    means = {name: each.double() for name, each in _weights(trained.learner.model).items()}
    for step in range(8):
        trained.advance()
        decay = min(0.4, (1 + step) / (10 + step))  # the first steps count less than they will
        for name, weight in _weights(trained.learner.model).items():
            means[name] = decay * means[name] + (1 - decay) * weight.double()
    finished = trained.finish()
    for name, weight in _weights(finished).items():
        torch.testing.assert_close(weight.double(), means[name], rtol=1e-5, atol=1e-6, msg=name)


def test_averaged_weights_are_validated_and_kept_with_statistics_of_their_own(
    digits: Dataset, short: Recipe, tmp_path: Path
) -> None:
    recipe = replace(short, averaging=0.9, steps=30, best=False, patience=None)
    trained = _run(digits, recipe, tmp_path, _resnet20())
    for _ in range(30):
        trained.advance()
    trained.add_row()
    averaged, plain = trained.learner.averaged, copy.deepcopy(trained.learner.averaged)
    assert averaged is not None
    assert plain is not None
    update_bn((trained.learner.batches(30 + step) for step in range(40)), plain)  # an epoch
    of_last = dict(trained.learner.model.named_buffers())
    for (name, one), other in zip(averaged.named_buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6, msg=name)
        assert not torch.equal(one, of_last[name]), name
    assert trained.metrics.rows[-1]["val_loss"] == trained.evaluate(digits.splits["val"]).loss
    kept = copy.deepcopy(trained.finish().state_dict())
    torch.testing.assert_close(kept, averaged.state_dict(), rtol=0, atol=0)


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Tensor]]:
    """The weights at each row of metrics, where the validation accuracy is one of `FOUND`."""
    seen: list[dict[str, Tensor]] = []

    def evaluate(self: Run, split: object) -> Accuracy:
        seen.append(_weights(self.learner.model))
        none = Outcomes(*torch.zeros(4, 0))
        return Accuracy(100, FOUND[len(seen) - 1], None, 1.0, 10, none)

    monkeypatch.setattr(Run, "evaluate", evaluate)
    return seen


FOUND = (0.1, 0.5, 0.2, 0.5, 0.4, 0.45, 0.6, *(0.3,) * 20)


def test_the_best_epochs_weights_are_kept(
    digits: Dataset, short: Recipe, tmp_path: Path, validated: list[dict[str, Tensor]]
) -> None:
    trained = _run(digits, replace(short, best=True, steps=40), tmp_path, _plain())
    trained.train()
    assert len(validated) == 20
    best = validated[FOUND.index(0.6)]
    assert all(torch.equal(each, best[name]) for name, each in _weights(trained.finish()).items())
    assert not torch.equal(best["0.weight"], validated[-1]["0.weight"])


@pytest.mark.parametrize(
    ("images", "patience", "rows"), [(64, 4, 6), (64, 5, 12), (64, None, 20), (128, 2, 6)]
)
def test_patience_ends_a_run_early(
    digits: Dataset,
    short: Recipe,
    tmp_path: Path,
    validated: list[dict[str, Tensor]],
    images: int,
    patience: int | None,
    rows: int,
) -> None:
    """The second row stays the best for four rows and no longer, the seventh for ever; equal is not better.

    Of 64 images a row is an epoch, of 128 it is half of one.
    """
    few = digits.splits["train"].select(torch.arange(images))
    digits = replace(digits, splits={**digits.splits, "train": few})
    trained = _run(digits, replace(short, patience=patience, steps=40), tmp_path, _plain())
    trained.train()
    assert len(trained.metrics.rows) == len(validated) == rows


def test_the_rate_falls_at_a_plateau(
    digits: Dataset, short: Recipe, tmp_path: Path, validated: list[dict[str, Tensor]]
) -> None:
    recipe = replace(short, schedule=Plateau(0.1, 4), lr=0.05, steps=40)
    trained = _run(digits, recipe, tmp_path, _plain())
    trained.train()
    # Rows 3 to 6 are not above row 2; rows 8 to 11, 12 to 15 and 16 to 19 are not above row 7.
    expected = [0.05] * 6 + [0.005] * 5 + [0.0005] * 4 + [0.00005] * 4 + [0.000005]
    assert [row["lr"] for row in trained.metrics.rows] == pytest.approx(expected)


@pytest.mark.parametrize("parts", [3, 4])  # 32 images: 11, 11 and 10; 8 each
def test_a_batch_in_parts_is_the_batch(
    digits: Dataset, short: Recipe, tmp_path: Path, parts: int
) -> None:
    whole = _run(digits, short, tmp_path, _plain())
    divided = _run(digits, short, tmp_path, _plain(), parts=parts)
    for _ in range(4):
        whole.advance()
        divided.advance()
    for name, weight in _weights(divided.learner.model).items():
        torch.testing.assert_close(
            weight, _weights(whole.learner.model)[name], rtol=1e-5, atol=1e-6
        )
    torch.testing.assert_close(divided.epoch_sums, whole.epoch_sums, rtol=1e-6, atol=0)


def test_statistics_taken_anew_are_plain_means(
    digits: Dataset, short: Recipe, tmp_path: Path
) -> None:
    trained = _run(digits, replace(short, steps=4, reestimate=100), tmp_path, _resnet20())
    for _ in range(4):
        trained.advance()
    first = next(
        part for part in trained.learner.model.modules() if isinstance(part, nn.BatchNorm2d)
    )
    given: list[Tensor] = []
    first.register_forward_pre_hook(lambda part, inputs: given.append(inputs[0].double()))
    trained.finish()
    assert len(given) == 4  # 100 images in batches of 32
    means = torch.stack([each.mean((0, 2, 3)) for each in given]).mean(0)
    variances = torch.stack([each.transpose(0, 1).flatten(1).var(1) for each in given]).mean(0)
    assert first.running_mean is not None
    assert first.running_var is not None
    torch.testing.assert_close(first.running_mean.double(), means, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(first.running_var.double(), variances, rtol=1e-5, atol=1e-6)


def test_the_body_learns_at_its_share_of_the_rate(
    digits: Dataset, short: Recipe, tmp_path: Path
) -> None:
    recipe = replace(short, body_rate=0.1)
    moved = []
    for head in ((), ("4.weight", "4.bias")):
        before = _weights(_plain())
        trained = _run(digits, recipe, tmp_path, _plain(), head=head)
        trained.advance()
        moved.append({k: each - before[k] for k, each in _weights(trained.learner.model).items()})
    for name, step in moved[0].items():
        share = 1.0 if name.startswith("4.") else 0.1
        torch.testing.assert_close(moved[1][name], share * step, rtol=1e-4, atol=1e-7, msg=name)


def test_smoothed_labels_are_a_tenth_uniform(
    digits: Dataset, short: Recipe, tmp_path: Path
) -> None:
    trained = _run(digits, replace(short, label_smoothing=0.1), tmp_path, _plain())
    images, labels = trained.learner.batches(0)
    loss, _, logits = trained.learner.loss(images, labels)
    target = 0.9 * F.one_hot(labels, 10) + 0.1 / 10
    torch.testing.assert_close(loss, -(target * logits.log_softmax(1)).sum(1).mean())


def test_adamws_first_step(digits: Dataset, short: Recipe, tmp_path: Path) -> None:
    """Loshchilov 2017, Algorithm 2: after bias correction the first moments are the gradient and its square."""
    recipe = replace(short, optimiser="adamw", lr=0.001, weight_decay=0.5)
    trained = _run(digits, recipe, tmp_path, _plain())
    before, rate = _weights(trained.learner.model), trained.rate()
    trained.advance()
    for name, weight in trained.learner.model.named_parameters():
        assert weight.grad is not None
        step = weight.grad / (weight.grad.abs() + 1e-8) + 0.5 * before[name]
        torch.testing.assert_close(weight.detach(), before[name] - rate * step)


def test_adamw_goes_on_to_the_same_bits(
    digits: Dataset, arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(arguments.recipe, optimiser="adamw", lr=0.001, steps=10, averaging=0.9)
    adamw = replace(arguments, recipe=recipe)
    few = {name: split.select(torch.arange(64)) for name, split in digits.splits.items()}
    digits = replace(digits, splits=few)
    run.execute(adamw, digits, tmp_path / "whole")
    original = Run.advance

    def advance(self: Run) -> None:
        original(self)
        if self.step == 7:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", advance)
        with pytest.raises(Stopped):
            run.execute(adamw, digits, tmp_path / "parts")
    run.execute(adamw, digits, tmp_path / "parts", resume=True)
    for name in ("model.safetensors", "metrics.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
