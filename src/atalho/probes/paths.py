"""What the gradient's paths contribute, by the number of residual branches that they pass through.

Veit et al. 2016, Residual networks behave like ensembles of relatively shallow networks, arXiv:1605.06431, §4: n residual
blocks in a row are 2ⁿ paths, C(n, k) of them through k residual branches; most of the gradient comes by the short ones.
"""

from math import comb
from random import Random
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from atalho.grammar.module import Model
from atalho.probes.flow import PROTOCOL, vector_jacobian
from atalho.probes.passes import Batch, Call, joins, loss, norms, undisturbed, watched
from atalho.record import Record

SAMPLES = 5  # paths of each length
IMAGES = 16  # at most


class _Block(NamedTuple):
    """A residual block's sum, and its two branches."""

    sum: Call
    residual: Call
    shortcut: Call


class Paths(NamedTuple):
    """The gradient at the network's input, split by path length: the number of residual branches that a path takes.

    Attributes:
        totals: (n + 1, N, C, H, W); [k] is the sum of all paths of length k. Together they are ∂L/∂(image).
        sampled: [k] holds the gradients by single paths of length k, (N, C, H, W) each.
    """

    totals: Tensor
    sampled: tuple[tuple[Tensor, ...], ...]


def paths(
    model: Model,
    batch: Batch,
    auxiliary_weight: float = 0.0,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Paths | None:
    """The gradient by path length, in training mode; None for a network without residual blocks.

    In every block a path takes the residual branch or the shortcut, a vector-Jacobian product each; layers outside blocks lie
    on all paths. The sum over all C(n, k) paths of a length is exact: going back through a block, the sums V_k become
    Sᵀ V_k + J_Fᵀ V_{k-1}. For each length, `samples` single paths are drawn, with k blocks chosen at random (§4.2).
    """
    residual = {row: join for row, join in joins(model).items() if join.adds}
    if not residual:
        return None
    modules: dict[str, nn.Module] = {}
    for row, join in residual.items():
        modules |= {f"{row}.": join.module}
        modules |= {f"{row}.{name}": branch for name, branch in join.branches.items()}
    inputs = batch._replace(images=batch.images.detach().requires_grad_())
    draw = Random(seed)
    with undisturbed(model, training=True), torch.enable_grad(), watched(modules) as calls:
        total = loss(model, inputs, auxiliary_weight)
        blocks = [
            _Block(*(calls[f"{row}.{part}"] for part in ("", "residual", "shortcut")))
            for row in residual
        ]
        last = torch.autograd.grad(total, blocks[-1].sum.output, retain_graph=True)[0]
        lengths = range(len(blocks) + 1)
        sampled = tuple(
            tuple(
                _path(blocks, {*draw.sample(range(len(blocks)), length)}, inputs.images, last)
                for _ in range(min(samples, comb(len(blocks), length)))
            )
            for length in lengths
        )
        return Paths(_totals(blocks, inputs.images, last), sampled)


def _before(blocks: list[_Block], index: int, images: Tensor) -> Tensor:
    """The output of the block before block `index`; for the first block the images."""
    return blocks[index - 1].sum.output if index else images


def _path(blocks: list[_Block], through: set[int], images: Tensor, gradient: Tensor) -> Tensor:
    """The gradient at the images by the one path that takes the residual branch of the blocks `through`."""
    for index in reversed(range(len(blocks))):
        block = blocks[index]
        branch = block.residual if index in through else block.shortcut
        gradient = vector_jacobian(branch, block.sum.input, gradient)
        gradient = _between(block, gradient, _before(blocks, index, images))
    return gradient


def _totals(blocks: list[_Block], images: Tensor, gradient: Tensor) -> Tensor:
    sums = [gradient]
    for index in reversed(range(len(blocks))):
        block, before = blocks[index], _before(blocks, index, images)
        same_length = [vector_jacobian(block.shortcut, block.sum.input, each) for each in sums]
        longer = [vector_jacobian(block.residual, block.sum.input, each) for each in sums]
        at_input = [
            same_length[0],
            *(a + b for a, b in zip(same_length[1:], longer[:-1], strict=True)),
            longer[-1],
        ]
        sums = [_between(block, each, before) for each in at_input]
    return torch.stack(sums)


def _between(block: _Block, gradient: Tensor, before: Tensor) -> Tensor:
    """The gradient at a block's input, taken back to `before`, the output of the block before it."""
    return torch.autograd.grad(block.sum.input, before, gradient, retain_graph=True)[0]


def records(
    subject: str,
    model: Model,
    batch: Batch,
    auxiliary_weight: float = 0.0,
    /,
    **conditions: Any,
) -> list[Record]:
    """The paths as records, two for each length; norms are means over images, in nats. Empty for a network without residual blocks.

    Veit's contribution of a length is `path_gradient` times `paths`: a bound, as if no two paths cancelled. `path_total`
    is the norm of their sum.
    """
    few = Batch(batch.images[:IMAGES], batch.labels[:IMAGES])
    by_length = paths(model, few, auxiliary_weight)
    if by_length is None:
        return []
    count = len(by_length.totals) - 1
    common = {**conditions, "batch": len(few.labels), "blocks": count, "protocol": PROTOCOL}
    measured = []
    for length, (total, sampled) in enumerate(
        zip(by_length.totals, by_length.sampled, strict=True)
    ):
        at = {**common, "length": length, "paths": comb(count, length)}
        single = [norms(each).mean().item() for each in sampled]
        measured += [
            Record.of(subject, "path_gradient", median(single), "measured", single, **at),
            Record.of(subject, "path_total", norms(total).mean().item(), "measured", **at),
        ]
    return measured
