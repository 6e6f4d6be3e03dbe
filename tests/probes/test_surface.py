import pytest
import torch
from torch.nn import functional as F

from atalho.probes.surface import coordinates, direction, line, moved, record
from small_networks import blocks, made, noise


def test_every_filter_of_a_direction_has_the_trained_filters_norm() -> None:
    model = made(blocks("A", 2))
    found, other = direction(model, 1), direction(model, 2)
    weights = dict(model.named_parameters())
    assert [*found] == [name for name, weight in weights.items() if weight.dim() > 1]
    for name, change in found.items():
        expected = weights[name].detach().flatten(1).norm(dim=1)
        torch.testing.assert_close(change.flatten(1).norm(dim=1), expected)
        assert not torch.allclose(change, other[name])


def test_the_loss_is_that_of_the_moved_weights_and_they_come_back_to_the_bit() -> None:
    network = blocks("A", 2)
    model, batch = made(network), noise(6, network)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    first, second = direction(model, 1), direction(model, 2)
    found = line(model, batch, first, second, 0.5, [0.0, -1.0])
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.training
    by_hand = made(network).eval()
    with torch.no_grad():
        for name, weight in by_hand.named_parameters():
            if name in first:
                weight += 0.5 * second[name] - first[name]
        expected = F.cross_entropy(by_hand(batch.images), batch.labels)
    assert found[1] == pytest.approx(expected.item())
    with moved(model, (0.5, second)):
        centre = F.cross_entropy(model.eval()(batch.images), batch.labels).item()
    assert found[0] == pytest.approx(centre)


def test_a_line_of_the_plane_is_a_record() -> None:
    network = blocks("A", 2)
    found = record("x", made(network), noise(4, network), 0.25, step=3)
    assert coordinates()[0] == -1
    assert coordinates()[12] == 0
    assert coordinates()[-1] == 1
    assert found.conditions["alphas"] == coordinates()
    assert len(found.samples) == 25
    assert found.conditions["beta"] == 0.25
