"""Built modules against the papers' formulas, and what building promises: seeds, initialisation, names."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from atalho import networks
from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Add,
    AvgPool,
    Concat,
    Conv,
    Dropout,
    Identity,
    LocalResponseNorm,
    MaxPool,
    PadShortcut,
    PReLU,
    ReLU,
)
from atalho.grammar.module import Model, Outputs, build, initialise, module
from atalho.grammar.network import Network


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


# Layers.


@pytest.mark.parametrize("layer", [LocalResponseNorm(), LocalResponseNorm(3, 0.1, 0.5, 1.0)])
def test_local_response_normalisation_is_the_papers(layer: LocalResponseNorm) -> None:
    """Krizhevsky 2012, §3.3: b_i = a_i / (k + alpha · Σ a_j²)^beta, j from max(0, i − n/2) to min(N − 1, i + n/2)."""
    a = images(2, 8, 3, 3) * 20
    b = torch.empty_like(a)
    half = layer.size // 2
    for i in range(8):
        squares = sum(a[:, j] ** 2 for j in range(max(0, i - half), min(7, i + half) + 1))
        b[:, i] = a[:, i] / (layer.k + layer.alpha * squares) ** layer.beta
    torch.testing.assert_close(module(layer, (8, 3, 3))(a), b)


def test_option_a_shortcut() -> None:
    """He 2015, §4.1: every second pixel, zeros for added channels, no parameters."""
    shortcut = module(PadShortcut(6, 2), (4, 5, 6))
    x = images(2, 4, 5, 6)
    y = shortcut(x)
    assert y.shape == (2, 6, 3, 3)
    for row in range(3):
        for column in range(3):
            assert torch.equal(y[:, :4, row, column], x[:, :, 2 * row, 2 * column])
    assert not y[:, 4:].any()
    assert not list(shortcut.parameters())


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradient_of_an_option_a_shortcut_lies_in_memory_as_its_input_does(
    layout: torch.memory_format, stride: int
) -> None:
    """The gradient of a slice lies otherwise, and what is computed from it takes several times as long."""
    x, sliced = (images(2, 4, 5, 6).to(memory_format=layout).requires_grad_() for _ in range(2))
    doubled = 2 * x  # of a leaf, autograd itself would change the gradient's layout
    received: list[Tensor] = []
    doubled.register_hook(received.append)
    shortcut = module(PadShortcut(6, stride), (4, 5, 6))
    gradient = images(*shortcut(x).shape).to(memory_format=layout)
    shortcut(doubled).backward(gradient)
    (2 * sliced)[:, :, ::stride, ::stride].backward(gradient[:, :4])
    assert torch.equal(x.grad, sliced.grad)
    assert received[0].is_contiguous(memory_format=layout)


def test_joins() -> None:
    x = images(2, 3, 4, 4)
    concat = module(Concat(same=Identity(), positive=ReLU()), (3, 4, 4))
    assert torch.equal(concat(x), torch.cat([x, x.clamp(min=0)], dim=1))
    added = module(Add(same=Identity(), positive=ReLU(), again=Identity()), (3, 4, 4))
    assert torch.equal(added(x), x + x.clamp(min=0) + x)
    assert [name for name, _ in concat.named_children()] == ["same", "positive"]


def test_dilated_convolution_is_one_with_gaps() -> None:
    dilated = module(Conv(2, 3, dilation=2), (3, 9, 9))
    assert isinstance(dilated, nn.Conv2d)
    kernel = torch.zeros(2, 3, 5, 5)
    kernel[:, :, ::2, ::2] = dilated.weight.detach()
    x = images(1, 3, 9, 9)
    expected = nn.functional.conv2d(x, kernel, dilated.bias, padding=2)
    torch.testing.assert_close(dilated(x), expected)


def test_average_with_and_without_padding() -> None:
    ones = torch.ones(1, 1, 3, 3)
    counted = module(AvgPool(3, 1, padding=1), (1, 3, 3))(ones)
    left_out = module(AvgPool(3, 1, padding=1, count_padding=False), (1, 3, 3))(ones)
    assert counted[0, 0, 0, 0] == pytest.approx(4 / 9)
    assert counted[0, 0, 0, 1] == pytest.approx(6 / 9)
    assert torch.equal(left_out, ones)


def test_pooling_over_the_edge() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert module(MaxPool(3, 2), (1, 4, 4))(x).tolist() == [[[[10.0]]]]
    over = module(MaxPool(3, 2, ceil=True), (1, 4, 4))(x)
    assert over.tolist() == [[[[10.0, 11.0], [14.0, 15.0]]]]


def test_global_average() -> None:
    x = images(2, 3, 5, 7)
    torch.testing.assert_close(
        module(AdaptiveAvgPool(), (3, 5, 7))(x), x.mean(dim=(2, 3), keepdim=True)
    )


def test_prelu_has_a_slope_a_channel() -> None:
    prelu = module(PReLU(), (3, 2, 2))
    assert isinstance(prelu, nn.PReLU)
    with torch.no_grad():
        prelu.weight.copy_(torch.tensor([0.0, 0.5, 1.0]))
    output = prelu(-torch.ones(1, 3, 2, 2))
    assert output[0, :, 0, 0].tolist() == [0.0, -0.5, -1.0]


def test_spatial_dropout_takes_whole_channels() -> None:
    torch.manual_seed(0)
    ones = torch.ones(8, 32, 4, 4)
    spatial = module(Dropout(0.5, spatial=True), (32, 4, 4))(ones).flatten(2)
    single = module(Dropout(0.5), (32, 4, 4))(ones).flatten(2)
    assert ((spatial == 0).all(dim=2) | (spatial == 2).all(dim=2)).all()
    assert not ((single == 0).all(dim=2) | (single == 2).all(dim=2)).all()
    assert 0.3 < (spatial == 0).float().mean() < 0.7


# Initialisation.

SMALL = {
    "alexnet": (3, 96, 96),
    "alexnet.owt": (3, 64, 64),
    "vgg11": (3, 32, 32),
    "nin.bn": (3, 64, 64),
    "googlenet": (3, 96, 96),
    "inception_v4": (3, 96, 96),
    "resnet20": (3, 32, 32),
    "resnet18.c": (3, 32, 32),
    "resnet50": (3, 32, 32),
    "enet": (3, 32, 32),
}


def small(name: str) -> Network:
    return networks.get(name, input=SMALL[name], num_classes=10)


@pytest.mark.parametrize("name", SMALL)
def test_every_number_is_initialised(name: str) -> None:
    with torch.device("meta"):
        model = Model(small(name))
    model.to_empty(device="cpu")
    for tensor in model.state_dict().values():
        tensor.fill_(float("nan") if tensor.is_floating_point() else -1)
    initialise(model, 0)
    for key, tensor in model.state_dict().items():
        assert tensor.isfinite().all(), key
        assert key.endswith("bias") or (tensor >= 0).all() or tensor.std() > 0, key
        if key.endswith(("running_mean", "num_batches_tracked")):
            assert not tensor.any(), key
        if key.endswith("running_var"):
            assert (tensor == 1).all(), key


def weighted(name: str) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    for path, part in build(small(name)).named_modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            yield path, part


def assert_spread(weight: Tensor, variance: float) -> None:
    """Zero mean and this variance, to six standard errors; the widest of either distribution is the normal's."""
    count = weight.numel()
    assert abs(weight.mean()) < 6 * (variance / count) ** 0.5
    assert abs(weight.square().mean() / variance - 1) < 6 * (2 / count) ** 0.5


