"""Weights of torchvision's and timm's own modules, renamed and loaded, give their logits; files and errors."""

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torchvision
from torch import Tensor, nn

from atalho import networks
from atalho.errors import AtalhoError, Exit
from atalho.grammar.module import Model, Outputs, build
from atalho.grammar.network import Network
from atalho.weights import layouts, statedict, tensorfile

RESNETS = ["resnet18.b", "resnet34.b", "resnet50.v1_5", "resnet101.v1_5", "resnet152.v1_5"]
VGGS = [f"vgg{depth}{variant}" for depth in (11, 13, 16, 19) for variant in ("", ".bn")]


def unallocated(make: Callable[[], nn.Module]) -> nn.Module:
    """A module whose memory was reserved and not filled: initialising VGG takes longer than running it."""
    with torch.device("meta"):
        made = make()
    return made.to_empty(device="cpu")


def no_dropout(model: nn.Module) -> nn.Module:
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return model


def randomised(model: nn.Module, images: Tensor) -> None:
    """Gives every tensor numbers of its own, so that two exchanged ones show; BatchNorm's statistics are those of `images`."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(65_537, generator=generator)
    norms = []
    for part in no_dropout(model).modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            # Numbers drawn once, turned and repeated: VGG's 140 million would take most of the test's time.
            numbers = normal.roll(int(torch.randint(65_537, (), generator=generator)))
            numbers *= (2 / part.weight[0].numel()) ** 0.5
            for chunk in part.weight.data.view(-1).split(len(numbers)):
                chunk.copy_(numbers[: len(chunk)])
            if part.bias is not None:
                nn.init.uniform_(part.bias, -0.1, 0.1, generator=generator)
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            nn.init.uniform_(part.weight, 0.5, 1.5, generator=generator)
            nn.init.uniform_(part.bias, -0.5, 0.5, generator=generator)
            norms.append((part, part.momentum))
            part.momentum = 1.0
    if norms:
        with torch.no_grad():
            model.train()(images)
    for norm, momentum in norms:
        norm.momentum = momentum


def of_torchvision(name: str) -> nn.Module:
    base, _, variant = name.partition(".")
    options = {"init_weights": False} if base in ("googlenet", "inception_v3") else {}
    make = getattr(torchvision.models, f"{base}_bn" if name.startswith("vgg") and variant else base)
    return unallocated(lambda: make(weights=None, **options))


def of_timm(name: str, **options: object) -> nn.Module:
    timm = pytest.importorskip("timm")
    base, _, variant = name.partition(".")
    known = f"{base}_bn" if name.startswith("vgg") and variant else base
    return unallocated(lambda: timm.create_model(known, **options))


def answers(model: nn.Module, images: Tensor) -> list[Tensor]:
    """Logits in eval mode, then in training mode with those of the auxiliary heads, from the input on."""
    with torch.no_grad():
        given = [model.eval()(images)]
        output = model.train()(images)
    match output:
        case Tensor():
            return [*given, output]
        case Outputs():
            return [*given, output.logits, *output.auxiliary]
        case _:  # torchvision's googlenet names the second head first
            return [*given, output[0], *reversed(output[1:])]


def assert_same_network(theirs: nn.Module, network: Network, convert: Callable[..., dict]) -> None:
    count = 1 if network.name.startswith("vgg") else 2
    images = torch.randn(count, *network.input, generator=torch.Generator().manual_seed(1))
    randomised(theirs, images)
    ours = no_dropout(unallocated(lambda: Model(network)))
    statedict.load(ours, convert(network, theirs.state_dict()))
    for own, other in zip(answers(ours, images), answers(theirs, images), strict=True):
        assert other.std() > 0.1
        torch.testing.assert_close(own, other, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", RESNETS)
def test_torchvision_resnet(name: str) -> None:
    network = networks.get(name, input=(3, 64, 64))
    assert_same_network(of_torchvision(name), network, statedict.from_torchvision)


@pytest.mark.parametrize("name", VGGS)
def test_torchvision_vgg(name: str) -> None:
    assert_same_network(of_torchvision(name), networks.get(name), statedict.from_torchvision)


@pytest.mark.parametrize("size", [96, 224])
def test_torchvision_alexnet(size: int) -> None:
    network = networks.get("alexnet.owt", input=(3, size, size))
    assert_same_network(of_torchvision(network.name), network, statedict.from_torchvision)


def test_torchvision_googlenet() -> None:
    network = networks.get("googlenet.bn", input=(3, 96, 96))
    assert_same_network(of_torchvision(network.name), network, statedict.from_torchvision)


def test_torchvision_inception_v3() -> None:
    network = networks.get("inception_v3")
    assert_same_network(of_torchvision(network.name), network, statedict.from_torchvision)


@pytest.mark.parametrize(
    ("name", "size"),
    [("resnet18.b", 64), ("resnet50.v1_5", 64), ("vgg11.bn", 224), ("inception_v4", 128)],
)
def test_timm(name: str, size: int) -> None:
    network = networks.get(name, input=(3, size, size))
    assert_same_network(of_timm(name), network, statedict.from_timm)


def test_timm_inception_v3_has_no_auxiliary_head() -> None:
    network = networks.get("inception_v3").without_auxiliary()
    assert_same_network(of_timm(network.name), network, statedict.from_timm)


@pytest.mark.parametrize("library", ["torchvision", "timm", "caffe"])
def test_keys_of_every_network_that_a_library_has(library: layouts.Library) -> None:
    """One key of ours for each of theirs, in our module's order, of the same size."""
    for name in layouts.RULES[library]:
        network = networks.get(name)
        if library == "torchvision":
            theirs = of_torchvision(name).state_dict()
        else:
            heads = {"aux_logits": True} if network.taps else {}
            theirs = of_timm(name, **heads).state_dict()
        with torch.device("meta"):
            ours = Model(network).state_dict()
        pairs = layouts.pairs(network, library)
        assert [own for own, _ in pairs] == list(ours) == layouts.keys(network)
        assert {other for _, other in pairs} == theirs.keys()
        assert all(ours[own].numel() == theirs[other].numel() for own, other in pairs)


