"""How the loss's gradient flows back: its norm at every row, and through which branch it reaches each join's input.

Both are measured in training mode, where BatchNorm uses the batch's own statistics, as in a training step. An image's loss
then depends on the other images too, so ∂L/∂x of an image is the gradient of the batch's summed loss.
"""

from collections.abc import Sequence
from math import log10
from statistics import linear_regression
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atalho.grammar.module import Head, Model
from atalho.probes.passes import Batch, Call, joins, loss, norms, rows, undisturbed, watched
from atalho.record import Record

PROTOCOL = "training mode with batch statistics; gradient of the batch's summed loss, per image"


class Norm(NamedTuple):
    """The gradient at a row's output, and at its weights.

    Attributes:
        gradient: mean over images of ‖∂L/∂x‖₂ / √elements, in nats.
        elements: how many the row's output has for one image.
        weights: ‖∂L/∂W‖ / ‖W‖ of all the row's weights, for the batch's mean loss; None for a row without weights.
    """

    gradient: float
    elements: int
    weights: float | None


class Profile(NamedTuple):
    """The gradient's norm through a network, from its first row to its last.

    Attributes:
        norms: by row, in the order of the rows.
        first, last: the rows between which the gradient is compared: the first and the last of those whose output is a map
            of more than one pixel, which are the first block's input and the last block's output.
    """

    norms: dict[str, Norm]
    first: str
    last: str

    @property
    def ratio(self) -> float:
        """The gradient that reaches `first` over that at `last`, per element: above 1 it grows on its way back."""
        return self.norms[self.first].gradient / self.norms[self.last].gradient

    @property
    def raw_ratio(self) -> float:
        """The same ratio of whole norms, not divided by √elements."""
        first, last = self.norms[self.first], self.norms[self.last]
        return self.ratio * float((first.elements / last.elements) ** 0.5)

    @property
    def between(self) -> list[float]:
        """The norms from `first` to `last`."""
        names = [*self.norms]
        rows = names[names.index(self.first) : names.index(self.last) + 1]
        return [self.norms[name].gradient for name in rows]

    @property
    def slope(self) -> float:
        """The least-squares slope of log₁₀ of the norm from `first` to `last`, in decades a row; below 0 the gradient grows on its way back."""
        heights = [log10(norm) for norm in self.between]
        return linear_regression(range(len(heights)), heights).slope


def profile(model: nn.Module, batch: Batch, auxiliary_weight: float = 0.0) -> Profile | None:
    """The gradient's norm at every row's output and weights; None where fewer than two rows have maps as outputs.

    An auxiliary head (`Head`) is in `norms`, but is neither the first nor the last row.
    """
    parts = rows(model)
    with undisturbed(model, training=True), torch.enable_grad(), watched(parts) as calls:
        total = loss(model, batch, auxiliary_weight)
        outputs = {name: call.output for name, call in calls.items() if call.output.requires_grad}
        weights = {
            name: [p for p in parts[name].parameters() if p.requires_grad and p.dim() > 1]
            for name in outputs
        }
        targets = [*outputs.values(), *(each for own in weights.values() for each in own)]
        gradients = iter(torch.autograd.grad(total, targets, allow_unused=True))
    at_rows = {name: next(gradients) for name in outputs}
    at_weights = {name: [next(gradients) for _ in own] for name, own in weights.items()}
    measured = {}
    for name in parts:
        if (gradient := at_rows.get(name)) is not None:
            measured[name] = Norm(
                (norms(gradient).mean() / gradient[0].numel() ** 0.5).item(),
                gradient[0].numel(),
                _relative(at_weights[name], weights[name], len(batch.labels)),
            )
    maps = [
        name
        for name in measured
        if not isinstance(parts[name], Head) and outputs[name][0, 0].numel() > 1
    ]
    return Profile(measured, maps[0], maps[-1]) if len(maps) > 1 else None


def _relative(
    gradients: Sequence[Tensor | None], weights: list[nn.Parameter], images: int
) -> float | None:
    if not weights:
        return None
    existing = [each for each in gradients if each is not None]
    return (_joint_norm(existing) / images / _joint_norm(weights)).item()


def _joint_norm(tensors: Sequence[Tensor]) -> Tensor:
    squares = [each.detach().square().sum() for each in tensors]
    return torch.stack(squares).sum().sqrt()


class Shares(NamedTuple):
    """How much of the gradient reaches a join's input through each branch.

    Attributes:
        branches: by name, mean over images of ‖J_bᵀg‖ / Σ_b' ‖J_b'ᵀg‖.
        cosine: mean over images of the cosine between the gradients through the two branches of a sum; None where branches
            are joined by channel.
        adds: whether the branches are summed.
    """

    branches: dict[str, float]
    cosine: float | None
    adds: bool


