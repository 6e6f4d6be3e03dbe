"""A layer and its input's shape → its picture; exact, because every layer of the grammar is in series or in parallel."""

from functools import singledispatch
from typing import NamedTuple

from atalho.explain.draw.marks import (
    BOX_WIDTH,
    LEAD,
    SUM,
    Box,
    Group,
    Picture,
    Placed,
    Strips,
    Sum,
    Wire,
    stack,
    text_width,
)
from atalho.explain.shapes import times
from atalho.grammar.cost import work
from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Add,
    AvgPool,
    BatchNorm,
    Chain,
    Concat,
    Conv,
    Dropout,
    Flatten,
    Identity,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool,
    PadShortcut,
    PReLU,
    ReLU,
    Tap,
    pair,
)
from atalho.grammar.shape import Shape, output_shape

FORK = 12.0  # from where branches part to where the tallest of them begins
GAP = 10.0  # between branches
BAR = 18.0  # height of the box that joins branches by channel
ARC = 14.0  # how far a shortcut keeps from the branches that it passes

# What directly follows a layer is a strip of its box, or only a line of its hover text.
FOLLOWERS = (BatchNorm, ReLU, PReLU, Dropout, Flatten, Identity)
UNSEEN = (Flatten, Identity)
SHORTCUTS = (Identity, PadShortcut)  # in a sum these are lines


class Look(NamedTuple):
    """How a single layer is shown: a kind of the legend, and a label in the papers' words."""

    kind: str
    label: str


@singledispatch
def look(layer: Layer) -> Look:
    """Returns the look of a single layer."""
    raise NotImplementedError(type(layer).__name__)


def _strided(label: str, stride: int | tuple[int, int]) -> str:
    height, width = pair(stride)
    if height == width:
        return label if height == 1 else f"{label}, /{height}"
    return f"{label}, /{height}×{width}"


