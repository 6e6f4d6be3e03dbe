"""The training loop, and nothing else: steps, rows of metrics.csv, checkpoints, and what ends a run."""

import copy
import csv
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from atalho import record
from atalho.data.batches import Preprocessing
from atalho.data.dataset import Dataset, Images, Split
from atalho.data.stream import stream
from atalho.errors import AtalhoError, Exit, Stopped
from atalho.evaluation.accuracy import Accuracy, accuracy
from atalho.files import write_atomically
from atalho.probes.probe import Probe
from atalho.recipes.recipe import Plateau
from atalho.runtime.memory import is_out_of_memory
from atalho.training import checkpoint, headroom, signals
from atalho.training.arguments import Arguments
from atalho.training.folder import CHECKPOINTS
from atalho.training.learner import Learner, no_sums, under
from atalho.weights.trained import Inference

LEAST_ROWS = 20  # of metrics.csv; longer runs have one an epoch
READ_EVERY = 20  # steps; reading makes the host wait for the device
REPORT_EVERY = 2.0  # seconds, at the least
COLUMNS = ("step", "epoch", "lr", "train_loss", "train_top1", "val_loss", "val_top1")

Row = dict[str, Any]


class Progress(NamedTuple):
    """What a run says of itself every few steps."""

    step: int
    steps: int
    epoch: float
    loss: float
    top1: float
    images_per_second: float


_WORST = (-1.0, 0.0)


def _merit(row: Row) -> tuple[float, float]:
    """What the best row has most of: validation accuracy, and of equal ones the lower loss."""
    return row["val_top1"], -row["val_loss"]


class _Means(NamedTuple):
    loss: float
    top1: float


@dataclass(frozen=True)
class _Until:
    """A split that stops being read when a signal has come."""

    split: Images
    stop: Callable[[], None]

    def batches(self, size: int) -> Iterator[Split]:
        for each in self.split.batches(size):
            self.stop()
            yield each


