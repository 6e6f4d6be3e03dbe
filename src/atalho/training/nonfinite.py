"""A step whose loss or gradient is NaN or infinite: the row in which that begins, and the error that says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from atalho.errors import AtalhoError, Exit


def error(network: str, step: int, where: str, folder: Path) -> AtalhoError:
    """The error for a step, counted from 0, whose loss or gradient is NaN or infinite.

    Args:
        where: as `first_row` returns it.
        folder: the run's folder.
    """
    return AtalhoError(
        "LOSS-NOT-FINITE",
        network,
        f"step {step + 1} has no finite loss or gradient, {where}; "
        f"its update was not made, and earlier checkpoints are kept in {folder}",
        next_step="train again into another --output with a lower --lr",
        exit=Exit.NUMBERS,
    )


def first_row(model: nn.Module, loss: Callable[[], Tensor]) -> str:
    """Names the row in which numbers become NaN or infinite, in words for an error message.

    That is the first row of `model` whose output is not finite when `loss` is computed; or else the last one whose gradient is not,
    which the backward pass reaches first. A row is a child of the module. The backward pass's gradients are left in the model.
    """
    rows: list[str] = []
    hooks = [
        child.register_forward_hook(_noting(name, rows)) for name, child in model.named_children()
    ]
    try:
        value = loss()
    finally:
        for hook in hooks:
            hook.remove()
    if rows:
        return f"first in the output of row {rows[0]}"
    if not value.isfinite():
        return "in the loss itself"
    model.zero_grad()
    value.backward()
    for name, child in reversed([*model.named_children()]):
        if any(not p.grad.isfinite().all() for p in child.parameters() if p.grad is not None):
            return f"first in the gradient of row {name}"
    return "in a sum over all gradients"


def _noting(name: str, rows: list[str]) -> Callable[[nn.Module, Any, Any], None]:
    def note(child: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and not output.isfinite().all():
            rows.append(name)

    return note
