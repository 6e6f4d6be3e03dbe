import pytest
import torch
from torch import nn

from atalho import networks
from atalho.grammar.module import build
from atalho.probes import shattering
from atalho.probes.normalisation import recalibrated
from atalho.probes.passes import Batch
from small_networks import blocks, made, noise


class Quadratic(nn.Module):
    """Logits c · |x|²/2 for class c: the gradient of class 1 is x itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        half = x.flatten(1).square().sum(1) / 2
        return half[:, None] * torch.arange(3, dtype=x.dtype)


def test_correlation_is_that_of_a_known_gradient() -> None:
    """∇(t) = x₀ + t·u, so R is a quotient of inner products known in closed form."""
    images = torch.randn(4, 2, 3, 3, dtype=torch.float64)
    batch = Batch(images, torch.ones(4, dtype=torch.long))
    torch.testing.assert_close(shattering.input_gradient(Quadratic(), batch), images)
    found = shattering.correlation(Quadratic(), batch, (1e-9, 2.0, 1e9), seed=1)
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randn(images.shape, generator=generator, dtype=torch.float64)
    u = drawn * (drawn[0].numel() ** 0.5 / drawn.flatten(1).norm(dim=1))[:, None, None, None]
    there = images + 2 * u
    expected = 2 * (images * there).sum() / (images.square().sum() + there.square().sum())
    assert found[2.0] == pytest.approx(expected.item())
    assert found[1e-9] == pytest.approx(1)
    assert found[1e9] == pytest.approx(0, abs=1e-6)


def test_a_linear_network_does_not_shatter() -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(18, 3))
    batch = Batch(torch.randn(4, 2, 3, 3), torch.tensor([0, 1, 2, 0]))
    assert [*shattering.correlation(linear, batch).values()] == pytest.approx([1.0] * 6)


#              plain  ResNet at a distance of 0.1, with BatchNorm, at initialisation
@pytest.mark.parametrize(
    ("depth", "plain", "residual"),
    [
        (20, 0.031, 0.497),
        (56, 0.006, 0.195),
        pytest.param(110, -0.003, 0.101, marks=pytest.mark.full),
    ],
)
def test_correlations_at_initialisation_are_the_recorded_ones(
    depth: int, plain: float, residual: float
) -> None:
    for family, recorded in (("plain", plain), ("resnet", residual)):
        network = networks.get(f"{family}{depth}")
        batch = noise(24, network, torch.float32)
        records = shattering.records(network.name, build(network, seed=0), batch)
        found = {each.conditions["distance"]: each.value for each in records}
        assert found[0.1] == pytest.approx(recorded, abs=0.08)
        assert found[0.01] > found[0.5] or max(map(abs, found.values())) < 0.08


def test_recalibrated_statistics_are_means_over_the_batches() -> None:
    network = blocks("A", 2)
    model = made(network)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    batches = [noise(6, network).images, 3 + 2 * noise(6, network).images.flip(0)]
    found = recalibrated(model, batches)
    outputs = [model.conv1.conv(each) for each in batches]
    mean = torch.stack([each.mean((0, 2, 3)) for each in outputs]).mean(0)
    variance = torch.stack([each.var((0, 2, 3)) for each in outputs]).mean(0)
    norm = found.get_submodule("conv1.bn")
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, variance)
    assert not found.training
    assert all(torch.equal(model.state_dict()[key], before[key]) for key in before)
