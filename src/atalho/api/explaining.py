"""Networks as tables, with their costs and drawings; only `build` and networks that are not of the catalogue load torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalho.errors import wrong_option
from atalho.explain.shapes import times
from atalho.explain.table import Table
from atalho.grammar.network import Network
from atalho.grammar.peak import Dtype
from atalho.grammar.shape import Shape

if TYPE_CHECKING:
    from torch import nn

    from atalho.networks.subjects import Subject


@dataclass(frozen=True)
class Drawing:
    """A drawing of networks.

    Args:
        svg: the text of its SVG file.
    """

    svg: str

    def _repr_svg_(self) -> str:
        """The SVG text, which a notebook displays."""
        return self.svg

    def save(self, path: str | Path) -> None:
        """Writes the drawing to a file, `.svg` or `.png`; the latter at twice its size.

        Raises:
            AtalhoError: DRAW-FORMAT for another suffix, DRAW-WRITE where the file cannot be written (both exit 2).
        """
        from atalho.explain import draw as drawing

        drawing.write(self.svg, Path(path))


def network(name: str, *, input: Shape | None = None, num_classes: int | None = None) -> "Subject":
    """A network: one of the catalogue as a frozen table, or another module that the same functions accept.

    Args:
        name: as `list_networks` lists it, `timm:NAME`, `torchvision:NAME` or `FILE.py:FUNCTION`.
        input: (C, H, W); the paper's unless given.
        num_classes: the paper's unless given.

    Raises:
        AtalhoError: (exit 2) NETWORK-UNKNOWN, with the nearest names; INPUT-SHAPE, where a row cannot take its input.
    """
    from atalho.networks import subjects

    return subjects.get(name, input=input, num_classes=num_classes)


def build(
    network: "str | Subject",
    *,
    input: Shape | None = None,
    num_classes: int | None = None,
    seed: int = 0,
) -> "nn.Module":
    """A network as a `torch.nn.Module` with weights drawn from `seed` only, on the processor and in training mode.

    Args:
        network: a name as `network` takes it, built for `input` and `num_classes`; or a network that `network` returned, which
            has its own.
    """
    from atalho.networks import subjects

    return subjects.build(_subject(network, input, num_classes), seed=seed)


def list_networks(pattern: str = "*") -> Table:
    """The catalogue: parameters, multiply-accumulates, depth, input, year, source and published weights.

    Args:
        pattern: as in `resnet*`, or part of a name.

    Raises:
        AtalhoError: NETWORK-UNKNOWN (exit 2), where no name matches, with the nearest names.
    """
    from atalho.grammar.cost import network_depth, totals
    from atalho.networks import CATALOGUE, get
    from atalho.weights.published import PUBLISHED

    names = [name for name in CATALOGUE if fnmatch(name, pattern) or pattern in name]
    if not names:
        get(pattern)
    document: list[dict[str, Any]] = []
    for name in names:
        table = get(name)
        cost = totals(table)
        document.append(
            {
                "network": name,
                "params": cost.params,
                "macs": cost.macs,
                "depth": network_depth(table),
                "input": list(table.input),
                "year": table.source.year,
                "source": table.source.authors,
                "weights": list(PUBLISHED.get(name, ())),
                "changes": table.changes,
            }
        )
    rows = [
        {**each, "input": times(each["input"]), "weights": ", ".join(each["weights"])}
        for each in document
    ]
    return Table(rows, document, scaled={"params": "", "macs": ""})


def show(
    network: "str | Subject",
    *,
    input: Shape | None = None,
    num_classes: int | None = None,
    cost: bool = False,
    dtype: str | None = None,
) -> Table:
    """A network's table, recomputed row by row beside the numbers that the paper prints; or the cost of every row.

    Args:
        network: as in `build`.
        cost: whether it shows receptive field, operations and bytes of every row instead.
        dtype: the number type for which bytes are counted: float32, float16, bf16 or int8; float32 unless given. Implies
            `cost`.
    """
    from atalho.explain import breakdown, describe
    from atalho.networks import foreign

    subject = _subject(network, input, num_classes)
    if isinstance(subject, foreign.Foreign):
        document = foreign.document(subject)
        return Table(describe.module_table(document), document, subject.name)
    try:
        number_type = Dtype(dtype or Dtype.FLOAT32)
    except ValueError:
        raise wrong_option("dtype", f"{dtype!r} is none of {', '.join(Dtype)}") from None
    title, document = f"{subject.name}: {subject.source}", describe.document(subject, number_type)
    if not (cost or dtype):
        return Table(describe.table(subject), document, title, describe.notes(subject))
    rows, notes = breakdown.table(subject, number_type), breakdown.notes(subject, number_type)
    return Table(rows, document, title, notes, breakdown.UNITS)


def inception(
    input: Shape,
    conv1x1: int,
    reduce3x3: int,
    conv3x3: int,
    reduce5x5: int,
    conv5x5: int,
    pool_proj: int,
) -> Table:
    """One Inception module, each branch with and without its 1×1 reduction.

    Args:
        input: (C, H, W) of its input.
        conv1x1, reduce3x3, conv3x3, reduce5x5, conv5x5, pool_proj: numbers of filters, in the order of GoogLeNet's Table 1.
            Module 4a is `inception((480, 14, 14), 192, 96, 208, 16, 48, 64)`.
    """
    from atalho.explain import inception as module
    from atalho.networks.googlenet import Filters

    filters = Filters(conv1x1, reduce3x3, conv3x3, reduce5x5, conv5x5, pool_proj)
    title = f"Inception module with {', '.join(map(str, filters))} filters"
    document, notes = module.document(input, filters), module.notes(input, filters)
    return Table(module.table(input, filters), document, title, notes)


def draw(
    networks: "str | Subject | Sequence[str | Subject]",
    *,
    row: str | None = None,
    input: Shape | None = None,
    num_classes: int | None = None,
    expand: bool = False,
) -> Drawing:
    """Networks of the catalogue side by side as their papers draw them.

    Args:
        networks: one or several, each as in `build`.
        row: the name of a row; only this row of each network is drawn.
        expand: whether repeated rows are drawn singly.
    """
    from atalho.explain import draw as drawing
    from atalho.networks import foreign, get

    several = [networks] if isinstance(networks, str | Network | foreign.Foreign) else networks
    tables = [
        each if isinstance(each, Network) else get(str(each), input=input, num_classes=num_classes)
        for each in several
    ]
    return Drawing(drawing.draw(tables, row=row, expand=expand))


def _subject(network: "str | Subject", input: Shape | None, num_classes: int | None) -> "Subject":
    """The network with a name; a network that is not a name is returned unchanged."""
    from atalho.networks import subjects

    if isinstance(network, str):
        return subjects.get(network, input=input, num_classes=num_classes)
    return network
