"""A training step: forward, backward, update. Files, metrics and signals are handled by `loop`.

A step depends only on the state before it: its batch is derived from (seed, step), dropout's masks from (seed, step,
process). So a run that is stopped anywhere and resumed ends with the same bits on the same machine, versions, threads and
processes.
"""

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim.swa_utils import update_bn

from atalho.data.stream import Stream
from atalho.engines.engine import USUAL, torch_format
from atalho.grammar.module import Outputs
from atalho.recipes.recipe import Recipe
from atalho.runtime.allocator import keep_freed_memory
from atalho.runtime.precision import autocast
from atalho.runtime.syncbn import synchronised
from atalho.training import nonfinite
from atalho.training.arguments import Arguments
from atalho.training.initial import InitialModel


def no_sums(device: torch.device) -> Tensor:
    """Three zeros on the device: the sums of the loss, of correctly classified images and of images, before the first image."""
    return torch.zeros(3, dtype=torch.float64, device=device)


class Learner:
    """A model, its optimiser and its batches.

    Args:
        initial: the model that it begins with.
        batches: returns this process's share of a step's batch.

    Attributes:
        averaged: the running average of the model, where the recipe has one; else None.
        step: number of steps done.
    """

    def __init__(self, arguments: Arguments, initial: InitialModel, batches: Stream) -> None:
        recipe, self.device, self.world = arguments.recipe, arguments.device.torch, arguments.world
        self.arguments = arguments
        self.recipe = recipe
        self.batches = batches
        weights, model = initial.class_weights, initial.module
        self.class_weights = None if weights is None else weights.to(self.device)
        self.memory_format = torch_format(arguments.memory_format)
        self.model: nn.Module = model.to(self.device, memory_format=self.memory_format)  # type: ignore[call-overload]
        if arguments.sync_bn and self.world.size > 1:
            self.model = synchronised(self.model, self.device)
        self.averaged = copy.deepcopy(self.model) if recipe.averaging else None
        # There are no unused parameters, but searching for them keeps the order in which gradients are summed: a resumed run
        # has the same bits.
        together = self.world.size > 1
        self.replica = (
            DistributedDataParallel(self.model, find_unused_parameters=True) if together else None
        )
        whole = self.replica or self.model
        # On one GPU a step is replayed as one CUDA graph: in small networks launching kernels takes longer than running them.
        replayed = self.device.type == "cuda" and not together and arguments.parts == 1
        mode = "reduce-overhead" if replayed else "default"
        self.forward = torch.compile(whole, mode=mode) if arguments.compiled else whole
        self.frozen = [
            part for part in self.model.modules() if initial.frozen and isinstance(part, _BatchNorm)
        ]
        self.optimiser = _optimiser(self.model, recipe, initial)
        self.step = 0
        self.bad_step = torch.full((), -1, device=self.device)
        if self.device.type == "cpu":
            keep_freed_memory()

    @property
    def inference(self) -> nn.Module:
        """The model to evaluate: the average where there is one."""
        return self.model if self.averaged is None else self.averaged

    # State

    def state(self) -> dict[str, Tensor]:
        """All tensors that the next step depends on, by dotted name."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        if self.averaged is not None:
            tensors |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            state = self.optimiser.state.get(parameter, {})
            tensors |= {
                f"optimiser.{key}.{name}": value
                for key, value in state.items()
                if value is not None
            }
        return tensors

    def restore(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Goes back to a saved state, to the bit; `tensors` may hold others too."""
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
        """The loss to minimise, the main classifier's part of it, and the main classifier's logits.

        Args:
            forward: from images to logits or `Outputs`; the compiled and distributed model unless given.
        """

        def of(logits: Tensor) -> Tensor:
            smoothing = self.recipe.label_smoothing
            return F.cross_entropy(
                logits.float(), labels, self.class_weights, label_smoothing=smoothing
            )

        with autocast(self.device, self.arguments.precision):
            outputs = (forward or self.forward)(images)
        if isinstance(outputs, Outputs):
            main = of(outputs.logits)
            heads = [of(head) for head in outputs.auxiliary]
            return main + self.recipe.auxiliary_weight * sum(heads), main, outputs.logits
        main = of(outputs)
        return main, main, outputs

    def advance(self, rate: float) -> Tensor:
        """One step at a learning rate: forward, backward, update. Where loss or gradient is NaN or infinite, nothing is updated.

        Returns:
            The batch's sums as in `no_sums`, over all processes.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        for norm in self.frozen:
            norm.eval()
        images, labels = self._batch(self.step)
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

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        """A step's images and labels; the images lie in memory as the weights do."""
        images, labels = self.batches(step)
        usual = self.arguments.memory_format == USUAL
        return images if usual else images.contiguous(memory_format=self.memory_format), labels

    def _seed(self, step: int) -> None:
        """Seeds torch's generator, which draws dropout's masks, from seed, step and process."""
        key = f"dropout {self.arguments.seed} {step} {self.world.rank}".encode()
        seed = int.from_bytes(hashlib.sha256(key).digest()[:7])
        if self.device.type == "cpu":
            # `torch.manual_seed` also formats the stack, for GPUs that are not used yet, which takes longer than all else here.
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)

    def _gradients_of(self, *, last: bool) -> AbstractContextManager[None]:
        """The context of a part's backward pass: processes exchange gradients in that of the last part only."""
        return self.replica.no_sync() if self.replica and not last else nullcontext()

    def _update(self, sums: Tensor) -> None:
        parameters = [each for each in self.model.parameters() if each.grad is not None]
        norm = get_total_norm([each.grad for each in parameters if each.grad is not None])
        if self.recipe.clip_norm is not None:
            clip_grads_with_norm_(parameters, self.recipe.clip_norm, norm)
        finite = norm.isfinite() & sums[0].isfinite()
        self.bad_step = torch.where(finite | (self.bad_step >= 0), self.bad_step, self.step)
        # The device itself skips the update, as for torch's GradScaler; the host notices when it next reads `bad_step`.
        vars(self.optimiser).update(found_inf=(self.bad_step >= 0).float(), grad_scale=None)
        self.optimiser.step()
        # With frozen or synchronised BatchNorm these are the same in all processes.
        if self.world.size > 1 and not (self.frozen or self.arguments.sync_bn):
            self.world.average(_statistics(self.model))
        if self.averaged is not None:
            self._average(self.averaged)

    @torch.no_grad()
    def _average(self, averaged: nn.Module) -> None:
        """Updates the running average; it spans fewer steps at first, so that the initial weights soon have no part in it."""
        assert self.recipe.averaging is not None
        share = max(1 - self.recipe.averaging, 9 / (10 + self.step))
        for mean, weight in zip(averaged.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(weight, share)
        for average, buffer in zip(averaged.buffers(), self.model.buffers(), strict=True):
            average.copy_(buffer)

    def bad(self) -> int | None:
        """The first step whose loss or gradient was NaN or infinite; None if there is none. The host waits for the device."""
        step = int(self.bad_step.item())
        return step if step >= 0 else None

    def first_bad_row(self, step: int) -> str:
        """The first row in which the numbers of `step` are NaN or infinite, as `nonfinite.first_row` words it."""
        self._seed(step)
        images, labels = self._batch(step)
        # The model itself, neither compiled nor distributed, so that hooks on its rows are called.
        return nonfinite.first_row(self.model, lambda: self.loss(images, labels, self.model)[0])

    def rehearse(self, count: int) -> None:
        """A step with the first `count` images by this process alone; it changes the weights and the optimiser's state."""
        self.optimiser.zero_grad(set_to_none=True)
        images, labels = self._batch(self.step)
        self.loss(images[:count], labels[:count], self.model)[0].backward()
        self.optimiser.step()

    def reestimate(self, images: int, stop: Callable[[], None]) -> None:
        """Computes BatchNorm's statistics anew, as means over the batches of the next steps, of all processes' shares.

        Args:
            images: how many there are in these batches, at least; with 0 the statistics are left as they are.
            stop: is called after every batch.
        """

        def further() -> Iterator[tuple[Tensor, Tensor]]:
            for step in range(self.step, self.step + ceil(images / self.recipe.batch_size)):
                yield self._batch(step)
                stop()

        if not images:
            return
        self._seed(self.step)  # dropout is active, and a resumed run must draw the same masks
        with autocast(self.device, self.arguments.precision):
            update_bn(further(), self.inference)
        self.world.average(_statistics(self.inference))


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix` and a dot, by the rest of the name."""
    start = prefix + "."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }


def _statistics(model: nn.Module) -> list[Tensor]:
    """BatchNorm's running means and variances."""
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    return [
        each for norm in norms for each in (norm.running_mean, norm.running_var) if each is not None
    ]


def _optimiser(
    model: nn.Module, recipe: Recipe, initial: InitialModel
) -> torch.optim.SGD | torch.optim.AdamW:
    """The recipe's optimiser; `share` is a group's share of the learning rate."""
    parameters = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    groups = [
        {"params": [each for name, each in parameters if name in initial.head], "share": 1.0},
        {
            "params": [each for name, each in parameters if name not in initial.head],
            "share": initial.body_rate,
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
