"""A batch through a module, with the inputs and outputs of its parts; the module is left as it was."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from atalho.grammar.module import AddBranches, ConcatBranches, Model, Outputs


class Batch(NamedTuple):
    """Images with their labels.

    Attributes:
        images: (N, C, H, W) floats, preprocessed for the network.
        labels: (N,) of int64.
    """

    images: Tensor
    labels: Tensor


class Call(NamedTuple):
    """One call of a module.

    Attributes:
        input: its first argument.
        output: what it returned.
        passed: the copy of `output` that the next module received, which may have been changed in place since.
    """

    input: Tensor
    output: Tensor
    passed: Tensor


class Join(NamedTuple):
    """Where a row's branches meet: the outermost `Add` or `Concat` in it.

    Attributes:
        branches: by name, in the order in which they are summed or joined.
    """

    module: nn.Module
    branches: dict[str, nn.Module]

    @property
    def adds(self) -> bool:
        """Whether the branches are summed, as in a residual block, or joined by channel."""
        return isinstance(self.module, AddBranches)


def rows(model: nn.Module) -> dict[str, nn.Module]:
    """The rows by name of a module that was built from a table; of any other module its children, those of an `nn.Sequential` singly."""
    if isinstance(model, Model):
        return dict(model.named_children())
    named_rows: dict[str, nn.Module] = {}
    for name, child in model.named_children():
        if type(child) is nn.Sequential:
            named_rows |= {f"{name}.{inner}": part for inner, part in rows(child).items()}
        else:
            named_rows[name] = child
    return named_rows


def joins(model: Model) -> dict[str, Join]:
    """The outermost join of every row that has one, by the row's name."""

    def outermost(module: nn.Module) -> Iterator[Join]:
        if isinstance(module, AddBranches | ConcatBranches):
            yield Join(module, dict(module.named_children()))
        else:
            for child in module.children():
                yield from outermost(child)

    return {name: join for name, row in rows(model).items() for join in outermost(row)}


@contextmanager
def watched(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, Call]]:
    """Inside, records calls of `modules`: by name, in the order in which they end; of several calls of one module, the last.

    A module that returns something other than a tensor is left out.
    """
    calls: dict[str, Call] = {}

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
            if not isinstance(output, Tensor) or not inputs:
                return output
            calls[name] = Call(inputs[0], output, output.clone())
            return calls[name].passed

        return module.register_forward_hook(note)

    handles = [watch(name, module) for name, module in modules.items()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def undisturbed(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Inside, the model is in training or in evaluation mode; afterwards it is as before, BatchNorm's statistics too.

    Dropout's masks are the same every time, and torch's generators are left as they were.
    """
    before = {module: module.training for module in model.modules()}
    tracking = [m for m in before if isinstance(m, _BatchNorm) and m.track_running_stats]
    model.train(training)
    for norm in tracking:
        norm.track_running_stats = not training  # off: batch statistics, which nothing keeps
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            yield
    finally:
        for norm in tracking:
            norm.track_running_stats = True
        for module, mode in before.items():
            module.training = mode


def loss(model: nn.Module, batch: Batch, auxiliary_weight: float = 0.0) -> Tensor:
    """The loss that training minimises, summed over the batch: cross-entropy in nats, plus the weighted one of auxiliary heads."""
    outputs = model(batch.images)
    if not isinstance(outputs, Outputs):
        return F.cross_entropy(outputs, batch.labels, reduction="sum")
    main, *heads = (
        F.cross_entropy(logits, batch.labels, reduction="sum")
        for logits in (outputs.logits, *outputs.auxiliary)
    )
    return main + auxiliary_weight * sum(heads)


def norms(tensor: Tensor) -> Tensor:
    """The Euclidean norm of each image's part of a tensor (N, …), of shape (N,)."""
    per_image: Tensor = torch.linalg.vector_norm(tensor.flatten(1), dim=1)
    return per_image
