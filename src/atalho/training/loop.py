"""The training loop: steps, rows of metrics.csv, checkpoints, and the conditions that end a run."""

import copy
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from torch import Tensor, nn

from atalho import record
from atalho.data.dataset import Dataset, Images
from atalho.errors import Stopped
from atalho.evaluation import shares
from atalho.evaluation.accuracy import Accuracy, Classified, classified, tally
from atalho.probes.probe import Probe
from atalho.recipes.recipe import Plateau
from atalho.runtime.memory import is_out_of_memory
from atalho.training import checkpoint, headroom, nonfinite, signals
from atalho.training.arguments import Arguments
from atalho.training.folder import CHECKPOINTS, KEPT
from atalho.training.images import images_of
from atalho.training.initial import InitialModel
from atalho.training.learner import Learner, no_sums, under
from atalho.training.listeners import SILENT, Listeners, Progress, Row
from atalho.training.metrics import Metrics
from atalho.weights.trained import Inference

READ_EVERY = 20  # steps between two readings of the sums, for which the host waits for the device
REPORT_EVERY = 2.0  # seconds, at the least


class Run:
    """One training run in its folder.

    Args:
        folder: where `metrics.csv` and `checkpoints/` are kept.
        probe: measures the model during training.
    """

    def __init__(
        self,
        arguments: Arguments,
        initial: InitialModel,
        data: Dataset,
        folder: Path,
        *,
        probe: Probe | None = None,
        listeners: Listeners = SILENT,
    ) -> None:
        recipe, self.device, self.world = arguments.recipe, arguments.device.torch, arguments.world
        split = data.training(with_validation=recipe.with_validation)
        self.arguments, self.recipe, self.preprocessing = arguments, recipe, initial.preprocessing
        self.validation = None if recipe.with_validation else data.splits["val"]
        self.folder, self.probe, self.listeners = folder, probe, listeners
        self.images = len(split.labels)
        self.steps = recipe.length(self.images)
        begins = initial.fitted_in is not None and self.validation is not None
        self.metrics = Metrics(self.steps, round(self.images / recipe.batch_size), begins=begins)
        self.learner = Learner(arguments, initial, images_of(arguments, initial, data))
        self.last_rate, self.warming = 0.0, recipe.warmup is not None
        self.epoch_sums, self.recent_sums = no_sums(self.device), no_sums(self.device)
        self.best: dict[str, Tensor] = {}
        self.seconds = initial.fitted_in or 0.0
        self.received = signals.Received()  # of `signals.collected`, in which the caller trains

    @property
    def step(self) -> int:
        """Number of steps done."""
        return self.learner.step

    # State

    def state(self) -> checkpoint.Checkpoint:
        """Everything that the next step depends on, and the rows and time measured so far."""
        tensors = self.learner.state()
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        tensors |= {"sums.epoch": self.epoch_sums, "sums.recent": self.recent_sums}
        facts = {
            "last_rate": self.last_rate,
            "warming": self.warming,
            "rows": copy.deepcopy(self.metrics.rows),
            "seconds": self.seconds,
        }
        return checkpoint.Checkpoint(self.step, tensors, facts)

    def restore(self, state: checkpoint.Checkpoint) -> None:
        """Goes back to a saved state, to the bit."""
        self.learner.restore(state.step, state.tensors)
        self.best = under("best", state.tensors)
        sums = under("sums", state.tensors)
        self.epoch_sums, self.recent_sums = (sums[k].to(self.device) for k in ("epoch", "recent"))
        self.last_rate = state.facts["last_rate"]
        self.warming = state.facts["warming"]
        self.metrics.rows = list(state.facts["rows"])
        self.seconds = state.facts["seconds"]

    def rate(self) -> float:
        """The learning rate of the next step."""
        if self.warming and self.recipe.warmup:
            return self.recipe.warmup.lr
        schedule = self.recipe.schedule
        if isinstance(schedule, Plateau):
            return self.recipe.lr * schedule.scale(self.metrics.errors())
        return self.recipe.lr * schedule.scale(self.step, self.steps)

    def advance(self) -> None:
        """Makes one step, and adds its batch to the sums."""
        self.last_rate = self.rate()
        sums = self.learner.advance(self.last_rate)
        self.epoch_sums += sums
        self.recent_sums += sums

    # Between steps

    def check(self) -> None:
        """Raises LOSS-NOT-FINITE (exit 7) where a step's loss or gradient was NaN or infinite."""
        if (bad := self.learner.bad()) is not None:
            where = self.learner.first_bad_row(bad)
            raise nonfinite.error(self.arguments.network, bad, where, self.folder)

    def means(self, sums: Tensor) -> tuple[float, float]:
        """Mean loss and top-1 accuracy from sums as in `no_sums`; raises as `check`."""
        self.check()
        loss, right, images = sums.tolist()
        return loss / images, right / images

    @property
    def epoch(self) -> float:
        """How many times each image was used."""
        return self.step * self.recipe.batch_size / self.images

    def report(self, images_per_second: float) -> None:
        """Calls the listener with the means of the recent steps."""
        loss, top1 = self.means(self.recent_sums)
        progress = Progress(self.step, self.steps, self.epoch, loss, top1, images_per_second)
        self.listeners.progress(progress)

    def renew(self) -> None:
        """Ends the warm-up where the recent steps' error is low enough, and resets the recent sums."""
        if self.warming and self.recipe.warmup:
            _, top1 = self.means(self.recent_sums)
            self.warming = 1 - top1 >= self.recipe.warmup.until_error
        self.recent_sums = no_sums(self.device)

    def classified(self, split: Images) -> Iterator[Classified]:
        """This process's share of a split as the model classifies it now; raises Stopped after SIGINT or SIGTERM."""
        model, inference = self.learner.inference, Inference(self.device, self.arguments.precision)
        self.world.take_from_main(model.buffers())
        images = signals.Interruptible(shares.part(split, self.world), self._stop())
        batches = classified(model, images, self.preprocessing, inference)
        return shares.counted(batches, len(split.labels), self.world)

    def evaluate(self, split: Images, temperature: float = 1.0) -> Accuracy:
        """The accuracy of the model on a split now, over all processes; raises as `classified`."""
        return tally(self.classified(split), self.world, temperature)

    def add_row(self) -> None:
        """Adds a row to metrics.csv: the training means since the last one, and the validation split's accuracy."""
        row: Row = {"step": self.step, "epoch": self.epoch, "lr": self.last_rate}
        if self.step:  # before the first one nothing was trained on
            loss, top1 = self.means(self.epoch_sums)
            row |= {"train_loss": loss, "train_top1": top1}
        if self.validation:
            if self.recipe.averaging:
                self._reestimate()
            validated = self.evaluate(self.validation)
            row |= {"val_loss": validated.loss, "val_top1": validated.top1}
            if self.recipe.best and self.metrics.improves(row):
                state = self.learner.inference.state_dict()
                self.best = {name: tensor.to("cpu", copy=True) for name, tensor in state.items()}
        self.epoch_sums = no_sums(self.device)
        self.metrics.rows.append(row)
        if self.world.main:
            self.metrics.write(self.folder)
            self.listeners.row(row)

    def look(self, probe: Probe) -> None:
        """Adds a measurement to the probe's file; all processes take part, since BatchNorm may wait for them."""
        self.check()
        try:
            records = probe.look(self.learner.model, self.step)
        except ValueError as error:  # a record holds a finite number
            self.listeners.warn(f"nothing is kept of the probe at step {self.step}: {error}")
            return
        if self.world.main:
            record.append(probe.file, records)

    def ended(self) -> bool:
        """Whether the last step is done, or validation has not improved for the recipe's `patience`."""
        patience = self.recipe.patience
        return self.step == self.steps or (patience is not None and self.metrics.stalled(patience))

    # The loop

    def train(self) -> None:
        """Trains from the current state to the last step.

        Raises:
            Stopped: after SIGINT or SIGTERM, once the step is done and the state saved.
            AtalhoError: LOSS-NOT-FINITE or STATE-NOT-FINITE (exit 7), OUT-OF-MEMORY (exit 6).
            OSError: where a checkpoint or metrics.csv cannot be written; the checkpoints before it are undamaged.
        """
        self.learner.model.train()
        if self.probe and self.world.main:
            self.probe.rewind(self.step)
        folders = self.folder / CHECKPOINTS, self.folder / KEPT
        with checkpoint.Writer(*folders) if self.world.main else nullcontext() as writer:
            self._loop(writer)

    def _loop(self, writer: checkpoint.Writer | None) -> None:
        stop = self._stop()
        before, begun = self.seconds, time.monotonic()
        saved, reported, reported_step = begun, begun, self.step
        try:
            while True:
                if self.probe and self.step % self.probe.every == 0:
                    self.look(self.probe)
                if self.metrics.due(self.step):
                    self.add_row()
                if self.ended():
                    break
                self.attempt()
                now = time.monotonic()
                self.seconds = before + now - begun
                if now - reported > REPORT_EVERY or self.step == self.steps:
                    images = (self.step - reported_step) * self.recipe.batch_size
                    self.report(images / (now - reported))
                    reported, reported_step = now, self.step
                if self.step % READ_EVERY == 0:
                    self.renew()
                self.keep(writer)
                stop()
                if writer and now - saved > self.arguments.save_every:
                    self.check()  # a state with NaN or infinity is not saved
                    writer.save(self.state())
                    saved = now
        except Stopped:
            self.check()
            # torchrun ends all processes when the first one has ended: the others wait until the main one has saved.
            self.world.from_main(lambda: self._save_last(writer))
            raise
        self._save_last(writer)

    def keep(self, writer: checkpoint.Writer | None) -> None:
        """Keeps the state for good at the steps that the arguments name, and at the last."""
        every = self.arguments.keep_every
        if writer and every and (self.step % every == 0 or self.step == self.steps):
            self.check()
            writer.keep(self.state())

    def _save_last(self, writer: checkpoint.Writer | None) -> None:
        if writer and self.steps:  # without steps there is nothing to continue
            writer.save(self.state())
            writer.wait()

    def _stop(self) -> signals.Stop:
        """What is called after every step, or after every batch of an evaluation, and raises Stopped after a signal."""
        return signals.Stop(self.received, self.world, self.device, lambda: self.step)

    def _reestimate(self) -> None:
        """Computes BatchNorm's statistics anew, as the recipe says; raises as `classified`."""
        self.learner.reestimate(self.recipe.reestimated(self.images), self._stop())

    def attempt(self) -> None:
        """Makes a step; raises OUT-OF-MEMORY (exit 6), with the number of images that would fit, where memory does not suffice."""
        try:
            self.advance()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            return
        # Outside the handler: the error's traceback holds on to what the step had allocated.
        raise headroom.error(self.arguments, self.learner.rehearse, self.folder)

    def finish(self) -> nn.Module:
        """The run's resulting model: the last, the average or the best, with its final BatchNorm statistics; raises as `classified`."""
        if self.best:
            self.learner.inference.load_state_dict(self.best)
        # With validation, averaged weights have had theirs computed for every row of metrics.
        if self.recipe.reestimate or self.validation is None:
            self._reestimate()
        return self.learner.inference

    def close(self) -> None:
        """Ends the threads that decode."""
        self.learner.batches.close()