@pytest.mark.parametrize("name", ["resnet18.c", "resnet50", "googlenet", "enet"])
def test_he_initialisation(name: str) -> None:
    """Variance 2 / fan_in: what reaches one output, over all layers alike; biases zero."""
    for _, part in weighted(name):
        assert_spread(part.weight, 2 / part.weight[0].numel())
        assert part.bias is None or not part.bias.any()


def test_glorot_initialisation_of_vgg() -> None:
    for _, part in weighted("vgg11"):
        fan_in = part.weight[0].numel()
        fan_out = part.weight[:, 0].numel()
        assert_spread(part.weight, 2 / (fan_in + fan_out))
        assert part.weight.abs().max() <= (6 / (fan_in + fan_out)) ** 0.5


def test_gaussian_initialisation_of_alexnet() -> None:
    """§5: 0.01 everywhere; biases of one in the second, fourth and fifth convolution and the hidden linear layers."""
    ones = set()
    for path, part in weighted("alexnet"):
        assert_spread(part.weight, 0.01**2)
        assert part.bias.unique().numel() == 1
        if part.bias[0] == 1:
            ones.add(path.split(".")[0])
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"}


def test_prelu_starts_at_a_quarter() -> None:
    slopes = [part.weight for part in build(small("enet")).modules() if isinstance(part, nn.PReLU)]
    assert len(slopes) > 50
    assert all((slope == 0.25).all() for slope in slopes)


