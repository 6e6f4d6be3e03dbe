"""Every network against three witnesses: its built module, torch's FLOP counter, and what its paper prints."""

from functools import cache
from math import prod
from typing import NamedTuple

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from atalho import networks
from atalho.errors import AtalhoError, Exit
from atalho.grammar.cost import auxiliary, cost, lines, network_depth, total, totals
from atalho.grammar.layers import Concat, Conv, Dropout, walk
from atalho.grammar.module import Model
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape
from atalho.networks import CATALOGUE, resnet, vgg
from atalho.networks.googlenet import MODULES, naive_inception


class Witness(NamedTuple):
    """What torch says of a network's module."""

    params: int
    flops: int
    shapes: dict[str, Shape]


def witness(network: Network) -> Witness:
    """Built and run without numbers (device `meta`), auxiliary heads included."""
    with torch.device("meta"):
        model = Model(network).eval()
        images = torch.empty(2, *network.input)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        rows = model.forward_rows(images)
    params = sum(parameter.numel() for parameter in model.parameters())
    shapes = {name: tuple(output.shape[1:]) for name, output in rows.items()}
    return Witness(params, counter.get_total_flops() // 2, shapes)


def other(name: str) -> Network:
    """The network for larger images, wider than high, and 7 classes."""
    channels, height, width = networks.get(name).input
    return networks.get(name, input=(channels, height + 32, width + 64), num_classes=7)


@pytest.mark.parametrize("changed", [False, True], ids=["printed", "changed"])
@pytest.mark.parametrize("name", CATALOGUE)
def test_table_and_module_agree(name: str, changed: bool) -> None:
    network = other(name) if changed else networks.get(name)
    built = witness(network)
    both = total([totals(network), auxiliary(network)])
    assert both.params == built.params
    assert both.flops == built.flops
    assert {line.row.name: line.output for line in lines(network)} == built.shapes


@pytest.mark.parametrize("name", [name for name in CATALOGUE if networks.get(name).taps])
def test_auxiliary_heads_are_counted_apart(name: str) -> None:
    network = networks.get(name)
    alone = network.without_auxiliary()
    built = witness(alone)
    assert totals(network) == totals(alone)
    assert (totals(network).params, totals(network).flops) == (built.params, built.flops)
    assert auxiliary(network).params > 0
    assert not any(auxiliary(alone))


@pytest.mark.parametrize("name", CATALOGUE)
def test_described(name: str) -> None:
    network = networks.get(name)
    assert network.name == name
    assert network.changes or "." not in name, "a variant says what it changes"
    assert "\n" not in network.changes
    assert str(network.source.year) in str(network.source)


@pytest.mark.parametrize(
    ("name", "depth"),
    [(name, networks.get(name).printed.depth) for name in CATALOGUE if "." not in name],
)
def test_depth_as_printed(name: str, depth: int | None) -> None:
    """Where the paper prints none for this table: the longest path, added up over its blocks."""
    unprinted = {
        "inception_v3": 5 + 3 * 3 + 3 + 4 * 5 + 4 + 2 * 3 + 1,
        "inception_v4": 9 + 4 * 3 + 3 + 7 * 5 + 4 + 3 * 4 + 1,
        "enet": 1 + 5 * 3 + 3 + 2 * (6 * 3 + 2 * 4) + 1,
    }
    assert network_depth(networks.get(name)) == (depth or unprinted[name])


# What the papers print, and what published implementations have.


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("alexnet", 60_965_224),
        ("alexnet.owt", 61_100_840),
        ("vgg11", 132_863_336),
        ("vgg13", 133_047_848),
        ("vgg16", 138_357_544),
        ("vgg19", 143_667_240),
        ("vgg11.bn", 132_868_840),
        ("vgg13.bn", 133_053_736),
        ("vgg16.bn", 138_365_992),
        ("vgg19.bn", 143_678_248),
        ("googlenet", 6_998_552),
        ("googlenet.bn", 6_624_904),
        ("inception_v3", 23_834_568),
        ("inception_v4", 42_679_816),
        ("resnet18.b", 11_689_512),
        ("resnet34.b", 21_797_672),
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
        ("resnet152", 60_192_808),
        ("resnet20", 269_722),
        ("resnet32", 464_154),
        ("resnet44", 658_586),
        ("resnet56", 853_018),
        ("resnet110", 1_727_962),
        ("resnet1202", 19_421_274),
    ],
)
def test_parameters(name: str, params: int) -> None:
    assert totals(networks.get(name)).params == params