@look.register
def _(layer: Conv) -> Look:
    kernel = pair(layer.kernel)
    filters = (layer.groups, layer.filters // layer.groups)[layer.groups == 1 :]
    label = _strided(f"{times(kernel)} conv, {times(filters)}", layer.stride)
    if layer.dilation > 1:
        label += f", dilated {layer.dilation}"
    return Look("pointwise" if kernel == (1, 1) else "conv", label)


@look.register
def _(layer: Linear) -> Look:
    return Look("linear", f"fc {layer.features}")


@look.register(MaxPool)
@look.register(AvgPool)
def _(layer: MaxPool | AvgPool) -> Look:
    function = "max" if isinstance(layer, MaxPool) else "avg"
    window = times(pair(layer.kernel))
    return Look("pool", _strided(f"{window} {function} pool", layer.stride))


@look.register
def _(layer: AdaptiveAvgPool) -> Look:
    label = "global avg pool" if layer.size == 1 else f"avg pool to {times(pair(layer.size))}"
    return Look("pool", label)


@look.register
def _(layer: BatchNorm) -> Look:
    return Look("batchnorm", "BatchNorm")


@look.register
def _(layer: LocalResponseNorm) -> Look:
    return Look("norm", "response norm")


@look.register
def _(layer: ReLU) -> Look:
    return Look("relu", "ReLU")


@look.register
def _(layer: PReLU) -> Look:
    return Look("prelu", "PReLU")


@look.register
def _(layer: Dropout) -> Look:
    return Look("dropout", f"{'spatial ' * layer.spatial}dropout {layer.p:.0%}")


@look.register
def _(layer: Flatten) -> Look:
    return Look("flatten", "flatten")


@look.register
def _(layer: Identity) -> Look:
    return Look("identity", "identity")


@look.register
def _(layer: PadShortcut) -> Look:
    return Look("pad", _strided(f"zero pad, {layer.channels}", layer.stride))


def summary(path: str, kind: str, layer: Layer, shape: Shape) -> str:
    """Returns a line of hover text: the path of a layer, its kind in words, its shapes and its cost."""
    output, worked = work(layer, shape)
    numbers = {
        "parameters": worked.params,
        "multiply-accumulates": worked.macs,
        "activations": worked.activations,
    }
    costs = [f"{number:,} {name}" for name, number in numbers.items() if number]
    shapes = f"{times(shape)} → {times(output)}"
    return f"{path}: {kind}; {', '.join([shapes, *costs])}"


class Part(NamedTuple):
    """A layer with its path of names, the shape of its input, and the layers that follow it and are drawn as strips of its box."""

    path: str
    layer: Layer
    shape: Shape
    followers: tuple["Part", ...] = ()

    def inside(self, name: str, layer: Layer, shape: Shape) -> "Part":
        """Returns a part of this one."""
        return Part(f"{self.path}.{name}", layer, shape)

    @property
    def strips(self) -> tuple[str, ...]:
        """The kinds of the followers that are drawn."""
        layers = (part.layer for part in self.followers)
        return tuple(look(layer).kind for layer in layers if not isinstance(layer, UNSEEN))

    def title(self, kind: str) -> str:
        """Returns the hover text: a line for the layer, and one for each follower."""
        lines = [summary(self.path, kind, self.layer, self.shape)]
        lines += [
            summary(part.path, look(part.layer).label, part.layer, part.shape)
            for part in self.followers
        ]
        return "\n".join(lines)


def picture(part: Part) -> Picture:
    """Returns the picture of a part, from its input's wire to the lower edge of its last box."""
    return _picture(part.layer, part)


@singledispatch
def _picture(layer: Layer, part: Part) -> Picture:
    kind, label = look(layer)
    width = max(BOX_WIDTH, text_width(label, 11) + 8)
    box = Box(kind, label, part.title(label), width, strips=part.strips)
    lead = Wire(((0, 0), (0, LEAD)), arrow=True)
    half = box.width / 2
    return Picture(half, half, LEAD + box.height, ((0, 0, lead), (0, LEAD, box)))


@_picture.register(Flatten)
@_picture.register(Identity)
def _(layer: Layer, part: Part) -> Picture:
    return stack(map(picture, part.followers))


@_picture.register(Chain)
@_picture.register(Tap)
def _(layer: Chain | Tap, part: Part) -> Picture:
    links: list[Part] = []
    shape = part.shape
    for name, link in layer:
        placed = part.inside(name, link, shape)
        if isinstance(link, FOLLOWERS) and links:
            head = links.pop()
            placed = head._replace(followers=(*head.followers, placed))
        links.append(placed)
        shape = output_shape(link, shape)
    if links:
        links[-1] = links[-1]._replace(followers=links[-1].followers + part.followers)
    return stack(map(picture, links))


@_picture.register
def _(layer: Concat, part: Part) -> Picture:
    branches = [picture(part.inside(name, branch, part.shape)) for name, branch in layer]
    width = sum(branch.width for branch in branches) + GAP * (len(branches) - 1)
    tall = max(branch.height for branch in branches)
    parts: list[Placed] = []
    x = -width / 2
    for branch in branches:
        x += branch.left
        # Branches end at one height, as in the papers, so that reductions stand in a line above.
        top = FORK + tall - branch.height
        parts.append((0.0, 0.0, Wire(((0, 0), (0, FORK / 2), (x, FORK / 2), (x, top)))))
        parts.append((x, top, branch))
        parts.append((x, FORK + tall, Wire(((0, 0), (0, LEAD)), arrow=True)))
        x += branch.right + GAP
    channels = output_shape(layer, part.shape)[0]
    label = f"concat, {channels}"
    bar = Box("join", label, part.title(label), width, BAR, part.strips)
    bar_top = FORK + tall + LEAD
    return Picture(width / 2, width / 2, bar_top + bar.height, (*parts, (0, bar_top, bar)))


@_picture.register
def _(layer: Add, part: Part) -> Picture:
    branches = [part.inside(name, branch, part.shape) for name, branch in layer]
    lines = [branch for branch in branches if isinstance(branch.layer, SHORTCUTS)]
    boxed = [branch for branch in branches if branch not in lines]
    main, *others = map(picture, boxed or lines[:1])
    tall = max(branch.height for branch in (main, *others))
    fork = LEAD / 2
    sum_top = fork + tall + LEAD
    joint = sum_top + SUM  # where the shortcuts meet ⊕
    parts: list[Placed] = [
        (0, 0, Wire(((0, 0), (0, fork)))),
        (0, fork, main),
        (0, fork, Wire(((0, main.height), (0, tall + LEAD)), arrow=True)),
    ]
    right = max(main.right, 2 * SUM)
    for branch, drawn in zip(boxed[1:], others, strict=True):
        x = right + GAP + drawn.left
        top = fork + (tall - drawn.height) / 2
        bottom = top + drawn.height
        shortcut: tuple[Placed, ...] = (
            (0, 0, Wire(((0, fork), (x, fork), (x, top)))),
            (x, top, drawn),
            (0, 0, Wire(((x, bottom), (x, joint), (SUM, joint)), arrow=True)),
        )
        parts.append((0, 0, _shortcut(branch, Look("boxed", "shortcut"), shortcut)))
        right = x + drawn.right
    for branch in lines[not boxed :]:
        x = right = right + ARC
        around = Wire(((0, fork), (x, fork), (x, joint), (SUM, joint)), arrow=True, corner=12)
        parts.append((0, 0, _shortcut(branch, look(branch.layer), ((0, 0, around),))))
    parts.append((0, sum_top, Sum(part.title(" + ".join(name for name, _ in layer)))))
    bottom = sum_top + 2 * SUM
    if part.strips:
        strips = Strips(4 * SUM, part.strips)
        parts.append((0, bottom, Wire(((0, 0), (0, SUM / 2)))))
        parts.append((0, bottom + SUM / 2, strips))
        bottom += SUM / 2 + strips.height
    return Picture(max(main.left, 2 * SUM), right, bottom, tuple(parts))


def _shortcut(branch: Part, shown: Look, parts: tuple[Placed, ...]) -> Group:
    return Group(parts, branch.title(shown.label), f"shortcut {shown.kind}")