def test_seeds_decide_alone() -> None:
    before = torch.get_rng_state()
    torch.manual_seed(3)
    one = build(small("resnet20"), seed=5).state_dict()
    torch.manual_seed(4)
    state = torch.get_rng_state()
    same = build(small("resnet20"), seed=5).state_dict()
    assert torch.equal(torch.get_rng_state(), state), "torch's own generator was used"
    other = build(small("resnet20"), seed=6).state_dict()
    torch.set_rng_state(before)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["conv1.conv.weight"], other["conv1.conv.weight"])


# Networks.


@pytest.mark.parametrize("name", SMALL)
def test_rows_lead_to_the_logits(name: str) -> None:
    model = build(small(name)).eval()
    x = images(2, *SMALL[name])
    with torch.no_grad():
        rows = model.forward_rows(x)
        logits = model(x)
    assert list(rows) == [row.name for row in model.network.rows]
    assert logits.shape == (2, 10)
    assert torch.equal(logits, rows[model.network.rows[-1].name])


def test_auxiliary_heads_answer_in_training_alone() -> None:
    model = build(small("googlenet"))
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    x = images(2, *SMALL["googlenet"])
    outputs = model.train()(x)
    rows = model.forward_rows(x)
    assert isinstance(outputs, Outputs)
    torch.testing.assert_close(outputs.logits, rows["linear"])
    for found, name in zip(outputs.auxiliary, ("aux1", "aux2"), strict=True):
        torch.testing.assert_close(found, rows[name])
    assert isinstance(model.eval()(x), Tensor)
    without = build(model.network.without_auxiliary()).train()
    assert isinstance(without(x), Tensor)
    assert not any(name.startswith("aux") for name in without.state_dict())


def test_googlenet_can_be_exported() -> None:
    model = build(small("googlenet")).eval()
    x = images(2, *SMALL["googlenet"])
    program = torch.export.export(model, (x,))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(x), model(x))


def test_a_residual_block_adds_its_input() -> None:
    """H(x) = F(x) + x: with F's last scale at zero a block is ReLU alone."""
    model = build(small("resnet20")).eval()
    block = model.get_submodule("conv2_2")
    nn.init.zeros_(block.get_submodule("sum.residual.bn2").weight)
    x = images(2, 16, 8, 8)
    assert torch.equal(block(x), x.clamp(min=0))


@pytest.mark.parametrize("name", ["googlenet.small", "resnet20"])
def test_torch_compile_takes_the_module_whole(name: str) -> None:
    network = networks.get(name, input=(3, 16, 16))
    model = build(network).train()
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    whole, plain = compiled(images), model(images)
    if network.taps:
        torch.testing.assert_close(whole.auxiliary, plain.auxiliary)
        whole, plain = whole.logits, plain.logits
    torch.testing.assert_close(whole, plain)


def test_hooks_see_every_row() -> None:
    model = build(networks.get("googlenet.small", input=(3, 16, 16))).eval()
    seen = []
    for name, child in model.named_children():
        child.register_forward_hook(lambda *_, name=name: seen.append(name))
    model.forward_rows(torch.zeros(1, 3, 16, 16))
    assert seen == [row.name for row in model.network.rows]
