from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atalho import networks
from atalho.grammar.module import Model, build
from atalho.grammar.network import Network
from atalho.probes import flow
from atalho.probes.passes import Batch, loss
from small_networks import blocks, made, noise, without_norm

H = 1e-6


def by_differences(value: Callable[[Tensor], float], at: Tensor) -> Tensor:
    """The gradient of `value` at `at`, element by element, by central differences."""
    found = torch.empty(at.numel(), dtype=at.dtype)
    for index in range(at.numel()):
        step = torch.zeros(at.numel(), dtype=at.dtype)
        step[index] = H
        step = step.reshape(at.shape)
        found[index] = (value(at + step) - value(at - step)) / (2 * H)
    return found.reshape(at.shape)


def loss_from(model: Model, row: str, batch: Batch) -> Callable[[Tensor], float]:
    """The summed loss as a function of a row's output: what comes after the row, with the batch's statistics."""
    names = [name for name, _ in model.named_children()]
    after = [getattr(model, name) for name in names[names.index(row) + 1 :]]

    def of(x: Tensor) -> float:
        for module in after:
            x = module(x)
        return F.cross_entropy(x, batch.labels, reduction="sum").item()

    return of


@pytest.mark.parametrize("row", ["conv2_1", "conv3_1", "avgpool"])
@torch.no_grad()
def test_gradient_norms_are_those_of_finite_differences(row: str) -> None:
    network = blocks("A", 2)
    model, batch = made(network), noise(2, network)
    whole = model.forward_rows(batch.images)[row]
    output = whole[:, :, :3, :3].clone()  # fewer elements: a window

    def windowed(x: Tensor) -> float:
        changed = whole.clone()
        changed[:, :, :3, :3] = x
        return loss_from(model, row, batch)(changed)

    expected = by_differences(windowed, output)
    with torch.enable_grad():
        x = whole.requires_grad_()
        names = [name for name, _ in model.named_children()]
        y = x
        for name in names[names.index(row) + 1 :]:
            y = getattr(model, name)(y)
        (gradient,) = torch.autograd.grad(F.cross_entropy(y, batch.labels, reduction="sum"), x)
    torch.testing.assert_close(gradient[:, :, :3, :3], expected, atol=1e-7, rtol=1e-5)
    found = flow.profile(model, batch)
    assert found is not None
    per_image = gradient.flatten(1).norm(dim=1)
    elements = gradient[0].numel()
    assert found.norms[row].elements == elements
    assert found.norms[row].gradient == pytest.approx(per_image.mean().item() / elements**0.5)


@torch.no_grad()
def test_weight_gradients_are_those_of_finite_differences() -> None:
    network = blocks("A", 2)
    model, batch = made(network), noise(2, network)
    weight = model.fc.linear.weight

    def value(changed: Tensor) -> float:
        kept = weight.clone()
        weight.copy_(changed)
        found = loss(model, batch).item() / len(batch.labels)
        weight.copy_(kept)
        return found

    expected = by_differences(value, weight.clone()).norm() / weight.norm()
    found = flow.profile(model, batch)
    assert found is not None
    assert found.norms["fc"].weights == pytest.approx(expected.item(), rel=1e-6)
    assert found.norms["avgpool"].weights is None


def test_ratio_and_slope_are_of_the_first_and_the_last_map() -> None:
    network = blocks("A", 3)
    found = flow.profile(made(network), noise(2, network))
    assert found is not None
    assert (found.first, found.last) == ("conv1", "conv3_1")
    norms = [found.norms[name].gradient for name in ("conv1", "conv2_1", "conv2_2", "conv3_1")]
    assert found.ratio == norms[0] / norms[-1]
    assert found.raw_ratio == pytest.approx(found.ratio * (16 * 64 / (32 * 16)) ** 0.5)
    logs = torch.tensor(norms).log10()
    away = torch.arange(4) - 1.5
    assert found.slope == pytest.approx(((away * logs).sum() / (away**2).sum()).item(), rel=1e-5)


def gradient_at_inputs(model: Model, batch: Batch, weight: float) -> dict[str, Tensor]:
    """∂L/∂x at the input of every row, by another way: each row's input is made a leaf's sum."""
    names = [name for name, child in model.named_children()]
    added = {name: torch.zeros((), dtype=batch.images.dtype) for name in names}
    inputs: dict[str, Tensor] = {}

    def perturb(name: str) -> Callable[..., tuple[Tensor]]:
        def hook(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor]:
            inputs[name] = given[0] + added[name]
            inputs[name].requires_grad_()
            return (inputs[name],)

        return hook

    handles = [
        getattr(model, name).register_forward_pre_hook(perturb(name))
        for name in names
        if not name.startswith("aux")
    ]
    model.train()
    torch.manual_seed(0)
    total = loss(model, batch, weight)
    found = torch.autograd.grad(total, [*inputs.values()])
    for handle in handles:
        handle.remove()
    return dict(zip(inputs, found, strict=True))


