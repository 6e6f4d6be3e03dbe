"""A training run and its folder: what is in it, how it begins, goes on, ends, and is read again.

args.yaml           the resolved arguments, the data's checksum and the environment
metrics.csv         a row an epoch, and at least twenty
checkpoints/        state to go on from
model.safetensors   the weights, once the run has ended; config.json says what they are
records.jsonl       what was measured: accuracy on the test split, the curves, the time
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from atalho import checkpoint, config, record, subjects, trained
from atalho.data.batches import Preprocessing, fit
from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.image import Framing
from atalho.measure import accuracy, machine
from atalho.network import Network
from atalho.precision import Precision
from atalho.recipes.recipe import Recipe
from atalho.record import Record
from atalho.subjects import Subject
from atalho.train import Progress, Run
from atalho.trained import Trained

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Arguments:
    """All that decides a run's result, with the data.

    Args:
        start: weights to begin from, whose preprocessing is kept; drawn from the seed without.
        new_head: whether their classifier is drawn anew, for the data's classes.
    """

    network: str
    recipe: Recipe
    seed: int
    device: torch.device
    precision: Precision
    start: Trained | None = None
    new_head: bool = False

    def resolved(self, data: Dataset) -> dict[str, Any]:
        """What `args.yaml` says: `environment` holds what must be equal for the same bits, the rest for the same run."""
        environment = machine.conditions(self.device)
        del environment["at"]
        return {
            "network": self.network,
            "start": self.start and {"weights": self.start.weights, "new_head": self.new_head},
            "data": {"name": data.name, "checksum": data.checksum},
            "recipe": json.loads(json.dumps(asdict(self.recipe))),
            "seed": self.seed,
            "precision": self.precision,
            "environment": {"device_type": self.device.type, **environment},
        }


def begin(folder: Path, arguments: dict[str, Any], *, resume: bool, allow_inexact: bool) -> None:
    """Makes the run's folder, or checks that the run in it is the one to go on with.

    Raises:
        AtalhoError: OUTPUT-HOLDS-RUN or RESUME-OTHER (exit 2), RESUME-INEXACT (exit 4), OUTPUT (exit 2); nothing is changed.
    """
    file = folder / "args.yaml"
    if not file.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise _usage(
                "OUTPUT", folder, "is no empty folder and holds no run; nothing was written"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(file, yaml.safe_dump(arguments, sort_keys=False).encode())
        except OSError as error:
            raise _usage("OUTPUT", folder, f"cannot be written ({error.strerror})") from error
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
        raise _usage("RESUME-OTHER", folder, f"holds another run: {different}")
    if not allow_inexact and (different := _differences(was, environment)):
        raise AtalhoError(
            "RESUME-INEXACT",
            folder,
            f"was begun under other conditions: {different}; the same bits cannot be promised",
            next_step="--allow-inexact to go on all the same",
            exit=Exit.CHECKPOINT,
        )


def _usage(code: str, folder: Path, cause: str) -> AtalhoError:
    return AtalhoError(code, folder, cause, next_step="choose another --output", exit=Exit.USAGE)


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
    report: Report = lambda progress: None,
    warn: Callable[[str], None] = lambda message: None,
) -> list[Record]:
    """Trains to the end, tests once, and leaves the folder complete; the records of a finished run are read back.

    Raises:
        Stopped: by a signal; the state is saved.
        AtalhoError: as `begin`; CHECKPOINT-DAMAGED (exit 4); LOSS-NOT-FINITE (exit 7).
    """
    network = subjects.get(arguments.network, input=data.input, num_classes=len(data.classes))
    begun = arguments.start and trained.for_data(
        arguments.start, data, new_head=arguments.new_head, seed=arguments.seed
    )
    finished = folder / "records.jsonl"
    begin(
        folder,
        arguments.resolved(data),
        resume=resume,
        allow_inexact=allow_inexact or finished.exists(),
    )
    if finished.exists():
        return record.read(finished)
    if begun:
        network, model, preprocessing = begun.network, begun.model, begun.preprocessing
    else:
        model = subjects.build(network, seed=arguments.seed)
        train_split = data.training(with_validation=arguments.recipe.with_validation)
        preprocessing = fit(train_split.images, arguments.recipe.normalisation)
    run = Run(
        arguments.network,
        model,
        data,
        arguments.recipe,
        preprocessing,
        folder,
        seed=arguments.seed,
        device=arguments.device,
        precision=arguments.precision,
        report=report,
    )
    if (found := checkpoint.load(folder / "checkpoints")) is not None:
        state, damaged = found
        for path in damaged:
            warn(f"{path} is damaged; going on from step {state.step}")
        run.restore(state)
    run.train()
    weights = save_model(folder, network, run.model, preprocessing, data.classes)
    records = _records(run, network, arguments, data, weights)
    lines = "".join(each.to_json() + "\n" for each in records)
    write_atomically(finished, lines.encode())
    return records


def _records(
    run: Run, network: Subject, arguments: Arguments, data: Dataset, weights: str
) -> list[Record]:
    """The test split's accuracy, the curves and the time of a finished run."""
    subject = arguments.network
    of_run: dict[str, Any] = {
        "data": data.name,
        "seed": arguments.seed,
        "recipe": arguments.recipe.name,
        "steps": run.steps,
        "epochs": run.steps * arguments.recipe.batch_size / run.images,
        "trained_on": "train and val" if arguments.recipe.with_validation else "train",
    }
    if isinstance(network, Network) and network.taps:
        of_run["auxiliary_weight"] = arguments.recipe.auxiliary_weight
    conditions = {
        **of_run,
        "weights": f"sha256:{weights}",
        "engine": "eager",
        "dtype": arguments.precision,
        **machine.conditions(arguments.device),
    }
    tested = accuracy.records(
        subject, run.evaluate(data.splits["test"]), **conditions, split="test"
    )
    curves = [
        Record.of(
            subject, name, row[name], "measured", **of_run, step=row["step"], epoch=row["epoch"]
        )
        for row in run.rows
        for name in ("train_loss", "train_top1", "val_loss", "val_top1")
        if name in row
    ]
    seen = run.steps * arguments.recipe.batch_size
    return [
        *tested,
        *curves,
        Record.of(subject, "train_time", run.seconds, "measured", **conditions),
        Record.of(subject, "train_throughput", seen / run.seconds, "measured", **conditions),
    ]


def save_model(
    folder: Path,
    network: Subject,
    model: nn.Module,
    preprocessing: Preprocessing,
    classes: tuple[str, ...],
) -> str:
    """Writes the weights with their config, as `config.save`; answers their SHA-256."""
    labels = {name: name for name in classes}
    said = config.document(network.name, Framing(network.input), preprocessing, labels)
    return config.save(folder, model.state_dict(), said, preprocessing)


def trained_on(folder: Path) -> str | None:
    """The name of a run's data; None where the folder holds a network that no run made."""
    file = folder / "args.yaml"
    if not file.exists():
        return None
    name: str = yaml.safe_load(file.read_text())["data"]["name"]
    return name


def load(folder: Path) -> Trained:
    """Reads a finished run's model, or any other folder that `trained.read` takes.

    Raises:
        AtalhoError: RUN-UNFINISHED or RUN-DAMAGED (exit 4; 5 for a file that is not safe to read).
    """
    begun = (folder / "args.yaml").exists()
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