@pytest.mark.parametrize("name", networks.CATALOGUE)
def test_own_keys_are_the_modules(name: str) -> None:
    network = networks.get(name)
    with torch.device("meta"):
        assert layouts.keys(network) == list(Model(network).state_dict())


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("resnet50", "resnet50.v1_5"),
        ("resnet152.b", "resnet152.v1_5"),
        ("resnet18", "resnet18.b"),
        ("resnet34.c", "resnet34.b"),
        ("googlenet", "googlenet.bn"),
        ("googlenet.small", "googlenet.bn"),
        ("alexnet", "alexnet.owt"),
        ("vgg16.c", "vgg16 or vgg16.bn"),
    ],
)
def test_other_arithmetic_is_refused_and_the_variant_named(name: str, variant: str) -> None:
    with pytest.raises(AtalhoError, match=f"those of {variant} can") as error:
        statedict.from_torchvision(networks.get(name), {})
    assert error.value.code == "CHECKPOINT-LAYOUT"
    assert error.value.exit == Exit.CHECKPOINT


@pytest.mark.parametrize("name", ["resnet20", "plain34", "nin", "enet", "inception_v4"])
def test_networks_that_torchvision_does_not_have(name: str) -> None:
    with pytest.raises(AtalhoError, match="torchvision has no network with this arithmetic"):
        statedict.to_torchvision(networks.get(name), {})


# Small networks from here on.


@pytest.fixture(scope="module")
def resnet() -> Model:
    return build(networks.get("resnet18.b", input=(3, 32, 32), num_classes=5))