@pytest.mark.parametrize(
    ("name", "params"),
    [("googlenet", 13_378_280), ("googlenet.bn", 13_004_888), ("inception_v3", 27_161_264)],
)
def test_parameters_with_auxiliary_heads(name: str, params: int) -> None:
    network = networks.get(name)
    assert totals(network).params + auxiliary(network).params == params


@pytest.mark.parametrize(
    ("name", "gmacs"),
    [
        ("resnet18", "1.795"),
        ("resnet34", "3.644"),
        ("resnet18.b", "1.814"),
        ("resnet34.b", "3.664"),
        ("resnet50", "3.858"),
        ("resnet101", "7.570"),
        ("resnet152", "11.282"),
        ("resnet50.a", "3.498"),
        ("resnet101.a", "7.211"),
        ("resnet152.a", "10.923"),
        ("resnet50.v1_5", "4.089"),
        ("resnet101.v1_5", "7.801"),
        ("resnet152.v1_5", "11.514"),
        ("vgg16", "15.470"),
        ("vgg19", "19.632"),
        ("googlenet.bn", "1.498"),
        ("inception_v3", "5.713"),
        ("alexnet", "0.724"),
    ],
)
def test_macs(name: str, gmacs: str) -> None:
    assert f"{totals(networks.get(name)).macs / 1e9:.3f}" == gmacs


def test_resnet152_to_the_last_mac() -> None:
    assert totals(networks.get("resnet152")).macs == 11_282_415_616


@pytest.mark.parametrize("depth", resnet.BLOCKS)
def test_resnet_operations_as_printed(depth: int) -> None:
    """Table 1's FLOPs, rounded; but those of 50 layers, 3.86, are printed as 3.8."""
    printed = networks.get(f"resnet{depth}").printed.macs
    computed = totals(networks.get(f"resnet{depth}")).macs / 1e9
    assert printed == {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}[depth]
    assert (round(computed, 1) == printed) is (depth != 50)


@pytest.mark.parametrize(
    ("name", "printed"),
    [("vgg11", 133), ("vgg13", 133), ("vgg16.c", 134), ("vgg16", 138), ("vgg19", 144)],
)
def test_vgg_parameters_as_printed(name: str, printed: int) -> None:
    network = networks.get(name)
    assert round(totals(network).params / 1e6) == printed == network.printed.params


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110, 1202])
def test_cifar_resnets_as_printed(depth: int) -> None:
    """Table 6, to the digits that it prints."""
    printed = resnet.PRINTED_MPARAMS[depth]
    digits = len(str(printed).partition(".")[2])
    assert round(totals(networks.get(f"resnet{depth}")).params / 1e6, digits) == printed


def test_option_a_and_plain_networks_have_the_same_parameters() -> None:
    """§4.2: "our residual models have exactly the same depth, width, and number of parameters as the plain counterparts"."""
    for depth in (20, 32, 44, 56, 110):
        residual, plain = networks.get(f"resnet{depth}"), networks.get(f"plain{depth}")
        assert totals(residual).params == totals(plain).params
        assert totals(residual).macs == totals(plain).macs
        assert network_depth(residual) == network_depth(plain) == depth


def test_shortcut_options() -> None:
    """§4.1: C projects in thirteen shortcuts of ResNet-34 more than B, which projects in three."""

    def projections(name: str) -> int:
        paths = (path for row in networks.get(name).rows for path, _ in walk(row.layer))
        return sum(path == "sum.shortcut.conv" for path in paths)

    assert [projections(f"resnet34{option}") for option in ("", ".a", ".b", ".c")] == [0, 0, 3, 16]


def test_vgg_configurations_of_table_1() -> None:
    """As many weight layers as the columns' heads say: 11, 13, 16, 16, 19."""
    counts = [sum(map(len, stages)) + 3 for stages, _ in vgg.CONFIGURATIONS.values()]
    assert counts == [11, 13, 16, 16, 19]