def parts(
    model: Model, batch: Batch, auxiliary_weight: float = 0.0
) -> dict[str, dict[str, Tensor]]:
    """For every row with a join, by branch: the part of ∂L/∂x that comes through the branch, of the shape of the row's input x.

    With g = ∂L/∂(the join's output), before any ReLU, a branch's part is its vector-Jacobian product J_bᵀg (with
    the g of its own channels, where branches are joined by channel). The parts sum to ∂L/∂x.
    """
    if not (row_joins := joins(model)):
        return {}
    modules = {(row, ""): join.module for row, join in row_joins.items()}
    modules |= {
        (row, name): m for row, join in row_joins.items() for name, m in join.branches.items()
    }
    watched_modules = {"\0".join(key): module for key, module in modules.items()}
    inputs = batch._replace(images=batch.images.detach().requires_grad_())
    with undisturbed(model, training=True), torch.enable_grad(), watched(watched_modules) as calls:
        total = loss(model, inputs, auxiliary_weight)
        by_key = {key: calls["\0".join(key)] for key in modules}
        gradients = torch.autograd.grad(
            total, [by_key[row, ""].output for row in row_joins], retain_graph=True
        )
        by_row = {}
        for (row, join), gradient in zip(row_joins.items(), gradients, strict=True):
            branches = {name: by_key[row, name] for name in join.branches}
            sizes = [call.output.shape[1] for call in branches.values()]
            own = [gradient] * len(sizes) if join.adds else gradient.split(sizes, dim=1)
            by_row[row] = {
                name: vector_jacobian(call, by_key[row, ""].input, g)
                for (name, call), g in zip(branches.items(), own, strict=True)
            }
    return by_row


def vector_jacobian(call: Call, to: Tensor, gradient: Tensor) -> Tensor:
    """Jᵀ · `gradient` of a call's output with respect to `to`; the graph is kept."""
    return torch.autograd.grad(call.output, to, gradient, retain_graph=True)[0]


def shares(model: Model, batch: Batch, auxiliary_weight: float = 0.0) -> dict[str, Shares]:
    """How much of the gradient comes back through each branch, for every row with a join.

    In a residual block the shortcut's share is s = ‖Sᵀg‖ / (‖Sᵀg‖ + ‖J_Fᵀg‖), with S the shortcut and F the residual function
    (He 2015, eq. 2); in an Inception module every branch has a share.
    """
    row_joins = joins(model)
    by_row = {}
    for row, by_branch in parts(model, batch, auxiliary_weight).items():
        sizes = {name: norms(part) for name, part in by_branch.items()}
        whole = torch.stack([*sizes.values()]).sum(0)
        by_row[row] = Shares(
            {name: (size / whole).mean().item() for name, size in sizes.items()},
            _cosine(*by_branch.values()) if row_joins[row].adds else None,
            row_joins[row].adds,
        )
    return by_row


def _cosine(first: Tensor, second: Tensor) -> float:
    return F.cosine_similarity(first.flatten(1), second.flatten(1), dim=1).mean().item()


def records(
    subject: str,
    model: nn.Module,
    batch: Batch,
    auxiliary_weight: float = 0.0,
    /,
    **conditions: Any,
) -> list[Record]:
    """The profile as records: a norm for each row, their ratio and slope; none where fewer than two rows have maps as outputs.

    Ratio and slope are left out where a gradient is 0 between the two rows.
    """
    gradient_profile = profile(model, batch, auxiliary_weight)
    if gradient_profile is None:
        return []
    common = {**conditions, "batch": len(batch.labels), "protocol": PROTOCOL}
    measured = []
    for index, (row, norm) in enumerate(gradient_profile.norms.items()):
        at = {**common, "row": row, "index": index}
        measured.append(
            Record.of(
                subject, "gradient_norm", norm.gradient, "measured", **at, elements=norm.elements
            )
        )
        if norm.weights is not None:
            measured.append(
                Record.of(subject, "weight_gradient_ratio", norm.weights, "measured", **at)
            )
    if min(gradient_profile.between) > 0:
        common |= {"first": gradient_profile.first, "last": gradient_profile.last}
        measured += [
            Record.of(
                subject,
                "gradient_ratio",
                gradient_profile.ratio,
                "measured",
                **common,
                raw=gradient_profile.raw_ratio,
            ),
            Record.of(subject, "gradient_slope", gradient_profile.slope, "measured", **common),
        ]
    return measured


def share_records(
    subject: str,
    model: Model,
    batch: Batch,
    auxiliary_weight: float = 0.0,
    /,
    **conditions: Any,
) -> list[Record]:
    """The shares as records; for a network without joins, which has no shortcut, one record of a share of 0 by definition."""
    common = {**conditions, "batch": len(batch.labels), "protocol": PROTOCOL}
    by_row = shares(model, batch, auxiliary_weight)
    if not by_row:
        by_definition = {**common, "protocol": "no shortcut: 0 by definition"}
        return [Record.of(subject, "shortcut_share", 0.0, "computed", **by_definition)]
    names = [*rows(model)]
    measured = []
    for row, share in by_row.items():
        at = {**common, "row": row, "index": names.index(row)}
        if share.cosine is not None:
            s = share.branches["shortcut"]
            measured.append(Record.of(subject, "shortcut_share", s, "measured", **at))
            measured.append(Record.of(subject, "shortcut_cosine", share.cosine, "measured", **at))
        else:
            measured += [
                Record.of(subject, "branch_share", value, "measured", **at, branch=name)
                for name, value in share.branches.items()
            ]
    return measured
