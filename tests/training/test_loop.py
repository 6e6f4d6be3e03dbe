"""The loop against a plain one, and against itself interrupted."""

import csv
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from atalho import networks, recipes
from atalho.data.batches import fit, positions, preprocess
from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError, Exit, Stopped
from atalho.grammar.module import Outputs, build
from atalho.networks import subjects
from atalho.recipes.recipe import Augmentation, Recipe, Warmup
from atalho.runtime.device import Device
from atalho.training import checkpoint, run
from atalho.training.arguments import Arguments
from atalho.training.initial import InitialModel
from atalho.training.listeners import Listeners, Progress
from atalho.training.loop import READ_EVERY, Run

CPU = Device("cpu", 1)
Report = Callable[[Progress], None]


def _run(name: str, data: Dataset, recipe: Recipe, folder: Path, report: Report = print) -> Run:
    network = networks.get(name, input=data.input, num_classes=10)
    split = data.training(with_validation=recipe.with_validation)
    return Run(
        Arguments(name, recipe, 0, CPU, "float32"),
        InitialModel(network, build(network, seed=1), fit(split.sample(), recipe.normalisation)),
        data,
        folder,
        listeners=Listeners(progress=report),
    )


def test_the_loop_is_torchs_sgd_on_the_same_batches(
    digits: Dataset, short: Recipe, tmp_path: Path
) -> None:
    recipe = replace(short, augmentation=Augmentation(), steps=8)
    ours = _run("resnet20", digits, recipe, tmp_path)
    ours.train()

    network = networks.get("resnet20", input=(1, 8, 8), num_classes=10)
    plain = build(network, seed=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(
        plain.parameters(), lr=1.0, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    split = digits.splits["train"]
    preprocessing = fit(split.images, "per_channel")
    for step in range(8):
        chosen, _ = positions(len(split.labels), 32, step, seed=0)
        optimiser.param_groups[0]["lr"] = 0.1 * recipe.schedule.scale(step, 8)
        logits = plain(preprocess(split.images[chosen], preprocessing))
        optimiser.zero_grad()
        F.cross_entropy(logits, split.labels[chosen]).backward()
        optimiser.step()
    for (name, one), other in zip(
        ours.learner.model.state_dict().items(), plain.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(one, other, msg=name)


def test_auxiliary_heads_weigh_three_tenths(digits: Dataset, tmp_path: Path) -> None:
    network = networks.get("googlenet.small", input=digits.input)
    recipe = replace(
        recipes.get("quick", subjects.facts(network)), steps=1, epochs=None, batch_size=4
    )
    ours = _run("googlenet.small", digits, recipe, tmp_path)
    for part in ours.learner.model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    images, labels = ours.learner.batches(0)
    total, main, _ = ours.learner.loss(images, labels)
    outputs = ours.learner.model(images)
    assert isinstance(outputs, Outputs)
    losses = [F.cross_entropy(each, labels) for each in (outputs.logits, *outputs.auxiliary)]
    assert len(losses) == 3
    torch.testing.assert_close(main, losses[0])
    torch.testing.assert_close(total, losses[0] + 0.3 * losses[1] + 0.3 * losses[2])


def _files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "metrics.csv")}


@pytest.mark.parametrize("stop_at", [1, 13, 20, 39, 40, 49])
def test_a_stopped_run_ends_with_the_bits_of_one_that_was_not(
    digits: Dataset, arguments: Arguments, tmp_path: Path, stop_at: int
) -> None:
    run.execute(arguments, digits, tmp_path / "whole")

    original = Run.advance

    def advance(self: Run) -> None:
        original(self)
        if self.step == stop_at:
            signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "advance", advance)
        with pytest.raises(Stopped) as stopped:
            run.execute(arguments, digits, tmp_path / "parts")
    assert stopped.value.exit == Exit.INTERRUPTED
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    run.execute(arguments, digits, tmp_path / "parts", resume=True)
    assert _files(tmp_path / "whole") == _files(tmp_path / "parts")


def test_dropouts_masks_go_on_too(digits: Dataset, tmp_path: Path) -> None:
    network = networks.get("googlenet.small", input=digits.input)
    recipe = replace(
        recipes.get("quick", subjects.facts(network)), steps=6, epochs=None, batch_size=4
    )
    whole = _run("googlenet.small", digits, recipe, tmp_path)
    for _ in range(3):
        whole.advance()
    with checkpoint.Writer(tmp_path / "checkpoints", tmp_path / "kept") as writer:
        writer.save(whole.state())
    for _ in range(3):
        whole.advance()
    torch.manual_seed(99)
    again = _run("googlenet.small", digits, recipe, tmp_path)
    found = checkpoint.load(tmp_path / "checkpoints")
    assert found is not None
    again.restore(found[0])
    for _ in range(3):
        again.advance()
    for name, tensor in whole.state().tensors.items():
        assert torch.equal(tensor, again.state().tensors[name]), name


@pytest.mark.parametrize(("steps", "interval"), [(50, 2), (900, 39)])  # 1,258 images by 32: 39
def test_metrics_have_a_row_an_epoch_and_twenty_at_least(
    digits: Dataset, short: Recipe, tmp_path: Path, steps: int, interval: int
) -> None:
    assert (
        _run("resnet20", digits, replace(short, steps=steps), tmp_path).metrics.interval == interval
    )


def test_metrics_are_means_since_the_last_row(
    digits: Dataset, short: Recipe, tmp_path: Path
) -> None:
    read: list[float] = []
    trained = _run("resnet20", digits, replace(short, steps=400), tmp_path)
    assert trained.metrics.interval == READ_EVERY  # so that both sums cover the same steps
    original = Run.renew

    def renew(self: Run) -> None:
        read.append(self.means(self.recent_sums)[0])
        original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "renew", renew)
        trained.train()
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(20, 401, 20))
    assert [float(row["train_loss"]) for row in rows] == read
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"]) / 4
    assert all(0 <= float(row["val_top1"]) <= 1 for row in rows)


def test_a_loss_that_is_no_number_stops_the_run(
    digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    hot = replace(arguments, recipe=replace(arguments.recipe, lr=1e30))
    with pytest.raises(
        AtalhoError, match="step 2 has no finite loss or gradient, first in the output of row conv"
    ) as caught:
        run.execute(hot, digits, tmp_path / "run")
    assert caught.value.exit == Exit.NUMBERS
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_the_warm_up_ends_below_its_error(digits: Dataset, short: Recipe, tmp_path: Path) -> None:
    recipe = replace(short, warmup=Warmup(0.01, 0.8), steps=200)
    errors: list[float] = []
    warming = _run("resnet20", digits, recipe, tmp_path, lambda p: errors.append(1 - p.top1))
    rates = []
    for _ in range(120):
        rates.append(warming.rate())
        warming.advance()
        if warming.step % 20 == 0:
            warming.report(1.0)
            warming.renew()
    below = next(index for index, error in enumerate(errors) if error < 0.8)
    ends = (below + 1) * 20
    assert set(rates[:ends]) == {0.01}
    scheduled = [0.1 * recipe.schedule.scale(step, 200) for step in range(ends, 120)]
    assert rates[ends:] == scheduled


def test_bf16_trains(digits: Dataset, arguments: Arguments, tmp_path: Path) -> None:
    records = run.execute(replace(arguments, precision="bf16"), digits, tmp_path / "run")
    top1 = next(each for each in records if each.quantity == "top1")
    assert top1.value > 0.3
    assert top1.conditions["dtype"] == "bf16"
