"""The arithmetic behind the claims on GoogLeNet: functions of its tables."""

from math import prod
from typing import NamedTuple

from atalho.claims.claim import Result, percent
from atalho.claims.tables import Tables, after_convolutions
from atalho.grammar.cost import Cost, Line, auxiliary, cost, network_depth, total
from atalho.grammar.layers import Conv, Dropout, Join, Layer, Linear, MaxPool, ReLU, Tap, walk
from atalho.grammar.printed import agrees, precision
from atalho.grammar.shape import Shape, output_shape
from atalho.networks.googlenet import CLASSIFIER, MODULES, STEM

TABLE = {
    "conv1": STEM["conv1"],
    "conv2": STEM["conv2"],
    **{f"inception_{key}": printed for key, (_, printed) in MODULES.items()},
    "linear": CLASSIFIER,
}
"""The rows of Table 1 that have parameters, with the numbers that it prints for them."""

K, M = 1024, 10**6


def part(layer: Layer, path: str) -> Layer:
    """The part of a join at a dotted path."""
    assert isinstance(layer, Join)
    return layer[path]


def _naive(tables: Tables, row: str) -> Layer:
    return tables.network("googlenet.naive").row(row).layer


class FiveByFive(NamedTuple):
    """Costs of module 4a's 5×5 branch: directly on its input, or on a 1×1 reduction of it."""

    channels: tuple[int, int]
    naive: Cost
    reduce: Cost
    conv: Cost

    @property
    def reduced(self) -> Cost:
        return total([self.reduce, self.conv])


def five_by_five(tables: Tables) -> FiveByFive:
    line = tables.lines("googlenet")["inception_4a"]
    reduce = part(line.row.layer, "branch5x5.reduce")
    between = output_shape(reduce, line.input)
    return FiveByFive(
        (line.input[0], between[0]),
        cost(part(_naive(tables, "inception_4a"), "branch5x5.conv"), line.input),
        cost(reduce, line.input),
        cost(part(line.row.layer, "branch5x5.conv"), between),
    )


def concatenated(tables: Tables) -> Result:
    channels = [tables.lines("googlenet")[f"inception_{key}"].output[0] for key in MODULES]
    return Result(", ".join(map(str, channels)), "filters of the four branches, added up")


def naive_5x5(tables: Tables) -> Result:
    branch = five_by_five(tables)
    return Result(branch.naive.macs / M, f"module 4a's branch: {branch.naive.macs:,}")


def reduce_1x1(tables: Tables) -> Result:
    branch = five_by_five(tables)
    return Result(branch.reduce.macs / M, f"{branch.reduce.macs:,}")


def reduced_5x5(tables: Tables) -> Result:
    branch = five_by_five(tables)
    return Result(branch.conv.macs / M, f"{branch.conv.macs:,}")


def reduced_total(tables: Tables) -> Result:
    branch = five_by_five(tables)
    times = branch.naive.macs / branch.reduced.macs
    return Result(branch.reduced.macs / M, f"{branch.reduced.macs:,}, {times:.2f}× fewer")


def dimensions(tables: Tables) -> Result:
    before, after = five_by_five(tables).channels
    return Result(f"{before} → {after}", "channels into the 5×5", after < before)


def saving(tables: Tables) -> Result:
    branch = five_by_five(tables)
    before, after = branch.naive.macs, branch.reduced.macs
    return Result(before / after, f"{before:,} / {after:,}", after < before)


def parameters_of_reduction(tables: Tables) -> Result:
    branch = five_by_five(tables)
    before, after = branch.naive, branch.reduced
    rows = [f"inception_{key}" for key in MODULES]
    lines = tables.lines("googlenet")
    naive = {row: cost(_naive(tables, row), lines[row].input).weights for row in rows}
    times = [naive[row] / lines[row].cost.weights for row in rows]
    whole = lines["inception_4a"]
    pool = cost(part(whole.row.layer, "branch_pool"), whole.input).weights
    return Result(
        f"{before.weights:,} → {after.weights:,}",
        f"they fall {before.weights / after.weights:.2f}× ({before.params:,} → {after.params:,} with biases); all of 4a "
        f"{naive['inception_4a']:,} → {whole.cost.weights:,} "
        f"({naive['inception_4a'] / whole.cost.weights:.2f}×), the nine modules {min(times):.2f}× to "
        f"{max(times):.2f}×; what rises is the number of layers, and the pool branch (0 → {pool:,})",
        after.weights > before.weights,
    )