class Run:
    """One training run in its folder.

    Args:
        model: answers (N, classes) logits, or `Outputs` in training mode.
        folder: where `metrics.csv` and `checkpoints/` are kept.
        head: names of the parameters that are drawn anew and learn at the full rate, where the body has a rate of its own.
        probe: looks at the model on its way.
        report: told of the progress every few seconds.
        logged: told of every row of metrics.csv.
        say: told what a person should know.
    """

    def __init__(
        self,
        arguments: Arguments,
        model: nn.Module,
        data: Dataset,
        preprocessing: Preprocessing,
        folder: Path,
        *,
        head: frozenset[str] = frozenset(),
        probe: Probe | None = None,
        report: Callable[[Progress], None] = lambda progress: None,
        logged: Callable[[Row], None] = lambda row: None,
        say: Callable[[str], None] = lambda message: None,
    ) -> None:
        recipe, self.device, self.world = arguments.recipe, arguments.device.torch, arguments.world
        split = data.training(with_validation=recipe.with_validation)
        self.arguments = arguments
        self.recipe = recipe
        self.preprocessing = preprocessing
        self.validation = None if recipe.with_validation else data.splits["val"]
        self.folder = folder
        self.probe = probe
        self.report, self.logged, self.say = report, logged, say
        self.images = len(split.labels)
        self.steps = recipe.length(self.images)
        epoch = round(self.images / recipe.batch_size)
        self.interval = max(1, min(epoch, self.steps // LEAST_ROWS))
        batches = stream(
            split,
            preprocessing,
            recipe.augmentation,
            batch=recipe.batch_size,
            seed=arguments.seed,
            mirror=data.mirror,
            device=self.device,
            share=(self.world.rank, self.world.size),
            workers=arguments.workers,
        )
        self.learner = Learner(arguments, model, batches, head=head)
        self.last_rate = 0.0
        self.warming = recipe.warmup is not None
        self.epoch_sums = no_sums(self.device)
        self.recent_sums = no_sums(self.device)
        self.best: dict[str, Tensor] = {}
        self.rows: list[Row] = []
        self.seconds = 0.0
        self.received = signals.Received()

    @property
    def step(self) -> int:
        """How many are done."""
        return self.learner.step

    @property
    def model(self) -> nn.Module:
        """The model as its last step left it."""
        return self.learner.model

    # State

    def state(self) -> checkpoint.State:
        """Everything that the next step depends on, and what was measured so far."""
        tensors = self.learner.state()
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        tensors |= {"sums.epoch": self.epoch_sums, "sums.recent": self.recent_sums}
        facts = {
            "last_rate": self.last_rate,
            "warming": self.warming,
            "rows": copy.deepcopy(self.rows),
            "seconds": self.seconds,
        }
        return checkpoint.State(self.step, tensors, facts)

    def restore(self, state: checkpoint.State) -> None:
        """Goes back to a saved state, exactly."""
        self.learner.restore(state.step, state.tensors)
        self.best = under("best", state.tensors)
        sums = under("sums", state.tensors)
        self.epoch_sums, self.recent_sums = (sums[k].to(self.device) for k in ("epoch", "recent"))
        self.last_rate = state.facts["last_rate"]
        self.warming = state.facts["warming"]
        self.rows = list(state.facts["rows"])
        self.seconds = state.facts["seconds"]

    def write_metrics(self) -> None:
        """All rows anew: after a resumption the file says what the state says."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.folder / "metrics.csv", text.getvalue().encode())

    # A step

    def rate(self) -> float:
        """The learning rate of the next step."""
        if self.warming and self.recipe.warmup:
            return self.recipe.warmup.lr
        schedule = self.recipe.schedule
        if isinstance(schedule, Plateau):
            return self.recipe.lr * schedule.scale([1 - row["val_top1"] for row in self.rows])
        return self.recipe.lr * schedule.scale(self.step, self.steps)

    def advance(self) -> None:
        """One step, and its batch in the sums."""
        self.last_rate = self.rate()
        found = self.learner.advance(self.last_rate)
        self.epoch_sums += found
        self.recent_sums += found

    # Between steps

    def check(self) -> None:
        """Raises where a step had no finite numbers; the last checkpoint is the last good state."""
        if (bad := self.learner.bad()) is not None:
            raise self._not_finite(bad)

    def means(self, sums: Tensor) -> _Means:
        """The means of `sums`, once they are known to be numbers."""
        self.check()
        loss, right, images = sums.tolist()
        return _Means(loss / images, right / images)

    def _not_finite(self, step: int) -> AtalhoError:
        where = self.learner.first_bad_row(step)
        return AtalhoError(
            "LOSS-NOT-FINITE",
            self.arguments.network,
            f"step {step + 1} has no finite loss or gradient, {where}; "
            f"its update was not made, and earlier checkpoints are kept in {self.folder}",
            next_step="train again into another --output with a lower --lr",
            exit=Exit.NUMBERS,
        )

    def read(self, images_per_second: float) -> None:
        """Reports the recent steps."""
        means = self.means(self.recent_sums)
        epoch = self.step * self.recipe.batch_size / self.images
        self.report(Progress(self.step, self.steps, epoch, *means, images_per_second))

    def renew(self) -> None:
        """Ends the warm-up where the recent steps' error is low enough, and begins to sum anew."""
        warmup = self.recipe.warmup
        if self.warming and warmup and 1 - self.means(self.recent_sums).top1 < warmup.until_error:
            self.warming = False
        self.recent_sums = no_sums(self.device)

    def evaluate(self, split: Images) -> Accuracy:
        """How the model answers a split now, over all processes; it stops where a signal has come."""
        precision = self.arguments.precision
        self.world.take_from_main(self.learner.inference.buffers())
        share = torch.arange(self.world.rank, len(split.labels), self.world.size)
        return accuracy(
            self.learner.inference,
            _Until(split.select(share) if self.world.size > 1 else split, self._stop),
            self.preprocessing,
            batch=Inference(self.device, precision).batch_size(split.framing.input),
            device=self.device,
            precision=precision,
            world=self.world,
        )

    def row_is_due(self) -> bool:
        """Whether metrics.csv lacks a row for the steps done; it may, after a stop in the middle of its evaluation."""
        last = self.rows[-1]["step"] if self.rows else 0
        whole = self.step % self.interval == 0 or self.step == self.steps
        return self.step > last and whole

    def add_row(self) -> None:
        """A row of metrics.csv: the training means since the last one, and the validation split's accuracy."""
        means = self.means(self.epoch_sums)
        row: Row = {
            "step": self.step,
            "epoch": self.step * self.recipe.batch_size / self.images,
            "lr": self.last_rate,
            "train_loss": means.loss,
            "train_top1": means.top1,
        }
        if self.validation:
            found = self.evaluate(self.validation)
            row |= {"val_loss": found.loss, "val_top1": found.top1}
            if self.recipe.best and _merit(row) > max(map(_merit, self.rows), default=_WORST):
                state = self.learner.inference.state_dict()
                self.best = {name: tensor.to("cpu", copy=True) for name, tensor in state.items()}
        self.epoch_sums = no_sums(self.device)
        self.rows.append(row)
        if self.world.main:
            self.write_metrics()
            self.logged(row)

    def look(self, probe: Probe) -> None:
        """Adds a moment to the probe's file; all processes take part, for BatchNorm may wait for them."""
        self.check()
        try:
            found = probe.look(self.model, self.step)
        except ValueError as error:  # a record holds a finite number
            self.say(f"nothing is kept of the probe at step {self.step}: {error}")
            return
        if self.world.main:
            record.append(probe.file, found)

    def ended(self) -> bool:
        """Whether the last step is done, or the best validation is long enough ago."""
        if self.step == self.steps:
            return True
        if self.recipe.patience is None or not self.rows:
            return False
        best = max(range(len(self.rows)), key=lambda index: _merit(self.rows[index]))
        return len(self.rows) - 1 - best >= self.recipe.patience

    # The loop

    def train(self) -> None:
        """Runs to the last step, from wherever the state is.

        Raises:
            Stopped: after SIGINT or SIGTERM, once the step is done and the state saved.
            AtalhoError: LOSS-NOT-FINITE (exit 7), OUT-OF-MEMORY (exit 6).
            OSError: where a checkpoint or metrics.csv cannot be written; the checkpoints before it are whole.
        """
        self.model.train()
        if self.probe and self.world.main:
            self.probe.rewind(self.step)
        writer = checkpoint.Writer(self.folder / CHECKPOINTS) if self.world.main else None
        with signals.collected(self.say) as self.received:
            self._loop(writer)

    def _loop(self, writer: checkpoint.Writer | None) -> None:
        every = 0.0 if self.device.type == "cpu" else signals.MEETING
        self.meetings = signals.Meetings(self.world, self.device, self.step, every)
        before, begun = self.seconds, time.monotonic()
        saved = read = begun
        last_read = self.step
        try:
            while True:
                if self.probe and self.step % self.probe.every == 0:
                    self.look(self.probe)
                if self.row_is_due():
                    self.add_row()
                if self.ended():
                    break
                self._attempt()
                now = time.monotonic()
                self.seconds = before + now - begun
                if now - read > REPORT_EVERY or self.step == self.steps:
                    images = (self.step - last_read) * self.recipe.batch_size
                    self.read(images / (now - read))
                    read, last_read = now, self.step
                if self.step % READ_EVERY == 0:
                    self.renew()
                self._stop(together=True)
                if writer and now - saved > self.arguments.save_every:
                    self.check()  # no state without finite numbers is kept
                    writer.save(self.state())
                    saved = now
        except Stopped:
            self.check()
            if writer:
                writer.save(self.state())
                writer.wait()
            raise
        if writer:
            writer.save(self.state())
            writer.wait()

    def _stop(self, *, together: bool = False) -> None:
        """Ends the run where a signal has come; several processes do it after the same step."""
        code = self.received.code
        if self.world.size > 1:
            stopped = together and self.meetings.any(code is not None, self.step)
            code = (code or Exit.TERMINATED) if stopped else None
        if code is not None:
            raise Stopped(code, self.step)

    def _attempt(self) -> None:
        """A step, or a line that says how many images would have had memory."""
        try:
            self.advance()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            return
        # Outside the handler: the error's traceback holds on to what the step had allocated.
        at_once = self.recipe.batch_size // self.world.size // self.arguments.parts
        # With synchronised BatchNorm a process would wait for the others, which wait for it.
        alone = self.world.size == 1 or not self.arguments.sync_bn
        fits = headroom.largest(self.learner.rehearse, below=at_once) if alone else at_once // 2
        parts = -(-self.arguments.parts * at_once // max(1, fits))
        would = f"; {fits} at a time would" if alone else ""
        raise AtalhoError(
            "OUT-OF-MEMORY",
            self.arguments.network,
            f"a batch of {self.recipe.batch_size}, {at_once} images at a time, does not fit into memory{would}; "
            f"earlier checkpoints are kept in {self.folder}",
            next_step=f"--grad-accum-steps {parts}, which keeps the batch"
            if fits
            else "a smaller network or --img-size",
            exit=Exit.RESOURCES,
        )

    # The end

    def finish(self) -> nn.Module:
        """The model that the run was for: the last, the average or the best, its statistics taken anew where the recipe says so."""
        if self.best:
            self.learner.inference.load_state_dict(self.best)
        if images := self.recipe.reestimate:
            last = self.steps + ceil(images / self.recipe.batch_size)
            self.learner.reestimate(range(self.steps, last))
        return self.learner.inference

    def close(self) -> None:
        """Ends the threads that decode."""
        self.learner.batches.close()