def test_enet_shapes_as_printed() -> None:
    """Table 1, for an input of 512×512, and its decoder's share of the 0.37 million parameters (Table 3)."""
    network = networks.get("enet", input=(3, 512, 512))
    outputs = {line.row.name: line.output for line in lines(network)}
    assert outputs["initial"] == (16, 256, 256)
    assert {outputs[f"bottleneck1_{index}"] for index in range(5)} == {(64, 128, 128)}
    assert {outputs[f"bottleneck2_{index}"] for index in range(9)} == {(128, 64, 64)}
    assert {outputs[f"bottleneck3_{index}"] for index in range(1, 9)} == {(128, 64, 64)}
    assert sum(name.startswith("bottleneck") for name in outputs) == 22
    encoder = totals(network).params - (128 * 1000 + 1000)
    assert 0.33e6 < encoder < 0.37e6


def test_enet_bottlenecks() -> None:
    """Weights of one bottleneck of each type, added up from its kernels."""
    weights = {
        line.row.name: line.cost.macs // prod(line.output[1:])
        for line in lines(networks.get("enet"))
    }
    ends = 128 * 32 + 32 * 128
    assert weights["bottleneck2_1"] == ends + 9 * 32 * 32
    assert weights["bottleneck2_2"] == ends + 9 * 32 * 32
    assert weights["bottleneck2_3"] == ends + 2 * 5 * 32 * 32
    assert weights["bottleneck2_0"] == 4 * 64 * 32 + 9 * 32 * 32 + 32 * 128


def test_enet_dilations_and_dropout() -> None:
    """Table 1's dilated bottlenecks; §4: spatial dropout of 1 % before bottleneck 2.0, of 10 % from there on."""
    rows = networks.get("enet").rows
    leaves = [leaf for row in rows for _, leaf in walk(row.layer)]
    dilations = [leaf.dilation for leaf in leaves if isinstance(leaf, Conv) and leaf.dilation > 1]
    assert dilations == [2, 4, 8, 16] * 2
    dropouts = [leaf for leaf in leaves if isinstance(leaf, Dropout)]
    assert dropouts == [Dropout(0.01, spatial=True)] * 5 + [Dropout(0.1, spatial=True)] * 17


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("alexnet", [0.5, 0.5]),
        ("alexnet.owt", [0.5, 0.5]),
        ("vgg16", [0.5, 0.5]),
        ("vgg16.bn", [0.5, 0.5]),
        ("nin", [0.5]),
        ("googlenet", [0.7, 0.7, 0.4]),
        ("googlenet.bn", [0.7, 0.7, 0.2]),
        ("inception_v3", [0.5]),
        ("inception_v4", [0.2]),
        ("resnet152", []),
        ("resnet1202", []),
    ],
)
def test_dropout(name: str, rates: list[float]) -> None:
    leaves = [leaf for row in networks.get(name).rows for _, leaf in walk(row.layer)]
    assert [leaf.p for leaf in leaves if isinstance(leaf, Dropout)] == rates


def test_nin_as_published() -> None:
    """The authors' file of float32 weights has 29 MB; Caffe's maps are 54, 27, 13 and 6."""
    network = networks.get("nin")
    assert round(totals(network).params * 4 / 2**20) == 29
    outputs = {line.row.name: line.output for line in lines(network)}
    maps = [outputs[name][1] for name in ("mlpconv1", "pool1", "pool2", "pool3")]
    assert maps == [54, 27, 13, 6]


def test_inception_v4_maps_as_printed() -> None:
    """Figures 3 and 9: 35×35×384, 17×17×1024, 8×8×1536."""
    outputs = {line.row.name: line.output for line in lines(networks.get("inception_v4"))}
    assert outputs["mixed_3a"] == (160, 73, 73)
    assert outputs["mixed_4a"] == (192, 71, 71)
    assert outputs["mixed_5a"] == outputs["mixed_5e"] == (384, 35, 35)
    assert outputs["mixed_6a"] == outputs["mixed_6h"] == (1024, 17, 17)
    assert outputs["mixed_7a"] == outputs["mixed_7d"] == (1536, 8, 8)


def test_inception_v3_maps_as_printed() -> None:
    """Table 1's column of input sizes."""
    inputs = {line.row.name: line.input for line in lines(networks.get("inception_v3"))}
    assert inputs["mixed_5c"] == (256, 35, 35)
    assert inputs["mixed_6b"] == (768, 17, 17)
    assert inputs["mixed_7b"] == (1280, 8, 8)
    assert inputs["avgpool"] == (2048, 8, 8)


