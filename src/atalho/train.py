"""The training loop, and nothing else.

A step is a pure function of the state before it: its batch comes from (seed, step), so a run stopped anywhere and resumed ends
with the same bits (same machine, versions and threads).
"""

import csv
import io
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atalho import checkpoint
from atalho.data.batches import Batches, Preprocessing
from atalho.data.dataset import Dataset, Split
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.measure.accuracy import Accuracy, accuracy
from atalho.module import Outputs
from atalho.precision import Precision, autocast
from atalho.recipes.recipe import Recipe

SAVE_EVERY = 60.0  # seconds; what a crash can cost
LEAST_ROWS = 20  # of metrics.csv; longer runs have one an epoch
READ_EVERY = 20  # steps; reading makes the host wait for the device
EVALUATION_BATCH = 500
COLUMNS = ("step", "epoch", "lr", "train_loss", "train_top1", "val_loss", "val_top1")


class Progress(NamedTuple):
    """What a run says of itself every few steps."""

    step: int
    steps: int
    epoch: float
    loss: float
    top1: float
    images_per_second: float


class Stopped(Exception):  # noqa: N818 (no error: the state is saved)
    """A signal ended the run after a whole step; `exit` is the command's exit code."""

    def __init__(self, exit: Exit, step: int) -> None:
        super().__init__(f"stopped after step {step}; its state is saved")
        self.exit = exit


@dataclass
class _Sums:
    """Running sums of an epoch, kept on the device until they are read."""

    loss: Tensor
    right: Tensor
    images: Tensor

    @classmethod
    def zero(cls, device: torch.device) -> "_Sums":
        zero = torch.zeros((), dtype=torch.float64, device=device)
        return cls(zero, zero.clone(), zero.clone())

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        self.loss += loss.detach().double() * len(labels)
        self.right += (logits.detach().argmax(1) == labels).sum()
        self.images += len(labels)

    def means(self) -> tuple[float, float]:
        loss, right, images = torch.stack([self.loss, self.right, self.images]).tolist()
        return loss / images, right / images


