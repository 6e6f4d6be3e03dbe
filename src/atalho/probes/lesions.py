"""The lesion study: a trained network's test accuracy with blocks removed or swapped.

Veit et al. 2016, arXiv:1605.06431, §§4.1 and 4.2: a residual network loses little accuracy, a plain one falls to chance.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from random import Random
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from atalho.data.batches import Preprocessing
from atalho.data.dataset import Batched
from atalho.evaluation.accuracy import accuracy
from atalho.grammar.module import Model
from atalho.grammar.shape import output_shape
from atalho.probes.passes import joins, rows
from atalho.record import Record
from atalho.statistics import wilson
from atalho.weights.trained import Inference

Kind = Literal["none", "removed", "swapped"]
BATCH = 500
SAMPLES = 5  # random choices of several blocks, and pairs to swap
PROTOCOL = (
    "trained statistics kept; a removed residual block is its shortcut alone, a removed row of a plain "
    "network passes its input on; swapped rows have equal shapes; random choices from one seed"
)


class Lesion(NamedTuple):
    """A change to a network: its `rows` are removed, or the two of them swapped."""

    kind: Kind
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{' and '.join(self.rows)} {self.kind}" if self.rows else "no lesion"


def removable(model: Model) -> tuple[str, ...]:
    """The rows that can be removed: residual blocks, and rows with weights whose output has their input's shape."""
    residual = {row for row, join in joins(model).items() if join.adds}
    return tuple(
        row.name
        for row, shape in zip(model.network.rows, model.network.shapes, strict=True)
        if row.name in residual
        or (
            output_shape(row.layer, shape) == shape
            and any(each.dim() > 1 for each in rows(model)[row.name].parameters())
        )
    )


def lesions(model: Model, *, samples: int = SAMPLES, seed: int = 0) -> list[Lesion]:
    """No lesion, each row removed alone, 2, 4, 8, … rows at random, and random pairs of equal shapes swapped."""
    candidates = removable(model)
    draw = Random(seed)
    several, count = [], 2
    while count < len(candidates):
        several += [
            Lesion("removed", tuple(sorted(draw.sample(candidates, count), key=candidates.index)))
            for _ in range(samples)
        ]
        count *= 2
    network = model.network
    shapes = {
        row.name: (shape, output_shape(row.layer, shape))
        for row, shape in zip(network.rows, network.shapes, strict=True)
    }
    alike = [(a, b) for a, b in combinations(candidates, 2) if shapes[a] == shapes[b]]
    swapped = [Lesion("swapped", pair) for pair in draw.sample(alike, min(samples, len(alike)))]
    return [Lesion("none"), *(Lesion("removed", (row,)) for row in candidates), *several, *swapped]


@contextmanager
def lesioned(model: Model, lesion: Lesion) -> Iterator[None]:
    """Inside, the model has the lesion; afterwards it is as before."""
    handles = []
    row_joins = joins(model)
    if lesion.kind == "swapped":
        _swap(model, *lesion.rows)
    elif lesion.kind == "removed":
        for row in lesion.rows:
            if row in row_joins and row_joins[row].adds:
                residual = row_joins[row].branches["residual"]
                handles.append(residual.register_forward_hook(_nothing))
            else:
                handles.append(rows(model)[row].register_forward_hook(_its_input))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        if lesion.kind == "swapped":
            _swap(model, *lesion.rows)


def _nothing(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return torch.zeros_like(output)


def _its_input(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return inputs[0]


def _swap(model: Model, first_row: str, second_row: str) -> None:
    first, second = rows(model)[first_row], rows(model)[second_row]
    setattr(model, first_row, second)
    setattr(model, second_row, first)


def record(
    subject: str,
    model: Model,
    lesion: Lesion,
    images: Batched,
    preprocessing: Preprocessing,
    **conditions: Any,
) -> Record:
    """The accuracy on `images` under one lesion, with its 95 % interval."""
    device = next(model.parameters()).device
    with lesioned(model, lesion):
        measured = accuracy(model, images, preprocessing, Inference(device, "float32", BATCH))
    return Record.of(
        subject,
        "lesion_top1",
        measured.top1,
        "measured",
        **conditions,
        lesion=lesion.kind,
        rows=list(lesion.rows),
        count=len(lesion.rows),
        images=measured.images,
        interval=list(wilson(measured.top1, measured.images)),
        protocol=PROTOCOL,
    )
