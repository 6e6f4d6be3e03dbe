"""A network: its paper's table in rows, with its source and the printed numbers; shapes are checked on construction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from atalho.errors import AtalhoError, Exit
from atalho.grammar.layers import Chain, Flatten, Layer, Linear, Tap, walk
from atalho.grammar.shape import Shape, ShapeError, part_shape, text


@dataclass(frozen=True)
class Source:
    """Where a network comes from: `Szegedy et al., Going deeper with convolutions, 2014, arXiv:1409.4842, Table 1`."""

    authors: str
    title: str
    year: int
    arxiv: str
    place: str

    def __str__(self) -> str:
        where = f"arXiv:{self.arxiv}, {self.place}" if self.arxiv else self.place
        return f"{self.authors} {self.year}, {self.title}, {where}"


@dataclass(frozen=True)
class Printed:
    """The numbers that a paper prints for a row, in its own units; they may differ from the computed ones."""

    params: float | None = None
    macs: float | None = None
    depth: int | None = None


@dataclass(frozen=True)
class Units:
    """How a paper counts: `params` printed in units of so many weights, `macs` of so many operations."""

    params: int = 1
    macs: int = 1
    biases: bool = True
    params_name: str = ""
    macs_name: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Args:
        name: the paper's name for it; the built module's and the checkpoint's too.
        kind: what the paper calls it: `convolution`, `inception`, `bottleneck`.
        stage: the group that the paper's table folds it into (`conv2_x`), where it does.
    """

    name: str
    kind: str
    layer: Layer
    printed: Printed | None = None
    stage: str = ""


@dataclass(frozen=True)
class HeNormal:
    """Zero-mean Gaussian of variance 2 / fan_in, biases zero (He 2015, arXiv:1502.01852, eq. 10)."""


@dataclass(frozen=True)
class Glorot:
    """Uniform of variance 2 / (fan_in + fan_out), biases zero (Glorot 2010, eq. 16)."""


@dataclass(frozen=True)
class Gaussian:
    """Zero-mean Gaussian of fixed standard deviation; biases one in the rows named, zero elsewhere."""

    std: float
    biases_one: tuple[str, ...] = ()


Initialisation = HeNormal | Glorot | Gaussian


@dataclass(frozen=True)
class Network:
    """A named table, made for one input shape and number of classes.

    Args:
        name: `googlenet`, or `googlenet.small` for a named departure from the paper.
        input: (C, H, W) of one image.
        changes: what a variant changes against the paper, in a line.
        printed: what the paper prints for the whole network; `units` say how its numbers count.
        columns: headers that the paper's table has, each with the path inside a row of the convolution that it counts.

    Raises:
        AtalhoError: (INPUT-SHAPE, exit 2) a row cannot take its input; the network, the row and both shapes are named.
    """

    name: str
    source: Source
    rows: tuple[Row, ...]
    input: Shape
    num_classes: int
    changes: str = ""
    printed: Printed = field(default_factory=Printed)
    units: Units = field(default_factory=Units)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    initialisation: Initialisation = field(default_factory=HeNormal)

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise AtalhoError(
                "CLASSES",
                self.name,
                f"{self.num_classes} classes; a classifier needs at least one",
                next_step="--num-classes N",
                exit=Exit.USAGE,
            )
        if len(self.input) != 3 or min(self.input) < 1:
            raise AtalhoError(
                "INPUT-SHAPE",
                self.name,
                f"an input of {text(self.input)} is no image; it takes CxHxW, each at least 1",
                next_step=f"atalho show {self.name}",
                exit=Exit.USAGE,
            )
        _ = self.shapes

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The input shape of every row."""
        shapes = []
        outputs: dict[tuple[int, Shape], Shape] = {}  # deep networks have many rows of one layer
        shape = self.input
        for row in self.rows:
            shapes.append(shape)
            key = id(row.layer), shape
            try:
                shape = outputs[key] = outputs.get(key) or part_shape(row.name, row.layer, shape)
            except ShapeError as error:
                raise AtalhoError(
                    "INPUT-SHAPE",
                    self.name,
                    f"row {error.path} cannot take {text(shape)}: {error.problem}; "
                    f"the network's input was {text(self.input)}",
                    next_step=f"atalho show {self.name} for the input that it is made for",
                    exit=Exit.USAGE,
                ) from error
        if shape != (self.num_classes,):
            raise AtalhoError(
                "TABLE",
                self.name,
                f"its last row gives {text(shape)}, not {self.num_classes} logits",
                next_step="end the table with a classifier",
                exit=Exit.USAGE,
            )
        return tuple(shapes)

    def row(self, name: str) -> Row:
        """The row of that name; KeyError where there is none."""
        return {row.name: row for row in self.rows}[name]

    @property
    def taps(self) -> tuple[Row, ...]:
        """The auxiliary heads."""
        return tuple(row for row in self.rows if isinstance(row.layer, Tap))

    def without_auxiliary(self) -> Self:
        """The same network without its auxiliary heads, as it is used at inference."""
        taps = self.taps
        return (
            replace(self, rows=tuple(row for row in self.rows if row not in taps)) if taps else self
        )

    def with_layers(self, change: Callable[[Layer], Layer]) -> Self:
        """The same table with the layer of every row changed."""
        return replace(self, rows=tuple(replace(row, layer=change(row.layer)) for row in self.rows))

    @property
    def has(self) -> frozenset[type[Layer]]:
        """The types of all its leaves."""
        return frozenset(type(leaf) for row in self.rows for _, leaf in walk(row.layer))


def classifier(num_classes: int) -> Chain:
    """The row that ends most tables: a flat input and one linear layer."""
    return Chain(flatten=Flatten(), linear=Linear(num_classes))
