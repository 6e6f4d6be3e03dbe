from math import sqrt

import pytest
import torch
from torch import nn

from atalho import networks
from atalho.probes.passes import Batch
from atalho.probes.responses import records, responses
from small_networks import blocks, made, noise, without_norm


def test_a_response_is_taken_after_the_normalisation_and_before_the_addition() -> None:
    """After BatchNorm it is BatchNorm's scale, whatever came before; after ReLU it would be 0.58 of it."""
    network = blocks("B", 2)
    model, batch = made(network), noise(4, network)
    norms = {name: m for name, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
    for number, norm in enumerate(norms.values(), start=1):
        nn.init.constant_(norm.weight, number)
    found = responses(model, batch)
    names = [
        "conv1.conv",
        *(f"{row}.sum.residual.conv{i}" for row in ("conv2_1", "conv3_1") for i in (1, 2)),
    ]
    assert [*found] == [*names, "conv3_1.sum.shortcut.conv"]
    assert [each.row for each in found.values()] == ["conv1", *["conv2_1"] * 2, *["conv3_1"] * 3]
    assert [each.kernel for each in found.values()] == [*[(3, 3)] * 5, (1, 1)]
    for number, each in enumerate(found.values(), start=1):
        assert each.std == pytest.approx(number, rel=2e-3)


def test_without_normalisation_it_is_the_convolutions_own() -> None:
    network = blocks("A", 2).with_layers(without_norm)
    model, batch = made(network), noise(4, network)
    output = model.conv1.conv(batch.images)
    assert responses(model, batch)["conv1.conv"].std == pytest.approx(output.std().item())


def test_a_normalisation_after_an_addition_is_not_the_convolutions() -> None:
    class Before(nn.Module):
        """x + conv(x), and the next block's normalisation after it, as in pre-activation networks (He 2016)."""

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.bn(x + self.conv(x)).mean((2, 3))
            return y

    model = Before()
    images = torch.randn(4, 2, 5, 5)
    found = responses(model, Batch(images, torch.zeros(4, dtype=torch.long)))
    assert found["conv"].std == pytest.approx(model.conv(images).std().item())


def test_all_responses_are_one_record_in_order() -> None:
    network = networks.get("resnet20", input=(1, 8, 8))
    (record,) = records("resnet20", made(network), noise(4, network), seed=1)
    assert len(record.samples) == len(record.conditions["layers"]) == 19
    assert record.samples[0] == pytest.approx(sqrt(4 * 64 * 16 / (4 * 64 * 16 - 1)), rel=1e-3)
    assert record.conditions["rows"][-1] == "conv4_3"
    assert records("none", nn.Flatten(), noise(4, network)) == []