def naive_channels(tables: Tables) -> Result:
    line = tables.lines("googlenet")["inception_4a"]
    channels = output_shape(_naive(tables, "inception_4a"), line.input)[0]
    return Result(
        channels,
        f"4a's {line.input[0]} pooled channels pass on whole; with the projection it gives {line.output[0]}",
        channels > line.output[0],
    )


def average_pooling(tables: Tables) -> Result:
    channels, height, width = tables.lines("googlenet")["avgpool"].input
    classes = tables.network("googlenet").num_classes
    flat = height * width * channels * classes
    linear = tables.lines("googlenet")["linear"].cost.weights
    return Result(
        flat / linear,
        f"{height}·{width}·{channels}·{classes} = {flat:,} weights → {linear:,}",
        linear < flat,
    )


def _implied(line: Line, kilo: float) -> float:
    """The operations in millions of `kilo` K weights: each is used once at each output position (stride 1, no biases)."""
    return kilo * K * prod(line.output[1:]) / M


def weights_cell(row: str, tables: Tables) -> Result:
    line, printed = tables.lines("googlenet.separable")[row], TABLE[row]
    weights = line.cost.weights
    note = f"the row's filters give {weights:,} weights = {weights / K:.2f} K of {K:,}"
    assert printed.params is not None
    assert printed.macs is not None
    if not agrees(printed.params, weights / K):
        claimed = round(printed.params * K)
        side = "fewer" if claimed < weights else "more"
        half = float(precision(printed.params)) / 2
        implied = [_implied(line, printed.params + off) for off in (-half, 0, half)]
        consistent = any(agrees(printed.macs, macs) for macs in implied)
        note += (
            f" ({line.cost.params / K:.2f} K with biases); the printed {printed.params} K is {claimed:,}, "
            f"{abs(claimed - weights):,} {side}, and takes {implied[1]:.2f} M operations where the row prints "
            f"{printed.macs}: "
            + ("its two numbers agree with each other" if consistent else "no filters give both")
        )
    return Result(weights / K, note)


def conv1_weights(tables: Tables) -> Result:
    separable = tables.lines("googlenet.separable")["conv1"].cost.weights
    dense = tables.lines("googlenet")["conv1"].cost.weights
    return Result(
        separable / 1000,
        f"a depthwise separable conv1 (multiplier 8) has {separable:,} weights: 2.7 in thousands, but "
        f"{separable / K:.2f} in the other rows' K of {K:,}; the dense 7×7 that the table describes has {dense:,}",
    )


def operations_cell(row: str, tables: Tables) -> Result:
    line, printed = tables.lines("googlenet.separable")[row], TABLE[row]
    note = f"{line.cost.macs:,} multiply-accumulates"
    assert printed.params is not None
    assert printed.macs is not None
    if not agrees(printed.macs, line.cost.macs / M, truncation=False):
        note += f"; the row's printed {printed.params} K would take {_implied(line, printed.params):.2f} M"
    return Result(line.cost.macs / M, note)


def _rounding(cells: list[float]) -> float:
    """The largest error of a sum of rounded numbers: half a unit of the last digit for each."""
    return sum(float(precision(cell)) / 2 for cell in cells)


def params_column(tables: Tables) -> Result:
    cells = [printed.params for printed in TABLE.values() if printed.params is not None]
    weights = sum(tables.lines("googlenet.separable")[row].cost.weights for row in TABLE)
    return Result(
        weights / K,
        f"the rows' own filters add up to {weights:,} weights = {weights / M:.2f} M; rounding the cells explains "
        f"{_rounding(cells):g} K at most",
        abs(sum(cells) - weights / K) <= _rounding(cells),
    )


def operations_column(tables: Tables) -> Result:
    cells = [printed.macs for printed in TABLE.values() if printed.macs is not None]
    macs = tables.totals("googlenet.separable").macs
    dense = tables.totals("googlenet").macs
    return Result(
        macs / M,
        f"the rows' own filters add up to {macs:,} with the separable conv1, {dense:,} with the dense one; rounding the "
        f"cells explains {_rounding(cells):g} M; the paper's stated budget is 1.5 G",
        abs(sum(cells) - macs / M) <= _rounding(cells),
    )


def depth_column(tables: Tables) -> Result:
    network = tables.network("googlenet")
    printed = sum(row.printed.depth or 0 for row in network.rows if row.printed)
    return Result(network_depth(network), f"the printed column adds up to {printed}")


