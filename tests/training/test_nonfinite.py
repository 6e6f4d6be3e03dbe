"""Where numbers first stop being numbers, each place made on purpose."""

import pytest
import torch
from torch import Tensor, nn

from atalho.training import nonfinite


class _Root(nn.Module):
    """Finite, with a gradient that is not, at zero."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.detach()).sqrt()


class _Overflow(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 1e30 * 1e30


def _network(**places: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    rows = nn.Sequential()
    for name in ("one", "two", "three"):
        rows.add_module(name, nn.Sequential(nn.Linear(4, 4), places.get(name, nn.ReLU())))
    return rows


def _said(network: nn.Module, scale: float = 1.0) -> str:
    x = torch.ones(2, 4)
    return nonfinite.first_row(network, lambda: network(x).sum() * scale)


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_the_first_output_is_named(name: str) -> None:
    order = ("one", "two", "three")
    later = {row: _Overflow() for row in order[order.index(name) :]}
    assert _said(_network(**later)) == f"first in the output of row {name}"


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_the_last_gradient_is_named(name: str) -> None:
    """The backward pass goes from the last row to the first, so the last is where it began."""
    assert _said(_network(**{name: _Root()})) == f"first in the gradient of row {name}"


def test_the_loss_alone() -> None:
    assert _said(_network(), scale=float("inf")) == "in the loss itself"


def test_finite_gradients_whose_sum_is_not() -> None:
    assert _said(_network(), scale=1e30) == "in a sum over all gradients"


def test_no_hook_is_left() -> None:
    network = _network()
    _said(network)
    assert not any(child._forward_hooks for child in network.children())
