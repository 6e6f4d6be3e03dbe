"""The loss around trained weights, on a plane of two filter-normalised random directions.

Li et al. 2018, Visualizing the loss landscape of neural nets, arXiv:1712.09913, §4: L(θ + α·δ + β·η), where every filter of a
random Gaussian direction has the norm of the trained filter. As in the authors' code, biases and BatchNorm's parameters
are not changed, nor are its trained statistics: the network is in evaluation mode.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atalho.probes.passes import Batch, undisturbed
from atalho.record import Record

SIDE = 25  # points along each direction, from -1 to 1
IMAGES = 500  # at most
PIECE = 100  # images at a time
PROTOCOL = (
    "evaluation mode with trained BatchNorm statistics; filter-normalised Gaussian directions, biases "
    "and BatchNorm's parameters unchanged"
)

Direction = dict[str, Tensor]
"""A change for each weight by its name, of the weight's shape."""


def coordinates(side: int = SIDE) -> list[float]:
    """Points from -1 to 1 at equal distances, both ends included."""
    return [2 * index / (side - 1) - 1 for index in range(side)]


def direction(model: nn.Module, seed: int) -> Direction:
    """A random direction in which every filter (a weight's slice for one output) has the norm of the model's own filter."""
    generator = torch.Generator().manual_seed(seed)
    changes = {}
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            drawn = drawn.to(weight.device)
            flat = drawn.flatten(1)
            sizes = weight.detach().flatten(1).norm(dim=1) / flat.norm(dim=1)
            changes[name] = (flat * sizes[:, None]).reshape(weight.shape)
    return changes


@contextmanager
def moved(model: nn.Module, *along: tuple[float, Direction]) -> Iterator[None]:
    """Inside, the weights are moved along directions; afterwards they are as before, to the bit."""
    parameters = dict(model.named_parameters())
    changed = {name for _, each in along for name in each}
    before = {name: parameters[name].detach().clone() for name in changed}
    with torch.no_grad():
        for length, each in along:
            for name, change in each.items():
                parameters[name].add_(change, alpha=length)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, weight in before.items():
                parameters[name].copy_(weight)


@torch.no_grad()
def line(
    model: nn.Module,
    batch: Batch,
    first: Direction,
    second: Direction,
    beta: float,
    alphas: Sequence[float],
) -> list[float]:
    """The mean loss at θ + α·first + β·second for each α, in nats."""
    losses = []
    with undisturbed(model, training=False):
        for alpha in alphas:
            with moved(model, (alpha, first), (beta, second)):
                pieces = zip(batch.images.split(PIECE), batch.labels.split(PIECE), strict=True)
                total = sum(
                    F.cross_entropy(model(images).double(), labels, reduction="sum").item()
                    for images, labels in pieces
                )
            losses.append(total / len(batch.labels))
    return losses


def record(
    subject: str,
    model: nn.Module,
    batch: Batch,
    beta: float,
    *,
    directions: int = 0,
    **conditions: Any,
) -> Record:
    """One line of the plane as a record: `samples` are the losses along `alphas`. `directions` is the seed of both directions."""
    alphas = coordinates()
    first, second = (direction(model, 2 * directions + n) for n in (0, 1))
    losses = line(model, batch, first, second, beta, alphas)
    return Record.of(
        subject,
        "surface_loss",
        median(losses),
        "measured",
        losses,
        **conditions,
        batch=len(batch.labels),
        beta=beta,
        alphas=alphas,
        directions=directions,
        protocol=PROTOCOL,
    )
