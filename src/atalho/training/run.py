"""Carries out a training run: from arguments and a folder to weights and records."""

from contextlib import ExitStack, closing
from math import isfinite
from pathlib import Path

from atalho import record
from atalho.data.dataset import Dataset, network_for, spaced
from atalho.errors import AtalhoError, Exit
from atalho.evaluation import accuracy, calibrating, outcomes
from atalho.files import sweep, write_atomically
from atalho.lock import locked
from atalho.probes import shown
from atalho.probes.probe import FILE as PROBE
from atalho.probes.probe import IMAGES, Probe
from atalho.record import Record
from atalho.runtime import machine
from atalho.runtime.determinism import deterministic
from atalho.training import checkpoint, signals, stated
from atalho.training.arguments import FILE, Arguments
from atalho.training.folder import CHECKPOINTS, KEPT, LAST, RECORDS, begin, measured
from atalho.training.initial import InitialModel, initial_model, initial_weights
from atalho.training.listeners import SILENT, Listeners
from atalho.training.loop import Run
from atalho.weights import trained
from atalho.weights.calibration import Calibration
from atalho.weights.config import Config
from atalho.weights.trained import Inference


def execute(
    arguments: Arguments,
    data: Dataset,
    folder: Path,
    *,
    resume: bool = False,
    allow_inexact: bool = False,
    test: bool = True,
    listeners: Listeners = SILENT,
) -> list[Record]:
    """Trains to the end, tests once, writes the run's files, and returns its records; those of a finished run are read.

    Of several processes only the main one writes, and all return the same.

    Args:
        resume: whether a run that is in the folder already is continued.
        allow_inexact: whether it is continued though its bits may differ from those of a run that was never stopped.
        test: whether the test split is read; a finished run that was not tested is tested then.

    Raises:
        Stopped: by a signal; the state is saved.
        AtalhoError: as `network_for`, `Arguments.check_batch`, `fitting.for_data`, `begin` and `locked`; as `Run.train`;
            CHECKPOINT-DAMAGED (exit 4); DISK (exit 6).
    """
    # These raise before the folder is created.
    network_for(arguments.network, data)
    arguments.world.from_main(arguments.check_batch)
    weights = initial_weights(arguments, data)
    finished = folder / RECORDS
    world = arguments.world

    def prepare() -> None:
        locks.enter_context(locked(folder, sign=FILE, holds="run"))
        begin(
            folder,
            arguments.saved(data),
            resume=resume,
            allow_inexact=allow_inexact or finished.exists(),
        )
        for each in (folder, folder / CHECKPOINTS):
            sweep(each)

    with ExitStack() as locks:
        try:
            world.from_main(prepare)
            if world.from_main(finished.exists):
                return world.from_main(lambda: _finished(arguments, data, folder, test=test))
            listeners.ready()
            initial = initial_model(arguments, data, weights, listeners)
            return _train(
                arguments,
                data,
                folder,
                initial,
                exact=not allow_inexact,
                test=test,
                listeners=listeners,
            )
        except OSError as error:
            raise AtalhoError(
                "DISK",
                error.filename or folder,
                f"{error.strerror}; the checkpoints that were there are whole",
                next_step="the same command with --resume, once that is mended",
                exit=Exit.RESOURCES,
            ) from error


def _train(
    arguments: Arguments,
    data: Dataset,
    folder: Path,
    initial: InitialModel,
    *,
    exact: bool,
    test: bool,
    listeners: Listeners,
) -> list[Record]:
    """Trains in a prepared folder, and tests with `test`; `exact` is whether a resumed run must end with the same bits."""
    world, network = arguments.world, initial.network
    probe = _probe(arguments, initial, data, folder)
    run = Run(arguments, initial, data, folder, probe=probe, listeners=listeners)
    with closing(run):
        saved = world.from_main(lambda: checkpoint.load(folder / CHECKPOINTS))
        if saved is not None:
            state, damaged = saved
            for path in damaged:
                listeners.warn(
                    f"{path} is damaged; going on from step {state.step}, before it was written"
                )
            run.restore(state)
        required = saved is not None and exact
        with (
            signals.collected(listeners.warn) as run.received,
            deterministic(
                arguments.device.torch, network.name, required=required, say=listeners.warn
            ),
        ):
            run.train()
            if run.recipe.best and run.metrics.first == 0:
                world.from_main(lambda: listeners.warn(_begun_and_kept(run)))
            model = run.finish()
            calibration = _calibration(run)
            temperature = calibration.temperature if calibration else 1.0
            tested = run.evaluate(data.splits["test"], temperature) if test else None

    def end() -> list[Record]:
        classes = {name: name for name in data.classes}
        precision = arguments.precision
        preprocessing = initial.preprocessing
        config = Config(
            network.name,
            data.framing,
            preprocessing,
            classes,
            precision,
            data.identity,
            calibration=calibration,
        )
        weights = trained.write(folder, model.state_dict(), config)
        records = _records(run, arguments, data, weights, tested)
        write_atomically(folder / RECORDS, record.lines(records))
        return records

    return world.from_main(end)