@pytest.fixture(scope="module")
def inception() -> Model:
    return build(networks.get("googlenet.bn", input=(3, 64, 64), num_classes=5))


def assert_equal(one: statedict.State, other: statedict.State) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_round_trips(inception: Model) -> None:
    network, state = inception.network, inception.state_dict()
    theirs = statedict.to_torchvision(network, state)
    assert "inception3a.branch2.0.conv.weight" in theirs
    assert_equal(statedict.from_torchvision(network, theirs), state)


def test_round_trip_through_timms_vgg() -> None:
    """timm keeps fc6 as a 7×7 convolution."""
    network = networks.get("vgg11", num_classes=2)
    with torch.device("meta"):
        state = Model(network).state_dict()
    state["fc6.linear.weight"] = torch.arange(4096 * 512 * 49, dtype=torch.float32).view(4096, -1)
    theirs = statedict.to_timm(network, state)
    assert theirs["pre_logits.fc1.weight"].shape == (4096, 512, 7, 7)
    assert theirs["pre_logits.fc2.weight"].shape == (4096, 4096, 1, 1)
    ours = statedict.from_timm(network, theirs)
    assert torch.equal(ours["fc6.linear.weight"], state["fc6.linear.weight"])


def test_layout_is_recognised_by_its_keys(resnet: Model, inception: Model) -> None:
    for model in (resnet, inception):
        network, state = model.network, model.state_dict()
        theirs = statedict.to_torchvision(network, state)
        assert statedict.layout(network, state) == "atalho"
        assert statedict.layout(network, theirs) == "torchvision"
        assert_equal(statedict.to_atalho(network, theirs), state)
        assert_equal(statedict.to_atalho(network, state), state)


def test_timms_layout_is_recognised_where_it_differs() -> None:
    for name in ("vgg11.bn", "inception_v4"):
        network = networks.get(name)
        with torch.device("meta"):
            theirs = statedict.to_timm(network, Model(network).state_dict())
        assert statedict.layout(network, theirs) == "timm"


def test_no_layout(resnet: Model) -> None:
    with pytest.raises(AtalhoError, match=r"these weights \(encoder\.weight\)") as error:
        statedict.layout(resnet.network, {"encoder.weight": torch.zeros(1)})
    assert error.value.code == "CHECKPOINT-LAYOUT"


def test_heads_may_be_absent(inception: Model) -> None:
    network, state = inception.network, inception.state_dict()
    alone = statedict.without_auxiliary(network, state)
    assert not any(key.startswith("aux") for key in alone)
    theirs = statedict.to_torchvision(network, alone)
    assert_equal(statedict.from_torchvision(network, theirs), alone)
    statedict.load(build(network.without_auxiliary(), seed=1), alone)
    with pytest.raises(AtalhoError, match=r"missing \(aux1\.conv\.weight"):
        statedict.load(inception, alone)


def test_half_a_head_is_refused(inception: Model) -> None:
    theirs = statedict.to_torchvision(inception.network, inception.state_dict())
    del theirs["aux1.fc1.weight"]
    with pytest.raises(AtalhoError, match=r"1 missing \(aux1\.fc1\.weight\)"):
        statedict.from_torchvision(inception.network, theirs)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."]
)
def test_prefixes_are_stripped(resnet: Model, prefix: str) -> None:
    state = resnet.state_dict()
    prefixed = {f"{prefix}{key}": tensor for key, tensor in state.items()}
    assert_equal(statedict.to_atalho(resnet.network, prefixed), state)


def test_counters_that_old_files_lack_are_zero(resnet: Model) -> None:
    theirs = statedict.to_torchvision(resnet.network, resnet.state_dict())
    old = {key: tensor for key, tensor in theirs.items() if not key.endswith(layouts.COUNTER)}
    assert len(old) < len(theirs)
    assert_equal(statedict.from_torchvision(resnet.network, old), resnet.state_dict())


# Strictness.


