"""A network that learns, a step at a time: forward, backward, update. Files, metrics and signals are not its matter.

A step is a pure function of the state before it: its batch comes from (seed, step), dropout's masks from (seed, step,
process), so a run stopped anywhere and resumed ends with the same bits (same machine, versions, threads and processes).
"""

import copy
import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim.swa_utils import update_bn

from atalho.data.stream import Stream
from atalho.grammar.module import Outputs
from atalho.recipes.recipe import Recipe
from atalho.runtime.precision import autocast
from atalho.runtime.syncbn import synchronised
from atalho.training import nonfinite
from atalho.training.arguments import Arguments


def no_sums(device: torch.device) -> Tensor:
    """(3,) sums of loss, of images classified right, and of images, before the first image; on the device, until they are read."""
    return torch.zeros(3, dtype=torch.float64, device=device)


class Learner:
    """A model, its optimiser and its batches.

    Args:
        model: returns (N, classes) logits, or `Outputs` in training mode.
        batches: of every step, this process's share.
        head: names of the parameters that are drawn anew and learn at the full rate, where the body has a rate of its own.

    Attributes:
        averaged: the running average of the model, where the recipe has one.
        step: how many are done.
    """

    def __init__(
        self,
        arguments: Arguments,
        model: nn.Module,
        batches: Stream,
        *,
        head: frozenset[str] = frozenset(),
    ) -> None:
        recipe, self.device, self.world = arguments.recipe, arguments.device.torch, arguments.world
        self.arguments = arguments
        self.recipe = recipe
        self.batches = batches
        self.model: nn.Module = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if arguments.sync_bn and self.world.size > 1:
            self.model = synchronised(self.model, self.device)
        self.averaged = copy.deepcopy(self.model) if recipe.averaging else None
        # Unused parameters are looked for, though there are none: then the order in which gradients are summed never
        # changes, and a resumed run has the same bits.
        together = self.world.size > 1
        self.replica = (
            DistributedDataParallel(self.model, find_unused_parameters=True) if together else None
        )
        whole = self.replica or self.model
        # On one GPU replayed as one CUDA graph: the launches of small networks take longer than their work.
        replayed = self.device.type == "cuda" and not together and arguments.parts == 1
        mode = "reduce-overhead" if replayed else "default"
        self.forward = torch.compile(whole, mode=mode) if arguments.compiled else whole
        self.optimiser = _optimiser(self.model, recipe, head)
        self.step = 0
        self.bad_step = torch.full((), -1, device=self.device)

    @property
    def inference(self) -> nn.Module:
        """The model that is evaluated: the average where there is one."""
        return self.model if self.averaged is None else self.averaged

    # State

    def state(self) -> dict[str, Tensor]:
        """Everything beside the number of the step that the next one depends on."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        if self.averaged is not None:
            tensors |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            kept = self.optimiser.state.get(parameter, {})
            tensors |= {
                f"optimiser.{key}.{name}": value for key, value in kept.items() if value is not None
            }
        return tensors

    def restore(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Goes back to a saved state, exactly; other tensors may be among its own."""
        self.step = step
        self.model.load_state_dict(under("model", tensors))
        if self.averaged is not None:
            self.averaged.load_state_dict(under("averaged", tensors))
        parameters = dict(self.model.named_parameters())
        for key_and_name, tensor in under("optimiser", tensors).items():
            key, _, name = key_and_name.partition(".")
            parameter = parameters[name]
            like = parameter if tensor.shape == parameter.shape else tensor.to(self.device)
            self.optimiser.state[parameter][key] = torch.empty_like(like).copy_(tensor)

    # A step

    def loss(
        self, images: Tensor, labels: Tensor, forward: Callable[[Tensor], Any] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The loss to be minimised, the main classifier's share of it, and its logits.

        Args:
            forward: from images to logits or `Outputs`; the model as it is compiled and shared, unless given.
        """

        def of(logits: Tensor) -> Tensor:
            smoothing = self.recipe.label_smoothing
            return F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)

        with autocast(self.device, self.arguments.precision):
            outputs = (forward or self.forward)(images)
        if isinstance(outputs, Outputs):
            main = of(outputs.logits)
            heads = [of(head) for head in outputs.auxiliary]
            return main + self.recipe.auxiliary_weight * sum(heads), main, outputs.logits
        main = of(outputs)
        return main, main, outputs

    def advance(self, rate: float) -> Tensor:
        """One step at a learning rate: forward, backward, update; no update from a loss or a gradient that is NaN or infinite.

        Returns:
            The batch's sums, over all processes.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        images, labels = self.batches(self.step)
        self._seed(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        sums = no_sums(self.device)
        parts = [
            *zip(*(t.tensor_split(self.arguments.parts) for t in (images, labels)), strict=True)
        ]
        for number, (x, y) in enumerate(parts, start=1):
            with self._gradients_of(last=number == len(parts)):
                loss, main, logits = self.loss(x, y)
                (loss * (len(y) / len(labels))).backward()
            sums[0] += main.detach() * len(y)
            sums[1] += (logits.detach().argmax(1) == y).sum()
            sums[2] += len(y)
        self._update(self.world.sum(sums))
        self.step += 1
        return sums

    def _seed(self, step: int) -> None:
        """Dropout's masks, as a function of seed, step and process."""
        key = f"dropout {self.arguments.seed} {step} {self.world.rank}".encode()
        torch.manual_seed(int.from_bytes(hashlib.sha256(key).digest()[:7]))

    def _gradients_of(self, *, last: bool) -> AbstractContextManager[None]:
        """Processes exchange gradients once a step, with its last part."""
        return self.replica.no_sync() if self.replica and not last else nullcontext()

    def _update(self, sums: Tensor) -> None:
        parameters = [each for each in self.model.parameters() if each.grad is not None]
        norm = get_total_norm([each.grad for each in parameters if each.grad is not None])
        if self.recipe.clip_norm is not None:
            clip_grads_with_norm_(parameters, self.recipe.clip_norm, norm)
        finite = norm.isfinite() & sums[0].isfinite()
        self.bad_step = torch.where(finite | (self.bad_step >= 0), self.bad_step, self.step)
        # The device skips the update by itself, as it does for torch's GradScaler; the host is told when it next reads.
        vars(self.optimiser).update(found_inf=(self.bad_step >= 0).float(), grad_scale=None)
        self.optimiser.step()
        if self.averaged is not None:
            self._average(self.averaged)

    @torch.no_grad()
    def _average(self, averaged: nn.Module) -> None:
        """Moves the running average; it remembers fewer steps at first, so that the weights drawn are soon forgotten."""
        assert self.recipe.averaging is not None
        share = max(1 - self.recipe.averaging, 9 / (10 + self.step))
        for mean, weight in zip(averaged.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(weight, share)
        for kept, buffer in zip(averaged.buffers(), self.model.buffers(), strict=True):
            kept.copy_(buffer)

    def bad(self) -> int | None:
        """The first step whose update was not made, since its loss or a gradient was NaN or infinite; None without one. The host waits for the device."""
        step = int(self.bad_step.item())
        return step if step >= 0 else None

    def first_bad_row(self, step: int) -> str:
        """Where that step's numbers stop being finite, in words."""
        self._seed(step)
        images, labels = self.batches(step)
        # The model itself: its rows can be watched, though it is compiled or shared in training.
        return nonfinite.first_row(self.model, lambda: self.loss(images, labels, self.model)[0])

    def rehearse(self, count: int) -> None:
        """A step with so many images by this process alone; it spoils the weights and the optimiser's state."""
        self.optimiser.zero_grad(set_to_none=True)
        images, labels = self.batches(self.step)
        self.loss(images[:count], labels[:count], self.model)[0].backward()
        self.optimiser.step()

    def reestimate(self, further: range) -> None:
        """BatchNorm's statistics anew, over the batches of further steps."""
        self._seed(self.step)  # dropout works here too, and a run may be resumed at its end
        with autocast(self.device, self.arguments.precision):
            update_bn(map(self.batches, further), self.inference)


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose name begins with `prefix` and a dot, without it."""
    start = prefix + "."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }


def _optimiser(
    model: nn.Module, recipe: Recipe, head: frozenset[str]
) -> torch.optim.SGD | torch.optim.AdamW:
    """The recipe's optimiser; `share` is a group's share of the learning rate."""
    named = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    groups = [
        {"params": [each for name, each in named if name in head], "share": 1.0},
        {
            "params": [each for name, each in named if name not in head],
            "share": recipe.body_rate if head else 1.0,
        },
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(groups, recipe.lr, weight_decay=recipe.weight_decay, fused=True)
    return torch.optim.SGD(
        groups,
        recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        fused=True,
    )
