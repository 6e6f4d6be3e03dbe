"""The arithmetic behind the claims on residual networks and VGG: functions of their tables."""

from collections import Counter

from atalho.claims.claim import Result
from atalho.claims.tables import Tables, after_convolutions
from atalho.grammar.cost import cost, network_depth
from atalho.grammar.layers import Add, BatchNorm, Chain, Conv, Join, Layer, PadShortcut, walk
from atalho.grammar.network import HeNormal, Network
from atalho.grammar.printed import agrees
from atalho.grammar.shape import output_shape
from atalho.networks.resnet import BLOCKS, PRINTED_MPARAMS, basic, bottleneck

G = 10**9


def residual_blocks(tables: Tables) -> Result:
    rows = [row for row in tables.network("resnet34").rows if row.stage and "block" in row.kind]
    sums = [add for row in rows if (add := _sum(row.layer))]
    exact = all(dict(add.parts).keys() == {"residual", "shortcut"} for add in sums)
    return Result(
        f"{len(sums)} of {len(rows)} blocks",
        "of ResNet-34 give F(x) plus their shortcut and nothing else: H(x) − x is F(x) by construction",
        exact and len(sums) == len(rows),
    )


def _sum(layer: Layer) -> Add | None:
    """The sum of a residual block; None in a plain one."""
    if isinstance(layer, Chain):
        for _, part in layer:
            if isinstance(part, Add):
                return part
    return None


def map_sizes(tables: Tables) -> Result:
    lines = tables.lines("resnet34")
    sizes = [lines[row].output[1] for row in ("conv2_1", "conv3_1")]
    names = list(lines)
    before = sum(lines[name].depth for name in names[: names.index("conv3_1")])
    return Result(
        ", ".join(f"{size}×{size}" for size in sizes),
        f"{sizes[1]}×{sizes[1]} begins at weighted layer {before + 1} of the 34",
    )


def normalised(tables: Tables) -> Result:
    after = after_convolutions(tables.network("resnet50"))
    followed = sum(isinstance(leaf, BatchNorm) for leaf in after)
    return Result(
        f"{followed} of {len(after)} convolutions",
        "of ResNet-50; normalisation stands before the activation and the sum",
        followed == len(after),
    )


def power_after(layers: int, gain: float) -> float:
    """E[x²] after `layers` linear layers with ReLU, over E[x²] of their input, for weights of variance gain / fan_in.

    A layer multiplies E[x²] by fan_in · variance, and ReLU halves it for a distribution symmetric about zero (He 2015,
    arXiv:1502.01852, §2.2).
    """
    return (gain / 2) ** layers


def initial_power(tables: Tables) -> Result:
    network = tables.network("resnet34")
    layers = network_depth(network)
    he, glorot, halved = (power_after(layers, gain) for gain in (2, 1, 0.5))
    return Result(
        he,
        f"variance 2 / fan_in keeps E[x²] over {layers} layers with ReLU; Xavier's 1 / fan_in leaves {glorot:.1e} of it, "
        f"and Xavier's divided by two, read literally, {halved:.1e}",
        isinstance(network.initialisation, HeNormal) and he == 1,
    )


MAP = 56


def _weights(layer: Layer, channels: int) -> int:
    """The convolution weights of a stride-1 block: its operations a position, since each weight is used once at each."""
    return cost(layer, (channels, MAP, MAP)).macs // MAP**2


def block_costs(tables: Tables) -> Result:
    pair, narrow, wide = _weights(basic(64, 1), 64), _weights(bottleneck(64, 1), 256), 256
    naive, projected = _weights(basic(wide, 1), wide), narrow + _weights(Conv(wide, 1), wide)
    macs = " and ".join(f"{weights * MAP**2 / 10**6:.1f}" for weights in (pair, narrow))
    return Result(
        narrow / pair,
        f"{narrow:,} / {pair:,} weights, {macs} M operations at {MAP}×{MAP} (basic and bottleneck); two 3×3 of {wide} "
        f"channels would have {naive:,} ({naive / narrow:.1f}×), a projection shortcut makes it {projected:,} "
        f"({projected / narrow:.2f}×); similar is taken as within a tenth",
        abs(narrow / pair - 1) <= 0.1,
    )