def map_sizes(tables: Tables) -> Result:
    lines = tables.lines("googlenet")
    rows = ("conv1", "pool1", "pool2", "pool3", "pool4")
    shape: Shape = lines["conv1"].output
    floor = []
    for _ in rows[1:]:
        shape = output_shape(MaxPool(3, 2), shape)
        floor.append(shape[1])
    return Result(
        ", ".join(str(lines[row].output[1]) for row in rows),
        "pooling must reach over the edge, or be padded by one pixel: without either it gives "
        + ", ".join(map(str, floor)),
    )


def total_params(tables: Tables) -> Result:
    whole, linear = tables.totals("googlenet"), tables.lines("googlenet")["linear"].cost
    separable = tables.totals("googlenet.separable")
    heads = auxiliary(tables.network("googlenet"))
    column = sum(printed.params or 0 for printed in TABLE.values())
    return Result(
        whole.params / M,
        f"{whole.params:,} with biases, {whole.weights:,} without, {separable.weights:,} with the separable conv1; the "
        f"printed column adds up to {column:,.1f} K = {column * K / M:.2f} M; without the classifier {(whole.params - linear.params) / M:.2f} M, "
        f"with both auxiliary heads {whole.params + heads.params:,}",
    )


def linear_layers(tables: Tables) -> Result:
    rows = tables.network("googlenet").without_auxiliary().rows
    count = sum(isinstance(leaf, Linear) for row in rows for _, leaf in walk(row.layer))
    params = tables.lines("googlenet")["linear"].cost.params
    share = params / tables.totals("googlenet").params
    return Result(count, f"the classifier remains: {params:,} parameters, {percent(share)} of all")


def fewer_than_alexnet(tables: Tables) -> Result:
    alexnet, whole = tables.totals("alexnet").params, tables.totals("googlenet").params
    body = whole - tables.lines("googlenet")["linear"].cost.params
    return Result(
        alexnet / whole,
        f"{alexnet:,} / {whole:,}; {alexnet / body:.1f}× without GoogLeNet's classifier, and "
        f"{alexnet / (5 * M):.2f}× against the 5 M of L40",
    )


def more_than_alexnet(tables: Tables) -> Result:
    alexnet = tables.totals("alexnet").macs
    dense, separable = tables.totals("googlenet").macs, tables.totals("googlenet.separable").macs
    ungrouped = sum(
        line.cost.macs * _groups(line.row.layer) for line in tables.lines("alexnet").values()
    )
    return Result(
        dense / alexnet,
        f"{dense:,} / {alexnet:,}; {separable / alexnet:.2f}× with the separable conv1; against an AlexNet without groups "
        f"({ungrouped:,}) {dense / ungrouped:.2f}× and {separable / ungrouped:.2f}×",
    )


def _groups(layer: Layer) -> int:
    """The groups of a row with one convolution at most."""
    return prod(leaf.groups for _, leaf in walk(layer) if isinstance(leaf, Conv))


def budget(tables: Tables) -> Result:
    separable, dense = (
        tables.totals(name).macs / 10**9 for name in ("googlenet.separable", "googlenet")
    )
    return Result(separable, f"with the separable conv1 of Table 1's count; {dense:.3f} dense")


def layers_with_pooling(tables: Tables) -> Result:
    network = tables.network("googlenet")
    depth = network_depth(network)
    pools = sum(row.kind in ("max pool", "average pool") for row in network.rows)
    return Result(
        f"{depth}, {depth + pools}", f"{depth} with parameters and {pools} pooling layers"
    )


def auxiliary_maps(tables: Tables) -> Result:
    lines = tables.lines("googlenet")
    maps = []
    for row in ("aux1", "aux2"):
        channels, height, width = output_shape(part(lines[row].row.layer, "pool"), lines[row].input)
        maps.append(f"{height}×{width}×{channels}")
    params = " and ".join(f"{lines[row].cost.params:,}" for row in ("aux1", "aux2"))
    return Result(", ".join(maps), f"the heads have {params} parameters")


def dropout(tables: Tables) -> Result:
    rows = tables.network("googlenet").rows
    rates = {
        isinstance(row.layer, Tap): leaf.p
        for row in rows
        for _, leaf in walk(row.layer)
        if isinstance(leaf, Dropout)
    }
    return Result(f"{percent(rates[False], 0)}, {percent(rates[True], 0)}")


def rectified(tables: Tables) -> Result:
    after = after_convolutions(tables.network("googlenet"))
    followed = sum(isinstance(leaf, ReLU) for leaf in after)
    return Result(f"{followed} of {len(after)}", "convolutions", followed == len(after))
