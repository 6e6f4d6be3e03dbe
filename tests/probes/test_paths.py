from itertools import combinations
from math import comb

import pytest
import torch
from torch import Tensor

from atalho.grammar.module import Model
from atalho.probes.passes import Batch, joins, loss
from atalho.probes.paths import paths, records
from small_networks import blocks, made, noise


def by_brute_force(model: Model, batch: Batch, through: set[str]) -> Tensor:
    """∂L/∂(images) by the one path through the residual branch of the blocks `through`, and no other's.

    In the forward pass all branches count; in the backward pass the other branch of each block is cut off.
    """
    handles = [
        join.branches["shortcut" if row in through else "residual"].register_forward_hook(
            lambda module, inputs, output: output.detach()
        )
        for row, join in joins(model).items()
    ]
    images = batch.images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(model, Batch(images, batch.labels)), images)
    for handle in handles:
        handle.remove()
    return gradient


@pytest.mark.parametrize("option", ["A", "C"])
def test_terms_are_those_of_all_sixteen_paths_and_sum_to_the_whole(option: str) -> None:
    network = blocks(option, 4)  # type: ignore[arg-type]
    model, batch = made(network), noise(3, network)
    names = [*joins(model)]
    assert len(names) == 4
    found = paths(model, batch, samples=100)
    assert found is not None
    images = batch.images.clone().requires_grad_()
    (whole,) = torch.autograd.grad(loss(model, Batch(images, batch.labels)), images)
    torch.testing.assert_close(found.totals.sum(0), whole)
    for length in range(5):
        single = [by_brute_force(model, batch, {*chosen}) for chosen in combinations(names, length)]
        assert len(single) == comb(4, length)
        torch.testing.assert_close(found.totals[length], torch.stack(single).sum(0))
        assert len(found.sampled[length]) == comb(4, length)
        for sampled in found.sampled[length]:  # each is one of them
            assert any(torch.allclose(sampled, each, rtol=1e-9, atol=1e-12) for each in single)


def test_paths_are_records_by_length() -> None:
    network = blocks("A", 3)
    found = records("x", made(network), noise(3, network), seed=0)
    single = [each for each in found if each.quantity == "path_gradient"]
    assert [(each.conditions["length"], each.conditions["paths"]) for each in single] == [
        *((0, 1), (1, 3), (2, 3), (3, 1))
    ]
    assert [len(each.samples) for each in single] == [1, 3, 3, 1]
    totals = [each.value for each in found if each.quantity == "path_total"]
    assert totals[0] == pytest.approx(single[0].value)  # the one path of no length
    assert totals[3] == pytest.approx(single[3].value)
    plain = blocks(None, 3)
    assert records("plain", made(plain), noise(3, plain)) == []