@pytest.mark.parametrize("option", ["A", "B", "C"])
def test_the_two_parts_of_a_block_sum_to_the_gradient(option: str) -> None:
    network = blocks(option, 3)  # type: ignore[arg-type]
    model, batch = made(network), noise(3, network)
    whole = gradient_at_inputs(model, batch, 0.0)
    parts = flow.parts(model, batch)
    assert [*parts] == ["conv2_1", "conv2_2", "conv3_1"]
    for row, by_branch in parts.items():
        torch.testing.assert_close(by_branch["residual"] + by_branch["shortcut"], whole[row])
    shares = flow.shares(model, batch)
    residual, shortcut = (parts["conv2_2"][name].flatten(1) for name in ("residual", "shortcut"))
    s = shortcut.norm(dim=1) / (shortcut.norm(dim=1) + residual.norm(dim=1))
    assert shares["conv2_2"].branches["shortcut"] == pytest.approx(s.mean().item())
    cosine = (residual * shortcut).sum(1) / residual.norm(dim=1) / shortcut.norm(dim=1)
    assert shares["conv2_2"].cosine == pytest.approx(cosine.mean().item())


def test_the_parts_of_an_inception_module_sum_to_the_gradient() -> None:
    network = networks.get("googlenet.small", input=(3, 16, 16), num_classes=5)
    network = (
        network.without_auxiliary()
    )  # a head beside a module gives its output a second gradient
    model, batch = build(network).double(), noise(2, network)
    whole = gradient_at_inputs(model, batch, 0.3)
    for row, by_branch in flow.parts(model, batch).items():
        total = torch.stack([*by_branch.values()]).sum(0)
        torch.testing.assert_close(total, whole[row])
    for share in flow.shares(model, batch).values():
        assert sum(share.branches.values()) == pytest.approx(1)
        assert share.cosine is None


def test_a_networks_of_one_path_has_no_shortcut() -> None:
    network = blocks(None, 3)
    (record,) = flow.share_records("plain", made(network), noise(2, network), seed=0)
    assert (record.quantity, record.value, record.provenance) == ("shortcut_share", 0, "computed")


def test_auxiliary_heads_count_by_their_weight() -> None:
    network = networks.get("googlenet.small", num_classes=5)
    model, batch = build(network), noise(2, network, torch.float32)
    without, with_heads = (flow.profile(model, batch, weight) for weight in (0.0, 0.3))
    assert without is not None
    assert with_heads is not None
    after, before = "inception_5a", "inception_3a"
    assert with_heads.norms[after].gradient == pytest.approx(without.norms[after].gradient)
    assert with_heads.norms[before].gradient != pytest.approx(without.norms[before].gradient)
    assert with_heads.last == "inception_5b"


def ratio(network: Network, seed: int) -> float:
    """The raw ratio of CLAIMS' table: noise input, at initialisation."""
    generator = torch.Generator().manual_seed(seed)
    batch = Batch(
        torch.randn(16, *network.input, generator=generator),
        torch.randint(10, (16,), generator=generator),
    )
    found = flow.profile(build(network, seed=seed), batch)
    assert found is not None
    return found.raw_ratio


#            plain+BN  ResNet+BN  plain  ResNet: raw gradient at the first block's input over the last block's output
TABLE = {
    20: (25.1, 8.7, 0.50, 13),
    56: (1.4e4, 34.5, 0.53, 2.5e4),
    110: (5.5e7, 78, 0.09, 4.2e8),
}


@pytest.mark.parametrize("depth", [20, 56, pytest.param(110, marks=pytest.mark.full)])
def test_the_gradient_at_initialisation_has_the_recorded_order_of_magnitude(depth: int) -> None:
    tables = [networks.get(f"{family}{depth}") for family in ("plain", "resnet")]
    tables += [table.with_layers(without_norm) for table in tables]
    for table, recorded in zip(tables, TABLE[depth], strict=True):
        # The geometric mean of three seeds, within a factor of √10 on either side; of 10 at 110 layers, where the logarithm is
        # a sum over twice as many layers: resnet110 without normalisation gives 9.9e7 here, a quarter of what is recorded.
        found = torch.tensor([ratio(table, seed) for seed in range(3)]).log10().mean().item()
        bound = 0.5 if depth < 110 else 1.0
        assert abs(found - torch.tensor(recorded).log10().item()) < bound, (table.name, 10**found)