def failure(model: Model, state: statedict.State) -> AtalhoError:
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    with pytest.raises(AtalhoError) as error:
        statedict.load(model, state)
    assert error.value.exit == Exit.CHECKPOINT
    assert_equal(model.state_dict(), before)
    return error.value


def test_load_puts_every_tensor_in(resnet: Model) -> None:
    other = build(resnet.network, seed=1)
    statedict.load(other, resnet.state_dict())
    assert_equal(other.state_dict(), resnet.state_dict())


def test_missing_and_unexpected_keys(resnet: Model) -> None:
    state = resnet.state_dict()
    state["fc.extra"] = state.pop("fc.linear.bias")
    error = failure(build(resnet.network), state)
    assert error.code == "CHECKPOINT-KEYS"
    assert "1 missing (fc.linear.bias) and 1 unexpected (fc.extra)" in error.cause


def test_many_missing_keys_are_not_all_listed(resnet: Model) -> None:
    error = failure(build(resnet.network), {})
    assert f"{len(resnet.state_dict())} missing" in error.cause
    assert error.cause.count("weight") <= statedict.SHOWN
    assert "…" in error.cause


def test_other_shapes(resnet: Model) -> None:
    other = networks.get("resnet18.b", input=(3, 32, 32), num_classes=7)
    error = failure(build(other), resnet.state_dict())
    assert error.code == "CHECKPOINT-SHAPE"
    assert "fc.linear.weight is 5x512, the network's 7x512" in error.cause
    assert "fc.linear.bias is 5, the network's 7" in error.cause


def test_other_dtypes(resnet: Model) -> None:
    state = resnet.state_dict()
    state["fc.linear.weight"] = state["fc.linear.weight"].half()
    error = failure(build(resnet.network), state)
    assert error.code == "CHECKPOINT-DTYPE"
    assert "torch.float16, the network's torch.float32" in error.cause


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none(resnet: Model, number: float) -> None:
    state = {key: tensor.clone() for key, tensor in resnet.state_dict().items()}
    state["conv1.bn.running_var"][3] = number
    error = failure(build(resnet.network), state)
    assert error.code == "CHECKPOINT-NUMBERS"
    assert "conv1.bn.running_var" in error.cause


def test_a_checkpoint_in_place_of_its_weights(resnet: Model) -> None:
    error = failure(build(resnet.network), {"state_dict": resnet.state_dict(), "epoch": 3})
    assert error.code == "CHECKPOINT-KEYS"
    assert "2 unexpected (epoch, state_dict)" in error.cause


def test_any_module_can_be_loaded() -> None:
    layer = nn.Linear(2, 2)
    statedict.load(layer, {"weight": torch.eye(2), "bias": torch.zeros(2)})
    assert torch.equal(layer(torch.ones(1, 2)), torch.ones(1, 2))
    with pytest.raises(AtalhoError, match="Linear"):
        statedict.load(layer, {})
    statedict.load(empty := nn.Embedding(0, 2), empty.state_dict())


# Files.


def test_files_give_back_what_was_saved(resnet: Model, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    channels_last = build(resnet.network).to(memory_format=torch.channels_last)
    statedict.load(channels_last, resnet.state_dict())
    tensors = tensorfile.separate(channels_last.state_dict())
    safetensors.torch.save_file(tensors, path, {"network": "resnet18.b"})
    state, metadata = tensorfile.read(path)
    assert_equal(state, resnet.state_dict())
    assert metadata == {"network": "resnet18.b"}
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    torn = tmp_path / "torn.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(100)}, torn)
    torn.write_bytes(torn.read_bytes()[:-1])
    for path in (tmp_path / "none.safetensors", torn, tmp_path):
        with pytest.raises(AtalhoError) as error:
            tensorfile.read(path)
        assert (error.value.code, error.value.exit) == ("CHECKPOINT-READ", Exit.CHECKPOINT)
