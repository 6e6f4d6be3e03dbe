"""The grammar: a network is a tree of these frozen dataclasses, kept as close to its paper's table as Python allows.

A leaf is one layer; a *join* puts named layers together: `Chain` one after another, `Concat` in parallel joined by
channel, `Add` in parallel summed (the residual), `Tap` an auxiliary head beside the main path. Nothing here knows a
shape: layers state what the papers print (filters, kernel, stride), and `shape`, `cost` and `module` interpret them for
an input. The grammar is closed; a new layer is a dataclass here and one case in each interpreter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

Pair = tuple[int, int]


def pair(value: int | Pair) -> Pair:
    """A size along height and width: one number stands for both."""
    return value if isinstance(value, tuple) else (value, value)


@dataclass(frozen=True, slots=True)
class Layer:
    """The base class of all layers."""


@dataclass(frozen=True, slots=True)
class Conv(Layer):
    """Convolution with `filters` output channels.

    Args:
        kernel, stride: one number, or (height, width).
        padding: zeros on each side; None keeps the size at stride 1 (half the kernel, for odd kernels).
        groups: the channels are split into so many independent convolutions (Krizhevsky 2012, §3.5).
        dilation: the distance between neighbouring taps of the kernel (Yu 2015, arXiv:1511.07122, eq. 2).
    """

    filters: int
    kernel: int | Pair = 1
    stride: int | Pair = 1
    padding: int | Pair | None = None
    groups: int = 1
    bias: bool = True
    dilation: int = 1

    @property
    def window(self) -> Pair:
        """Height and width of the input that one output sees."""
        height, width = pair(self.kernel)
        return self.dilation * (height - 1) + 1, self.dilation * (width - 1) + 1

    @property
    def pad(self) -> Pair:
        if self.padding is not None:
            return pair(self.padding)
        height, width = self.window
        return height // 2, width // 2


@dataclass(frozen=True, slots=True)
class Linear(Layer):
    """Fully connected layer; its input is flat."""

    features: int
    bias: bool = True


@dataclass(frozen=True, slots=True)
class MaxPool(Layer):
    """Maximum over windows; with `ceil` the last window may reach over the edge, as in Caffe."""

    kernel: int
    stride: int
    padding: int = 0
    ceil: bool = False


@dataclass(frozen=True, slots=True)
class AvgPool(Layer):
    """Mean over windows; the padding's zeros count, as in Caffe, unless `count_padding` is off, as in TensorFlow."""

    kernel: int
    stride: int
    padding: int = 0
    ceil: bool = False
    count_padding: bool = True


@dataclass(frozen=True, slots=True)
class AdaptiveAvgPool(Layer):
    """Mean over a grid of size × size windows, whatever the input; size 1 is global average pooling (Lin 2013, §3.2)."""

    size: int = 1


@dataclass(frozen=True, slots=True)
class BatchNorm(Layer):
    """Batch normalisation with learned scale and shift (Ioffe 2015, Algorithm 1)."""

    eps: float = 1e-5


@dataclass(frozen=True, slots=True)
class LocalResponseNorm(Layer):
    """b = a / (k + alpha · Σ a²)^beta over `size` neighbouring channels (Krizhevsky 2012, §3.3, and its constants).

    `alpha` multiplies the plain sum as printed there; torch and Caffe divide it by `size` first.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0


@dataclass(frozen=True, slots=True)
class ReLU(Layer):
    """max(0, x)."""


@dataclass(frozen=True, slots=True)
class PReLU(Layer):
    """max(0, x) + a · min(0, x), with one learned `a` a channel (He 2015, arXiv:1502.01852, eq. 1)."""


@dataclass(frozen=True, slots=True)
class Dropout(Layer):
    """Zeroes each element, or with `spatial` each whole channel (Tompson 2014, arXiv:1411.4280), with probability `p` in training."""

    p: float
    spatial: bool = False


@dataclass(frozen=True, slots=True)
class Flatten(Layer):
    """(C, H, W) to (C·H·W,)."""


@dataclass(frozen=True, slots=True)
class Identity(Layer):
    """Returns its input: the identity shortcut."""


@dataclass(frozen=True, slots=True)
class PadShortcut(Layer):
    """He 2015's option A: every `stride`-th pixel, and zeros for the channels that the input lacks; no parameters."""

    channels: int
    stride: int


@dataclass(frozen=True, slots=True, init=False)
class Join(Layer):
    """Named layers put together; the names become the built module's and the checkpoint's."""

    parts: tuple[tuple[str, Layer], ...]

    def __init__(self, **parts: Layer) -> None:
        object.__setattr__(self, "parts", tuple(parts.items()))

    def __iter__(self) -> Iterator[tuple[str, Layer]]:
        return iter(self.parts)

    def __getitem__(self, path: str) -> Layer:
        """The layer at a dotted path of names; KeyError where there is none."""
        name, _, remainder = path.partition(".")
        layer = dict(self.parts)[name]
        if not remainder:
            return layer
        if not isinstance(layer, Join):
            raise KeyError(path)
        return layer[remainder]

    def replace(self, **parts: Layer) -> Self:
        """The same join with some parts exchanged."""
        return type(self)(**{**dict(self.parts), **parts})


class Chain(Join):
    """One after another."""


class Concat(Join):
    """In parallel on the same input, joined by channel."""


class Add(Join):
    """In parallel on the same input, summed element by element."""


class Tap(Join):
    """A chain beside the main path, used in training alone: its input goes on unchanged."""


def batch_normalised(layer: Layer, eps: float = 1e-5, *, bias: bool = False) -> Layer:
    """The same tree with batch normalisation after every convolution in it: `bn` after `conv`, `bn_x` after any other `x`.

    `bias` keeps the convolutions' own biases, which the normalisation's shift makes redundant.
    """
    if not isinstance(layer, Join):
        return layer
    parts: dict[str, Layer] = {}
    for name, part in layer:
        if isinstance(part, Conv):
            parts[name] = replace(part, bias=bias and part.bias)
            parts["bn" if name == "conv" else f"bn_{name}"] = BatchNorm(eps)
        else:
            parts[name] = batch_normalised(part, eps, bias=bias)
    return type(layer)(**parts)


def walk(layer: Layer, path: str = "") -> Iterator[tuple[str, Layer]]:
    """Every leaf of a tree with its dotted path, in order."""
    if isinstance(layer, Join):
        for name, part in layer:
            yield from walk(part, f"{path}.{name}" if path else name)
    else:
        yield path, layer