def _finished(arguments: Arguments, data: Dataset, folder: Path, *, test: bool) -> list[Record]:
    """The records of a finished run, which is tested first where it was not and `test` is set."""
    records = measured(folder)
    if not test or any(each.quantity == "top1" for each in records):
        return records
    network, device = trained.read(folder, named=arguments.network), arguments.device.torch
    tested = accuracy.accuracy(
        network.to(device).model,
        data.splits["test"],
        network.preprocessing,
        Inference(device, arguments.precision),
        network.temperature,
    )
    of_run = next(each for each in records if each.quantity == LAST).conditions
    of_images = outcomes.of_dataset(tested.outcomes, data, "test")
    added = accuracy.records(arguments.network, tested, of_images, **of_run, split="test")
    record.append(folder / RECORDS, added)
    return [*added, *records]


def _begun_and_kept(run: Run) -> str:
    """The validation accuracy of the classifier that the run began with, and of the weights that it keeps."""
    assert run.validation
    begun, best = run.metrics.rows[0], run.metrics.best()
    fitted = f"{begun['val_top1']:.2%} of {len(run.validation.labels)} validation images"
    trained = f"{best['val_top1']:.2%} after epoch {best['epoch']:.1f}, which is kept"
    return f"the fitted classifier on frozen features: {fitted}; with all layers trained: " + (
        trained if best["step"] else "nowhere better, so that it is kept as it was fitted"
    )


def _calibration(run: Run) -> Calibration | None:
    """The calibration of the run's model on validation images; None where the model has learned from them."""
    if run.validation is None:
        return None
    images = len(run.validation.labels)
    held_out = run.validation.select(spaced(images, calibrating.MOST_IMAGES))
    count = len(held_out.labels)
    return calibrating.calibrated(run.classified(held_out), count, "val", run.world)


def _probe(
    arguments: Arguments, initial: InitialModel, data: Dataset, folder: Path
) -> Probe | None:
    """The probe, on the images of `atalho diagnose`, though no more than one part of a batch has; None without `--probe`."""
    if arguments.probe is None:
        return None
    recipe, device, network = arguments.recipe, arguments.device, initial.network
    at_once = recipe.batch_size // arguments.world.size // arguments.parts
    return Probe(
        network.name,
        arguments.probe,
        shown.training_batch(data, min(IMAGES, at_once), initial.preprocessing, device.torch),
        recipe.auxiliary_weight,
        {
            **stated.of_network(network, data.identity, recipe, arguments.seed),
            **stated.of_run(recipe, data, arguments.precision),
            "split": "train",
            **machine.conditions(device),
        },
        folder / PROBE,
    )


def _records(
    run: Run,
    arguments: Arguments,
    data: Dataset,
    weights: str,
    tested: accuracy.Accuracy | None,
) -> list[Record]:
    """The test split's accuracy where it was measured, the curves and the time of a finished run."""
    subject, recipe = arguments.network, arguments.recipe
    of_run = stated.of_training(arguments, data)
    of_run["epochs"] = run.steps * recipe.batch_size / run.images
    if run.step < run.steps:
        of_run["stopped_at"] = run.step
    conditions = {**of_run, "weights": f"sha256:{weights}", **stated.of_system(arguments)}
    curves = [
        Record.of(
            subject, name, row[name], "measured", **of_run, step=row["step"], epoch=row["epoch"]
        )
        for row in run.metrics.rows
        for name in ("train_loss", "train_top1", "val_loss", "val_top1")
        if name in row
        and isfinite(row[name])  # a network that has diverged has no loss on validation images
    ]
    kept = [
        Record.of(subject, "checkpoint", state.step, "measured", **conditions, state=digest)
        for path in reversed(checkpoint.files(run.folder / KEPT))
        if (state := checkpoint.read(path)) and (digest := f"sha256:{checkpoint.digest(state)}")
    ]
    images = run.step * recipe.batch_size
    of_images = outcomes.of_dataset(tested.outcomes, data, "test") if tested else None
    return [
        *(
            accuracy.records(subject, tested, of_images, **conditions, split="test")
            if tested
            else []
        ),
        *curves,
        *kept,
        *(
            [Record.of(subject, "train_throughput", images / run.seconds, "measured", **conditions)]
            if images
            else []
        ),
        Record.of(subject, LAST, run.seconds, "measured", **conditions),
    ]
