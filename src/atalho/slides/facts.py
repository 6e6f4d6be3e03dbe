"""Numbers that the lecture's sentences name, worked out from the tables once for all stations."""

from collections.abc import Mapping
from math import log, prod
from typing import Any

from atalho.claims import inception, residual
from atalho.claims.inception import TABLE, K, M
from atalho.claims.tables import Tables
from atalho.grammar.cost import auxiliary, cost, network_depth
from atalho.grammar.layers import Conv, Layer, walk
from atalho.networks.googlenet import MODULES
from atalho.networks.resnet import basic, bottleneck

G = 10**9
MAP = 56
"""The side of the maps on which the lecture compares blocks."""


def block_weights(layer: Layer, channels: int) -> int:
    """Returns the weights of a block's convolutions, for an input of so many channels; the block keeps the size of maps."""
    return cost(layer, (channels, MAP, MAP)).macs // MAP**2


def facts(tables: Tables) -> Mapping[str, Any]:
    """Returns the numbers by the names that messages give them: counts as whole numbers, the rest in the message's unit."""
    return {**_reduction(tables), **_googlenet(tables), **_residual(tables), **_training()}


def _reduction(tables: Tables) -> dict[str, Any]:
    """Module 4a and its 5×5 branch."""
    branch = inception.five_by_five(tables)
    line = tables.lines("googlenet")["inception_4a"]
    naive = tables.lines("googlenet.naive")
    channels, height, width = line.input
    filters = MODULES["4a"][0]
    own, without = line.cost, cost(naive["inception_4a"].row.layer, line.input)
    modules = [f"inception_{key}" for key in MODULES]
    reduced = tables.lines("googlenet")
    times = [
        cost(naive[row].row.layer, reduced[row].input).weights / reduced[row].cost.weights
        for row in modules
    ]
    return {
        "channels": channels,
        "height": height,
        "width": width,
        "between": filters.reduce5x5,
        "filters5": filters.conv5x5,
        "naive_macs": branch.naive.macs,
        "reduce_macs": branch.reduce.macs,
        "after_macs": branch.conv.macs,
        "reduced_macs": branch.reduced.macs,
        "macs_ratio": branch.naive.macs / branch.reduced.macs,
        "naive_weights": branch.naive.weights,
        "reduced_weights": branch.reduced.weights,
        "naive_params": branch.naive.params,
        "reduced_params": branch.reduced.params,
        "module_naive_weights": without.weights,
        "module_weights": own.weights,
        "module_ratio": without.weights / own.weights,
        "least_ratio": min(times),
        "most_ratio": max(times),
        "pool_weights": channels * filters.pool_proj,
        "naive_output": filters.conv1x1 + filters.conv3x3 + filters.conv5x5 + channels,
        "output": line.output[0],
    }


def _googlenet(tables: Tables) -> dict[str, Any]:
    """GoogLeNet as a whole, and AlexNet beside it."""
    lines, whole = tables.lines("googlenet"), tables.totals("googlenet")
    separable, alexnet = tables.totals("googlenet.separable"), tables.totals("alexnet")
    heads = auxiliary(tables.network("googlenet"))
    linear = lines["linear"].cost
    maps = lines["avgpool"].input
    flat = maps[0] * maps[1] * maps[2] * tables.network("googlenet").num_classes
    ungrouped = sum(
        line.cost.macs
        * prod(leaf.groups for _, leaf in walk(line.row.layer) if isinstance(leaf, Conv))
        for line in tables.lines("alexnet").values()
    )
    printed_params = sum(row.params or 0 for row in TABLE.values())
    printed_macs = sum(row.macs or 0 for row in TABLE.values())
    of_rows = [tables.lines("googlenet.separable")[row].cost for row in TABLE]
    return {
        "pool_side": maps[1],
        "pool_channels": maps[0],
        "classes": tables.network("googlenet").num_classes,
        "flat_weights": flat,
        "linear_weights": linear.weights,
        "linear_params": linear.params,
        "linear_share": 100 * linear.params / whole.params,
        "flat_ratio": flat / linear.weights,
        "google_params": whole.params,
        "google_weights": whole.weights,
        "separable_weights": separable.weights,
        "body_params": (whole.params - linear.params) / M,
        "with_heads": whole.params + heads.params,
        "head_params": heads.params,
        "alexnet_params": alexnet.params,
        "alexnet_ratio": alexnet.params / whole.params,
        "alexnet_body_ratio": alexnet.params / (whole.params - linear.params),
        "alexnet_five": alexnet.params / (5 * M),
        "google_macs": whole.macs,
        "separable_macs": separable.macs,
        "alexnet_macs": alexnet.macs,
        "macs_more": whole.macs / alexnet.macs,
        "separable_more": separable.macs / alexnet.macs,
        "ungrouped_macs": ungrouped,
        "ungrouped_more": whole.macs / ungrouped,
        "printed_params": printed_params,
        "printed_millions": printed_params * K / M,
        "rows_params": sum(each.weights for each in of_rows) / K,
        "printed_macs": printed_macs,
        "rows_macs": sum(each.macs for each in of_rows) / M,
        "biased_3a": lines["inception_3a"].cost.params / K,
        "biased_3b": lines["inception_3b"].cost.params / K,
        "biased_linear": linear.params / K,
        "google_depth": network_depth(tables.network("googlenet")),
    }


def _residual(tables: Tables) -> dict[str, Any]:
    """Blocks of residual networks, and what their networks cost."""
    pair, narrow, wide = (
        block_weights(basic(64, 1), 64),
        block_weights(bottleneck(64, 1), 256),
        block_weights(basic(256, 1), 256),
    )
    projected = narrow + block_weights(Conv(256, 1), 256)
    rows = tables.lines("resnet34")
    before = list(rows)[: list(rows).index("conv3_1")]
    return {
        "small": rows["conv3_1"].output[1],
        "first_small": sum(rows[name].depth for name in before) + 1,
        "basic_weights": pair,
        "bottleneck_weights": narrow,
        "block_ratio": narrow / pair,
        "basic_macs": pair * MAP**2 / M,
        "bottleneck_macs": narrow * MAP**2 / M,
        "wide_weights": wide,
        "wide_ratio": wide / narrow,
        "projected_weights": projected,
        "projected_ratio": projected / narrow,
        **{
            f"{name}_gmacs": tables.totals(name).macs / G
            for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
        },
        **{
            f"{name}_{option}_gmacs": tables.totals(f"{name}.{option}").macs / G
            for name, option in (
                ("resnet18", "b"),
                ("resnet34", "b"),
                ("resnet50", "a"),
                ("resnet101", "a"),
                ("resnet152", "a"),
                ("resnet50", "v1_5"),
                ("resnet101", "v1_5"),
                ("resnet152", "v1_5"),
            )
        },
        **{
            f"vgg{depth}_convolutions": sum(
                line.cost.macs
                for line in tables.lines(f"vgg{depth}").values()
                if line.row.kind == "convolution"
            )
            / G
            for depth in (16, 19)
        },
        **{f"vgg{depth}_gmacs": tables.totals(f"vgg{depth}").macs / G for depth in (16, 19)},
    }


def _training() -> dict[str, Any]:
    """What the training details come to."""
    return {
        "he_power": residual.power_after(34, 2),
        "xavier_power": residual.power_after(34, 1),
        "halved_power": residual.power_after(34, 0.5),
        "tenfold_epochs": 8 * log(10) / -log(0.96),
    }