def block_widths(tables: Tables) -> Result:
    line = tables.lines("resnet50")["conv2_2"]
    add = _sum(line.row.layer)
    assert add is not None
    filters = [leaf.filters for _, leaf in walk(add["residual"]) if isinstance(leaf, Conv)]
    widths = [line.input[0], *filters]
    return Result(
        " → ".join(map(str, widths)),
        "channels through a block of ResNet-50: the narrow middle is the bottleneck",
        min(widths[1:-1]) >= min(widths[0], widths[-1]),
    )


def reductions(tables: Tables) -> Result:
    inception, block = (
        tables.lines("googlenet")["inception_4a"],
        tables.lines("resnet50")["conv2_2"],
    )
    assert isinstance(inception.row.layer, Join)
    assert isinstance(block.row.layer, Join)
    pairs = []
    for line, path in ((inception, "branch5x5.reduce"), (block, "sum.residual.conv1")):
        assert isinstance(line.row.layer, Join)
        conv = line.row.layer[path]
        assert isinstance(conv, Conv)
        pairs.append((line.input[0], conv.filters, conv.kernel))
    return Result(
        ", ".join(f"{before} → {after}" for before, after, _ in pairs),
        "1×1 convolutions before a 5×5 in GoogLeNet's 4a and before a 3×3 in ResNet-50",
        all(after < before and kernel == 1 for before, after, kernel in pairs),
    )


def depths(names: tuple[str, ...], tables: Tables) -> Result:
    return Result(", ".join(str(network_depth(tables.network(name))) for name in names))


def gigaops(depth: int, tables: Tables) -> Result:
    name = f"resnet{depth}"
    operations = tables.totals(name).macs / G
    plain = tables.totals(f"{name}.a").macs / G
    if depth < 50:
        note = f"shortcuts without operations (A); {tables.totals(f'{name}.b').macs / G:.3f} with projections (B)"
    else:
        note = (
            f"projections (B), stride in the first 1×1; {plain:.3f} without the projections, "
            f"{tables.totals(f'{name}.v1_5').macs / G:.3f} with the stride in the 3×3"
        )
    return Result(operations, f"{operations:.3f} with {note}")


def _vgg(depth: int, tables: Tables) -> tuple[float, float]:
    """Operations in G: of the convolutions alone, and of all layers."""
    lines = tables.lines(f"vgg{depth}").values()
    convolutions = sum(line.cost.macs for line in lines if line.row.kind == "convolution")
    return convolutions / G, tables.totals(f"vgg{depth}").macs / G


def vgg_convolutions(depth: int, tables: Tables) -> Result:
    convolutions, whole = _vgg(depth, tables)
    return Result(
        convolutions,
        f"{convolutions:.3f} in the convolutions alone; {whole:.3f} with the fully connected layers",
    )


def vgg_whole(depth: int, tables: Tables) -> Result:
    convolutions, whole = _vgg(depth, tables)
    return Result(
        whole,
        f"{whole:.3f} with the fully connected layers; {convolutions:.3f} in the convolutions alone",
    )


def vgg_pair(tables: Tables) -> Result:
    pairs = list(zip(*(_vgg(depth, tables) for depth in (16, 19)), strict=True))
    totals = " or ".join(f"{a:.1f} and {b:.1f}" for a, b in pairs)
    same = any(
        agrees(15.3, a, truncation=False) and agrees(19.6, b, truncation=False) for a, b in pairs
    )
    return Result(totals, "convolutions alone, or with the fully connected layers", same)