# GoogLeNet's Table 1.

#                 weights    MAC M   printed: params K, ops M
TABLE_1 = {
    "conv2": (114_688, 359.66, 112, 360),
    "inception_3a": (163_328, 128.05, 159, 128),
    "inception_3b": (388_096, 304.27, 380, 304),
    "inception_4a": (375_552, 73.61, 364, 73),
    "inception_4b": (448_512, 87.91, 437, 88),
    "inception_4c": (509_440, 99.85, 463, 100),
    "inception_4d": (604_672, 118.52, 580, 119),
    "inception_4e": (867_328, 170.00, 840, 170),
    "inception_5a": (1_042_432, 51.08, 1072, 54),
    "inception_5b": (1_442_816, 70.70, 1388, 71),
    "linear": (1_024_000, 1.02, 1000, 1),
}


@cache
def googlenet() -> Network:
    return networks.get("googlenet")


@pytest.mark.parametrize("name", TABLE_1)
def test_googlenet_table_1_recomputed(name: str) -> None:
    weights, mmacs, params, ops = TABLE_1[name]
    line = {line.row.name: line for line in lines(googlenet())}[name]
    assert line.cost.weights == weights
    assert round(line.cost.macs / 1e6, 2) == mmacs
    assert line.row.printed is not None
    assert (line.row.printed.params, line.row.printed.macs) == (params, ops)


def test_googlenet_table_1_where_the_paper_is_wrong() -> None:
    """Within one unit of what is printed, or not."""
    wrong_params = {
        name for name, (weights, _, printed, _) in TABLE_1.items() if weights // 1024 != printed
    }
    wrong_ops = {
        name for name, (_, mmacs, _, printed) in TABLE_1.items() if abs(mmacs - printed) >= 1
    }
    assert wrong_params == {f"inception_{key}" for key in MODULES} - {"inception_3a"}
    assert wrong_ops == {"inception_5a"}


def test_googlenet_first_row_counts_a_separable_convolution() -> None:
    dense = lines(googlenet())[0]
    separable = lines(networks.get("googlenet.separable"))[0]
    assert dense.output == separable.output == (64, 112, 112)
    assert (dense.cost.weights, separable.cost.weights) == (9_408, 2_712)
    assert round(separable.cost.macs / 1e6) == 34
    assert round(dense.cost.macs / 1e6) == 118


def test_googlenet_outputs_as_printed() -> None:
    """Table 1's column of output sizes."""
    outputs = {line.row.name: line.output for line in lines(googlenet())}
    assert outputs["conv1"] == (64, 112, 112)
    assert outputs["pool1"] == (64, 56, 56)
    assert outputs["conv2"] == (192, 56, 56)
    assert outputs["pool2"] == (192, 28, 28)
    modules = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    channels = [outputs[f"inception_{key}"][0] for key in modules]
    assert channels == [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    assert outputs["pool3"] == (480, 14, 14)
    assert outputs["pool4"] == (832, 7, 7)
    assert outputs["avgpool"] == (1024, 1, 1)


def test_reduction_in_4a() -> None:
    """The lecture's example: the 5×5 branch of module 4a, with its reduction and without."""
    module = googlenet().row("inception_4a").layer
    assert isinstance(module, Concat)
    branch = dict(module.parts)["branch5x5"]
    naive = dict(naive_inception(MODULES["4a"][0]).parts)["branch5x5"]
    shape = (480, 14, 14)
    assert cost(module["branch5x5.reduce"], shape).macs == 1_505_280
    assert cost(module["branch5x5.conv"], (16, 14, 14)).macs == 3_763_200
    assert cost(branch, shape).macs == 5_268_480
    assert cost(naive, shape).macs == 112_896_000
    assert cost(branch, shape).weights == 26_880
    assert cost(naive, shape).weights == 576_000


# The catalogue.


def test_unknown_network_names_the_nearest() -> None:
    with pytest.raises(AtalhoError, match="vgg16") as error:
        networks.get("vgg_16")
    assert error.value.code == "NETWORK-UNKNOWN"
    assert error.value.exit == Exit.USAGE


def test_a_network_of_no_class_is_refused() -> None:
    with pytest.raises(AtalhoError, match="at least one"):
        networks.get("resnet20", num_classes=0)
