"""A training run and its folder: what is in it, how it begins, goes on, ends, and is read again.

args.yaml           the resolved arguments, the data's checksum and the environment
metrics.csv         a row an epoch, and at least twenty
checkpoints/        state to go on from
probe.jsonl         gradients and responses on the way, where a probe was asked for
model.safetensors   the weights, once the run has ended; config.json says what they are
records.jsonl       what was measured: accuracy on the test split, the curves, the time
"""

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from atalho import record
from atalho.data import DATASETS
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
from atalho.training.arguments import Arguments
from atalho.training.loop import Progress, Row, Run
from atalho.weights import config, trained
from atalho.weights.trained import Trained

ARGUMENTS = "args.yaml"

Report = Callable[[Progress], None]


def begin(folder: Path, arguments: dict[str, Any], *, resume: bool, allow_inexact: bool) -> None:
    """Makes the run's folder, or checks that the run in it is the one to go on with; this process has its lock.

    Raises:
        AtalhoError: OUTPUT-HOLDS-RUN or RESUME-OTHER (exit 2), RESUME-INEXACT (exit 4); nothing is changed.
    """
    file = folder / ARGUMENTS
    if not file.exists():
        write_atomically(file, yaml.safe_dump(arguments, sort_keys=False).encode())
        return
    if not resume:
        raise AtalhoError(
            "OUTPUT-HOLDS-RUN",
            folder,
            "holds a run already; nothing was changed",
            next_step="--resume to go on with it, or another --output",
            exit=Exit.USAGE,
        )
    saved = yaml.safe_load(file.read_text())
    asked, environment = dict(arguments), arguments["environment"]
    was = saved.pop("environment")
    del asked["environment"]
    if different := _differences(saved, asked):
        raise AtalhoError(
            "RESUME-OTHER",
            folder,
            f"holds another run: {different}",
            next_step="choose another --output",
            exit=Exit.USAGE,
        )
    if not allow_inexact and (different := _differences(was, environment)):
        raise AtalhoError(
            "RESUME-INEXACT",
            folder,
            f"was begun under other conditions: {different}; the same bits cannot be promised",
            next_step="--allow-inexact to go on all the same",
            exit=Exit.CHECKPOINT,
        )


def _differences(was: Any, now: Any, path: str = "") -> str:
    """`recipe.lr 0.1, now 0.2` for every leaf that differs."""
    if isinstance(was, dict) and isinstance(now, dict):
        parts = (
            _differences(was.get(key), now.get(key), f"{path}.{key}" if path else key)
            for key in dict.fromkeys([*was, *now])
        )
        return "; ".join(filter(None, parts))
    return "" if was == now else f"{path} {was}, now {now}"


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
    begun = arguments.start and trained.for_data(
        arguments.start, data, new_head=arguments.new_head, seed=arguments.seed
    )
    finished = folder / "records.jsonl"
    world = arguments.world

    def prepare() -> None:
        held.enter_context(locked(folder, sign=ARGUMENTS, holds="run"))
        begin(
            folder,
            arguments.resolved(data),
            resume=resume,
            allow_inexact=allow_inexact or finished.exists(),
        )
        for each in (folder, folder / "checkpoints"):
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
    head = trained.head(network) if begun and arguments.new_head else frozenset[str]()
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
        if (found := world.from_main(lambda: checkpoint.load(folder / "checkpoints"))) is not None:
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
        weights = save_model(folder, network, model, preprocessing, data)
        records = _records(run, network, arguments, data, weights, tested)
        lines = "".join(each.to_json() + "\n" for each in records)
        write_atomically(folder / "records.jsonl", lines.encode())
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


def save_model(
    folder: Path,
    network: Subject,
    model: nn.Module,
    preprocessing: Preprocessing,
    data: Dataset,
) -> str:
    """Writes the weights with their config, as `config.save`; answers their SHA-256."""
    labels = {name: name for name in data.classes}
    said = config.document(network.name, data.framing, preprocessing, labels)
    return config.save(folder, model.state_dict(), said, preprocessing)


def trained_on(folder: Path) -> str | None:
    """The name of the data set that a run had; None for photos, and for a folder that no run made."""
    file = folder / ARGUMENTS
    if not file.exists():
        return None
    name: str = yaml.safe_load(file.read_text())["data"]["name"]
    return name if name in DATASETS else None


def load(folder: Path) -> Trained:
    """Reads a finished run's model, or any other folder that `trained.read` takes.

    Raises:
        AtalhoError: RUN-UNFINISHED or RUN-DAMAGED (exit 4; 5 for a file that is not safe to read).
    """
    begun = (folder / ARGUMENTS).exists()
    if not any((folder / name).exists() for name in trained.FILES):
        raise AtalhoError(
            "RUN-UNFINISHED",
            folder,
            "the run has not ended" if begun else "no finished run is there",
            next_step="atalho train --resume" if begun else "atalho train NETWORK --output FOLDER",
            exit=Exit.CHECKPOINT,
        )
    try:
        return trained.read(folder)
    except AtalhoError as error:
        if not begun or error.code == "CODE-UNNAMED":
            raise
        raise AtalhoError(
            "RUN-DAMAGED",
            folder,
            f"its model cannot be read: {error.cause}",
            next_step="remove model.safetensors and records.jsonl, then atalho train --resume",
            exit=error.exit,
        ) from error
