"""A training run, carried out: from a folder and arguments to weights and records."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from atalho import record
from atalho.data.batches import Preprocessing, fit
from atalho.data.dataset import Dataset, network_for
from atalho.errors import AtalhoError, Exit
from atalho.evaluation import accuracy
from atalho.files import sweep, write_atomically
from atalho.grammar.network import Network
from atalho.lock import locked
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.probes import probe, shown
from atalho.record import Record
from atalho.runtime import machine
from atalho.runtime.determinism import deterministic
from atalho.training import checkpoint, stated
from atalho.training.arguments import FILE, Arguments
from atalho.training.folder import CHECKPOINTS, RECORDS, begin
from atalho.training.loop import Progress, Row, Run
from atalho.weights import fitting, trained
from atalho.weights.config import Config
from atalho.weights.trained import Trained

Report = Callable[[Progress], None]


def execute(
    arguments: Arguments,
    data: Dataset,
    folder: Path,
    *,
    resume: bool = False,
    allow_inexact: bool = False,
    ready: Callable[[], None] = lambda: None,
    report: Report = lambda progress: None,
    logged: Callable[[Row], None] = lambda row: None,
    warn: Callable[[str], None] = lambda message: None,
) -> list[Record]:
    """Trains to the end, tests once, and leaves the folder complete; the records of a finished run are read back.

    Of several processes the main one alone writes, and all answer the same.

    Args:
        ready: called once the folder is this run's and there is something to do.
        report, logged, warn: as `Run` has them.

    Raises:
        Stopped: by a signal; the state is saved.
        AtalhoError: as `begin` and `locked`; as `Run.train`; CHECKPOINT-DAMAGED (exit 4); DISK (exit 6).
    """
    network = network_for(arguments.network, data)
    begun = arguments.start and fitting.for_data(
        arguments.start, data, new_head=arguments.new_head, seed=arguments.seed
    )
    finished = folder / RECORDS
    world = arguments.world

    def prepare() -> None:
        held.enter_context(locked(folder, sign=FILE, holds="run"))
        begin(
            folder,
            arguments.saved(data),
            resume=resume,
            allow_inexact=allow_inexact or finished.exists(),
        )
        for each in (folder, folder / CHECKPOINTS):
            sweep(each)

    with ExitStack() as held:
        try:
            world.from_main(prepare)
            if world.from_main(finished.exists):
                return world.from_main(lambda: record.read(finished))
            ready()
            return _train(
                arguments,
                data,
                folder,
                network,
                begun,
                allow_inexact=allow_inexact,
                report=report,
                logged=logged,
                warn=warn,
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
    network: Subject,
    begun: Trained | None,
    *,
    allow_inexact: bool,
    report: Report,
    logged: Callable[[Row], None],
    warn: Callable[[str], None],
) -> list[Record]:
    """The run itself, in a folder that is ready for it."""
    world = arguments.world
    if begun:
        network, model, preprocessing = begun.network, begun.model, begun.preprocessing
    else:
        model = subjects.build(network, seed=arguments.seed)
        train_split = data.training(with_validation=arguments.recipe.with_validation)
        preprocessing = fit(train_split.sample(), arguments.recipe.normalisation)
    head = fitting.head(network) if begun and arguments.new_head else frozenset[str]()
    run = Run(
        arguments,
        model,
        data,
        preprocessing,
        folder,
        head=head,
        probe=_probe(arguments, network, data, preprocessing, folder),
        report=report,
        logged=logged,
        say=warn,
    )
    with closing(run):
        if (found := world.from_main(lambda: checkpoint.load(folder / CHECKPOINTS))) is not None:
            state, damaged = found
            for path in damaged:
                warn(f"{path} is damaged; going on from step {state.step}, before it was written")
            run.restore(state)
        required = found is not None and not allow_inexact
        with deterministic(arguments.device.torch, network.name, required=required, say=warn):
            run.train()
            model = run.finish()
            tested = run.evaluate(data.splits["test"])

    def end() -> list[Record]:
        classes = {name: name for name in data.classes}
        precision = arguments.precision
        said = Config(network.name, data.framing, preprocessing, classes, precision, data.identity)
        weights = trained.write(folder, model.state_dict(), said)
        records = _records(run, network, arguments, data, weights, tested)
        lines = "".join(each.to_json() + "\n" for each in records)
        write_atomically(folder / RECORDS, lines.encode())
        return records

    return world.from_main(end)


def _probe(
    arguments: Arguments,
    network: Subject,
    data: Dataset,
    preprocessing: Preprocessing,
    folder: Path,
) -> probe.Probe | None:
    """Looks at the images that `atalho diagnose` shows, but no more than a step has at once; None where none is asked for."""
    if arguments.probe is None:
        return None
    recipe, device = arguments.recipe, arguments.device
    at_once = recipe.batch_size // arguments.world.size // arguments.parts
    return probe.Probe(
        network.name,
        arguments.probe,
        shown.training_batch(data, min(probe.IMAGES, at_once), preprocessing, device.torch),
        recipe.auxiliary_weight,
        {
            **stated.of_network(network, data.name, recipe, arguments.seed),
            **stated.of_run(recipe, data, arguments.precision),
            "split": "train",
            **machine.conditions(device),
        },
        folder / probe.FILE,
    )


def _records(
    run: Run,
    network: Subject,
    arguments: Arguments,
    data: Dataset,
    weights: str,
    tested: accuracy.Accuracy,
) -> list[Record]:
    """The test split's accuracy, the curves and the time of a finished run."""
    subject, recipe = arguments.network, arguments.recipe
    of_run: dict[str, Any] = {
        "data": data.name,
        "seed": arguments.seed,
        "recipe": recipe.name,
        "steps": run.steps,
        "epochs": run.steps * recipe.batch_size / run.images,
        "trained_on": "train and val" if recipe.with_validation else "train",
    }
    if run.step < run.steps:
        of_run["stopped_at"] = run.step
    if isinstance(network, Network) and network.taps:
        of_run["auxiliary_weight"] = recipe.auxiliary_weight
    conditions = {
        **of_run,
        "weights": f"sha256:{weights}",
        "engine": "eager",
        "dtype": arguments.precision,
        "processes": arguments.world.size,
        **machine.conditions(arguments.device),
    }
    curves = [
        Record.of(
            subject, name, row[name], "measured", **of_run, step=row["step"], epoch=row["epoch"]
        )
        for row in run.rows
        for name in ("train_loss", "train_top1", "val_loss", "val_top1")
        if name in row
    ]
    seen = run.step * recipe.batch_size
    return [
        *accuracy.records(subject, tested, **conditions, split="test"),
        *curves,
        Record.of(subject, "train_time", run.seconds, "measured", **conditions),
        Record.of(subject, "train_throughput", seen / run.seconds, "measured", **conditions),
    ]
