"""Synchronised batch normalisation against torch's own, in a world of one process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed, nn

from atalho.probes.passes import Batch, undisturbed
from atalho.probes.responses import responses
from atalho.runtime.syncbn import SynchronisedBatchNorm, synchronised

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path) -> Iterator[None]:
    """A process group of one."""
    store = f"file://{tmp_path / 'store'}"
    distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def _pair(**options: object) -> tuple[nn.BatchNorm2d, nn.Module]:
    """torch's normalisation in float64, and ours in float32."""
    torch.manual_seed(0)
    reference = nn.BatchNorm2d(5, **options)  # type: ignore[arg-type]
    if reference.affine:
        nn.init.uniform_(reference.weight, 0.5, 2)
        nn.init.uniform_(reference.bias, -1, 1)
    ours = nn.BatchNorm2d(5, **options)  # type: ignore[arg-type]
    ours.load_state_dict(reference.state_dict())
    converted = synchronised(nn.Sequential(ours), CPU)[0]  # type: ignore[index]
    assert type(converted) is SynchronisedBatchNorm
    return reference.double(), converted


# float32 sums over 8 * 6 * 6 = 288 values, in any order, are off by at most 288 roundings of 2^-24, 2e-5 of their terms.
ROUNDING = {"rtol": 288 * 2**-24, "atol": 288 * 2**-24}


@pytest.mark.parametrize(
    "options", [{}, {"affine": False}, {"momentum": None}, {"track_running_stats": False}]
)
def test_outputs_gradients_and_statistics_are_torchs(options: dict[str, object]) -> None:
    reference, ours = _pair(**options)
    for _ in range(3):
        x = 3 * torch.randn(8, 5, 6, 6) + 2
        one, two = x.double().requires_grad_(), x.clone().requires_grad_()
        weights = torch.randn_like(x)
        y, z = reference(one), ours(two)
        torch.testing.assert_close(z.double(), y, **ROUNDING)
        (y * weights).sum().backward()
        (z * weights).sum().backward()
        assert one.grad is not None
        assert two.grad is not None
        torch.testing.assert_close(two.grad.double(), one.grad, **ROUNDING)
    for ours_, theirs in zip(ours.parameters(), reference.parameters(), strict=True):
        assert ours_.grad is not None
        # Sums of 3 batches of 288 products, each up to about 4 times 4 in size.
        torch.testing.assert_close(
            ours_.grad.double(), theirs.grad, rtol=0, atol=3 * 288 * 16 * 2**-24
        )
    for ours_, theirs in zip(ours.buffers(), reference.buffers(), strict=True):
        torch.testing.assert_close(ours_.to(theirs.dtype), theirs, **ROUNDING)


def test_inference_uses_the_running_statistics() -> None:
    reference, ours = _pair()
    ours(torch.randn(8, 5, 6, 6) + 1)
    reference.load_state_dict(ours.state_dict())
    x = torch.randn(2, 5, 3, 3)
    torch.testing.assert_close(
        ours.eval()(x).double(), reference.eval()(x.double()), rtol=1e-6, atol=1e-6
    )


def test_bf16_is_normalised_in_float32() -> None:
    reference, ours = _pair()
    x = torch.randn(8, 5, 6, 6).bfloat16()
    y = ours(x)
    assert y.dtype is torch.bfloat16
    torch.testing.assert_close(y, reference(x.double()).bfloat16(), rtol=2**-7, atol=1e-4)


def test_names_and_weights_stay() -> None:
    model = nn.Sequential(nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5), nn.BatchNorm1d(5))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kinds = [type(each) for each in synchronised(model, CPU).children()]
    assert kinds == [nn.Conv2d, SynchronisedBatchNorm, nn.BatchNorm1d]
    assert list(model.state_dict()) == list(before)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


def test_a_look_in_between_leaves_the_statistics() -> None:
    model = synchronised(nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)), CPU)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    with undisturbed(model, training=True):
        model(torch.randn(4, 3, 6, 6))
    assert all(torch.equal(each, model.state_dict()[name]) for name, each in before.items())


def test_a_response_is_taken_after_it() -> None:
    model = synchronised(nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)), CPU)
    nn.init.constant_(model[1].weight, 7)  # type: ignore[index]
    found = responses(model, Batch(torch.randn(4, 3, 6, 6), torch.zeros(4, dtype=torch.long)))
    assert found["0"].std == pytest.approx(7, rel=1e-2)