def cheaper_than_vgg(tables: Tables) -> Result:
    residual, (convolutions, _) = tables.totals("resnet152").macs / G, _vgg(16, tables)
    return Result(
        f"{residual:.1f} < {convolutions:.1f}",
        "ResNet-152 whole, VGG-16 by its convolutions alone",
        residual < convolutions,
    )


def shifted_table(tables: Tables) -> Result:
    """The depths that follow where conv4_x's cells stand one column too far to the left: 50 has 101's blocks, 101 has 152's."""
    slid = {
        column: (*BLOCKS[column][:2], BLOCKS[source][2], BLOCKS[column][3])
        for column, source in ((50, 101), (101, 152))
    }
    sums = {column: 3 * sum(blocks) + 2 for column, blocks in slid.items()}
    terms = "; ".join(
        f"3·({' + '.join(map(str, blocks))}) + 2 = {sums[column]}"
        for column, blocks in slid.items()
    )
    return Result(
        ", ".join(map(str, sums.values())),
        f"{terms}; the column of 152 is left without a cell",
        all(network_depth(tables.network(f"resnet{c}")) == sums[c] for c in slid),
    )


def without_pool(tables: Tables) -> Result:
    conv1 = tables.lines("resnet50")["conv1"].output
    block = tables.network("resnet50").row("conv2_1").layer
    size = output_shape(block, conv1)[1]
    return Result(f"{size}×{size}", "conv2_x straight after conv1, as the five copies have it")


CIFAR = tuple(PRINTED_MPARAMS)


def _families(tables: Tables) -> list[tuple[int, Network]]:
    """(n, network) of the residual networks for CIFAR-10."""
    return [((depth - 2) // 6, tables.network(f"resnet{depth}")) for depth in CIFAR]


def layers_by_map(tables: Tables) -> Result:
    matches = []
    for n, network in _families(tables):
        layers: Counter[tuple[int, ...]] = Counter()
        for line in tables.lines(network.name).values():
            if len(line.output) == 3 and line.depth:
                layers[line.output] += line.depth
        expected = {(16, 32, 32): 1 + 2 * n, (32, 16, 16): 2 * n, (64, 8, 8): 2 * n}
        matches.append((n, layers == expected))
    right = [n for n, same in matches if same]
    return Result(
        "1+2n, 2n, 2n" if len(right) == len(matches) else f"so for n = {right} alone",
        f"convolutions with 16, 32 and 64 filters on maps of 32, 16 and 8, n = {', '.join(str(n) for n, _ in matches)}",
    )


def shortcuts(tables: Tables) -> Result:
    counts = [
        (n, sum(_sum(row.layer) is not None for row in network.rows))
        for n, network in _families(tables)
    ]
    return Result(
        "3n" if all(count == 3 * n for n, count in counts) else str(counts),
        f"{', '.join(str(count) for _, count in counts)} shortcuts",
    )


def free_shortcuts(tables: Tables) -> Result:
    names = [(f"resnet{depth}", f"plain{depth}") for depth in CIFAR if depth < 1202]
    extra = [tables.totals(a).params - tables.totals(b).params for a, b in names]
    padded = sum(
        isinstance(leaf, PadShortcut)
        for row in tables.network("resnet56").rows
        for _, leaf in walk(row.layer)
    )
    return Result(
        max(extra),
        f"parameters of each residual network less its plain counterpart's; {padded} shortcuts pad with zeros, the "
        "others are identities",
    )


def megaparams(depth: int, tables: Tables) -> Result:
    params = tables.totals(f"resnet{depth}").params
    return Result(params / 10**6, f"{params:,}, BatchNorm's scale and shift included")


def added_projections(tables: Tables) -> Result:
    b, c = (_projections(tables.network(f"resnet34.{option}")) for option in "bc")
    return Result(c - b, f"ResNet-34 has {c} projections with C, {b} with B")


def _projections(network: Network) -> int:
    shortcuts = [add["shortcut"] for row in network.rows if (add := _sum(row.layer))]
    return sum(isinstance(shortcut, Chain) for shortcut in shortcuts)