class Run:
    """One training run in its folder.

    Args:
        name: of the network, for messages.
        model: answers (N, classes) logits, or `Outputs` in training mode.
        folder: where `metrics.csv` and `checkpoints/` are kept.
        report: told of the progress every few steps.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        data: Dataset,
        recipe: Recipe,
        preprocessing: Preprocessing,
        folder: Path,
        *,
        seed: int,
        device: torch.device,
        precision: Precision,
        report: Callable[[Progress], None],
    ) -> None:
        split = data.training(with_validation=recipe.with_validation)
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.name = name
        self.recipe = recipe
        self.preprocessing = preprocessing
        self.validation = None if recipe.with_validation else data.splits["val"]
        self.folder = folder
        self.device = device
        self.precision = precision
        self.report = report
        self.images = len(split.labels)
        self.steps = recipe.length(self.images)
        epoch = round(self.images / recipe.batch_size)
        self.interval = max(1, min(epoch, self.steps // LEAST_ROWS))
        self.batches = Batches(
            split,
            preprocessing,
            recipe.augmentation,
            batch=recipe.batch_size,
            seed=seed,
            mirror=data.mirror,
            device=device,
        )
        self.optimiser = torch.optim.SGD(
            model.parameters(),
            lr=recipe.lr,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=recipe.nesterov,
        )
        self.step = 0
        self.warming = recipe.warmup is not None
        self.epoch_sums = _Sums.zero(device)
        self.recent_sums = _Sums.zero(device)
        self.rows: list[dict[str, Any]] = []
        self.seconds = 0.0
        torch.manual_seed(seed)  # dropout's masks

    # State

    def state(self) -> checkpoint.State:
        tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            if parameter in self.optimiser.state:
                buffer = self.optimiser.state[parameter]["momentum_buffer"]
                tensors[f"momentum.{name}"] = buffer
        for name, sums in (("epoch", self.epoch_sums), ("recent", self.recent_sums)):
            tensors |= {f"{name}.{key}": value for key, value in vars(sums).items()}
        tensors["generator.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["generator.cuda"] = torch.cuda.get_rng_state(self.device)
        facts = {"warming": self.warming, "rows": self.rows, "seconds": self.seconds}
        return checkpoint.State(self.step, tensors, facts)

    def restore(self, state: checkpoint.State) -> None:
        """Goes back to a saved state, exactly."""

        def under(prefix: str) -> dict[str, Tensor]:
            start = prefix + "."
            return {
                name.removeprefix(start): tensor
                for name, tensor in state.tensors.items()
                if name.startswith(start)
            }

        self.model.load_state_dict(under("model"))
        momentum = under("momentum")
        for name, parameter in self.model.named_parameters():
            if name in momentum:
                buffer = torch.empty_like(parameter).copy_(momentum[name])
                self.optimiser.state[parameter]["momentum_buffer"] = buffer
        self.epoch_sums = _Sums(**{k: v.to(self.device) for k, v in under("epoch").items()})
        self.recent_sums = _Sums(**{k: v.to(self.device) for k, v in under("recent").items()})
        torch.set_rng_state(state.tensors["generator.cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state.tensors["generator.cuda"], self.device)
        self.step = state.step
        self.warming = state.facts["warming"]
        self.rows = list(state.facts["rows"])
        self.seconds = state.facts["seconds"]

    def save(self) -> None:
        checkpoint.save(self.folder / "checkpoints", self.state())

    def write_metrics(self) -> None:
        """All rows anew: after a resumption the file says what the state says."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.folder / "metrics.csv", text.getvalue().encode())

    # The loop

    def rate(self) -> float:
        if self.warming and self.recipe.warmup:
            return self.recipe.warmup.lr
        return self.recipe.lr * self.recipe.schedule.scale(self.step, self.steps)

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The loss to be minimised, the main classifier's share of it, and its logits."""
        with autocast(self.device, self.precision):
            outputs = self.model(images)
        if isinstance(outputs, Outputs):
            main = F.cross_entropy(outputs.logits.float(), labels)
            heads = [F.cross_entropy(head.float(), labels) for head in outputs.auxiliary]
            return main + self.recipe.auxiliary_weight * sum(heads), main, outputs.logits
        main = F.cross_entropy(outputs.float(), labels)
        return main, main, outputs

    def advance(self) -> None:
        """One step: forward, backward, update."""
        rate = self.rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        images, labels = self.batches(self.step)
        loss, main, logits = self.loss(images, labels)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimiser.step()
        for sums in (self.epoch_sums, self.recent_sums):
            sums.add(main, logits, labels)
        self.step += 1

    def finite(self, sums: _Sums) -> tuple[float, float]:
        """The means of `sums`, or an error that leaves the last checkpoint as the last good state."""
        loss, top1 = sums.means()
        if not math.isfinite(loss):
            raise AtalhoError(
                "LOSS-NOT-FINITE",
                self.name,
                f"the loss is {loss} by step {self.step}; earlier checkpoints are kept in {self.folder}",
                next_step="train again into another --output with a lower --lr",
                exit=Exit.NUMBERS,
            )
        return loss, top1

    def read(self, images_per_second: float) -> None:
        """Reads the recent sums: reports them, ends the warm-up, and stops a run whose loss is no number."""
        loss, top1 = self.finite(self.recent_sums)
        if self.warming and self.recipe.warmup and 1 - top1 < self.recipe.warmup.until_error:
            self.warming = False
        self.recent_sums = _Sums.zero(self.device)
        epoch = self.step * self.recipe.batch_size / self.images
        self.report(Progress(self.step, self.steps, epoch, loss, top1, images_per_second))

    def row(self) -> dict[str, Any]:
        """A row of metrics.csv: the training means since the last one, and the validation split's accuracy."""
        loss, top1 = self.finite(self.epoch_sums)
        self.epoch_sums = _Sums.zero(self.device)
        row: dict[str, Any] = {
            "step": self.step,
            "epoch": self.step * self.recipe.batch_size / self.images,
            "lr": self.optimiser.param_groups[0]["lr"],  # of the last step
            "train_loss": loss,
            "train_top1": top1,
        }
        if self.validation:
            found = self.evaluate(self.validation)
            row |= {"val_loss": found.loss, "val_top1": found.top1}
        return row

    def evaluate(self, split: Split) -> Accuracy:
        return accuracy(
            self.model,
            split,
            self.preprocessing,
            batch=EVALUATION_BATCH,
            device=self.device,
            precision=self.precision,
        )

    def train(self) -> None:
        """Runs to the last step, from wherever the state is.

        Raises:
            Stopped: after SIGINT or SIGTERM, once the step is done and the state saved.
            AtalhoError: LOSS-NOT-FINITE (exit 7).
        """
        self.model.train()
        begun = saved = read = time.monotonic()
        before, last_read = self.seconds, self.step
        with _signals() as received:
            while self.step < self.steps:
                self.advance()
                done = self.step == self.steps
                whole = self.step % self.interval == 0 or done
                if self.step % READ_EVERY == 0 or done:
                    now = time.monotonic()
                    images = (self.step - last_read) * self.recipe.batch_size
                    self.read(images / (now - read))
                    read, last_read = now, self.step
                if whole:
                    self.rows.append(self.row())
                    self.write_metrics()
                now = time.monotonic()
                self.seconds = before + now - begun
                if received and not done:
                    self.save()
                    raise Stopped(received[0], self.step)
                if done or (whole and now - saved > SAVE_EVERY):
                    self.save()
                    saved = time.monotonic()


@contextmanager
def _signals() -> Iterator[list[Exit]]:
    """Collects SIGINT and SIGTERM instead of ending at once; a second one does what it always does."""
    received: list[Exit] = []
    codes = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}
    before = {number: signal.getsignal(number) for number in codes}

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(codes[signal.Signals(number)])
        signal.signal(number, before[signal.Signals(number)])

    try:
        for number in codes:
            signal.signal(number, receive)
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
