from pathlib import Path

import pytest
import torch
from torch import nn

from atalho import networks
from atalho.grammar.module import build
from atalho.networks.googlenet import MODULES
from atalho.probes import flow
from atalho.probes.passes import Batch, joins, rows, undisturbed, watched
from atalho.probes.probe import Probe
from small_networks import noise


class Foreign(nn.Module):
    """Somebody's module: sequences in it, and an activation that works in place."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.act = nn.ReLU(inplace=True)
        self.body = nn.Sequential(nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU(inplace=True)))
        self.fc = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.body(self.act(self.stem(x))).mean((2, 3)))
        return logits


def test_rows_are_the_tables_or_the_childrens_with_sequences_opened() -> None:
    network = networks.get("resnet20")
    assert [*rows(build(network))] == [row.name for row in network.rows]
    assert [*rows(Foreign())] == ["stem", "act", "body.0.0", "body.0.1", "fc"]


def test_joins_are_the_outermost() -> None:
    found = joins(build(networks.get("googlenet.small")))
    assert [*found] == [f"inception_{key}" for key in MODULES]
    assert not any(join.adds for join in found.values())
    nested = joins(build(networks.get("inception_v3")))[
        "mixed_7b"
    ]  # a Concat in two of its branches
    assert [*nested.branches] == ["branch1x1", "branch3x3", "branch3x3dbl", "branch_pool"]
    assert all(join.adds for join in joins(build(networks.get("resnet20"))).values())


def test_an_output_is_kept_though_the_next_module_works_in_place() -> None:
    model, images = Foreign(), torch.randn(2, 3, 8, 8)
    with watched(rows(model)) as calls:
        answer = model(images)
    assert torch.equal(calls["stem"].output, model.stem(images))
    assert (calls["stem"].output < 0).any()
    assert torch.equal(model(images), answer)


@pytest.mark.parametrize("training", [True, False])
def test_the_next_training_step_has_the_same_bits(training: bool) -> None:
    """A probe in between leaves weights, gradients, statistics, mode, generator and hooks as they were."""
    network = networks.get("googlenet.bn", input=(3, 64, 64), num_classes=5)
    batch = noise(2, network, torch.float32)

    def step(*, probed: bool) -> tuple[dict[str, torch.Tensor], list[torch.Tensor], torch.Tensor]:
        model = build(network, seed=0).train(training)
        torch.manual_seed(3)  # dropout
        if probed:
            assert Probe("x", 1, batch, 0.3, {}, Path()).look(model, 0)
        answer = model(batch.images)
        logits = answer.logits if training else answer
        logits.sum().backward()
        gradients = [each.grad for each in model.parameters() if each.grad is not None]
        assert all(module.training == training for module in model.modules())
        assert not any(module._forward_hooks for module in model.modules())
        return model.state_dict(), gradients, logits

    (states, gradients, logits), (others, other_gradients, other) = (
        step(probed=False),
        step(probed=True),
    )
    assert torch.equal(logits, other)
    assert all(torch.equal(states[key], others[key]) for key in states)
    assert all(map(torch.equal, gradients, other_gradients))


def test_dropout_masks_are_the_same_every_time() -> None:
    network = networks.get("googlenet.small", num_classes=5)
    model, batch = build(network), noise(2, network, torch.float32)
    with undisturbed(model, training=True):
        first = model(batch.images)
    with undisturbed(model, training=True):
        assert torch.equal(model(batch.images).logits, first.logits)
    assert model.training


def test_a_foreign_module_has_a_profile() -> None:
    batch = Batch(torch.randn(3, 3, 8, 8), torch.tensor([0, 1, 2]))
    found = flow.profile(Foreign(), batch)
    assert found is not None
    assert (found.first, found.last) == ("stem", "body.0.1")
    assert found.norms["act"].weights is None
