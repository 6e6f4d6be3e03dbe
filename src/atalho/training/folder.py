"""A training run's folder: its files, how a run begins or is continued in it, and how a finished run's network is read.

args.yaml           the resolved arguments, the data's checksum and the environment
metrics.csv         a row an epoch, and at least twenty
checkpoints/        states to resume from
kept/               states between which steps can be replayed, with `--keep-every`
probe.jsonl         gradients and responses during training, with `--probe`
model.safetensors   the weights, once the run has ended; config.json describes them
records.jsonl       the measurements: accuracy on the test split, the curves, the time
"""

from dataclasses import asdict
from pathlib import Path

from atalho import record
from atalho.conditions import digest
from atalho.errors import AtalhoError, Exit
from atalho.lock import locked_inside, unusable
from atalho.networks.subjects import folder_name
from atalho.record import Record
from atalho.training import arguments
from atalho.training.arguments import SavedArguments
from atalho.weights import trained
from atalho.weights.trained import Trained

CHECKPOINTS, KEPT, RECORDS = "checkpoints", "kept", "records.jsonl"
CLAIMING = 60.0
"""Seconds to wait for other processes that claim a folder, which takes them a moment."""

LAST = "train_time"
"""The quantity of the last record that a run writes when it ends; the test accuracy may be appended later."""


def begin(folder: Path, now: SavedArguments, *, resume: bool, allow_inexact: bool) -> None:
    """Creates the run's folder, or checks that the run in it is the one to continue. The caller holds the folder's lock.

    Raises:
        AtalhoError: OUTPUT-HOLDS-RUN or RESUME-OTHER (exit 2), RESUME-INEXACT (exit 4), or as `arguments.read`; nothing is
            changed.
    """
    saved = arguments.read(folder)
    if saved is None:
        now.write(folder)
        return
    if not resume:
        raise AtalhoError(
            "OUTPUT-HOLDS-RUN",
            folder,
            "holds a run already; nothing was changed",
            next_step="--resume to go on with it, or another --output",
            exit=Exit.USAGE,
        )
    if different := saved.other_run(now):
        raise AtalhoError(
            "RESUME-OTHER",
            folder,
            f"holds another run: {different}",
            next_step="choose another --output",
            exit=Exit.USAGE,
        )
    if not allow_inexact and (different := saved.other_bits(now)):
        raise AtalhoError(
            "RESUME-INEXACT",
            folder,
            f"was begun under other conditions: {different}; the same bits cannot be promised",
            next_step="--allow-inexact to go on all the same",
            exit=Exit.CHECKPOINT,
        )


def among(runs: Path, now: SavedArguments) -> Path:
    """The folder of a run among `runs`: `NETWORK`, or `NETWORK-CHECKSUM` where that holds another run.

    A finished run of the same arguments is reused, wherever it was trained; an unfinished one is continued only in the
    environment that it was begun in, so that its bits are the same.

    Raises:
        AtalhoError: as `arguments.read`.
    """
    name = folder_name(now.network)
    for folder in (runs / name, *sorted(runs.glob(f"{name}-*"))):
        saved = arguments.read(folder)
        same = saved is not None and not saved.other_run(now)
        if same and saved and ((folder / RECORDS).exists() or not saved.other_bits(now)):
            return folder
    free = not (runs / name / arguments.FILE).exists()
    return runs / name if free else runs / f"{name}-{digest(asdict(now))[:8]}"


def claimed(runs: Path, now: SavedArguments) -> Path:
    """The run's folder as `among`, which is created where it is not there, so that no other run takes it meanwhile.

    Raises:
        AtalhoError: as `arguments.read`; OUTPUT (exit 2), where it cannot be written.
    """
    try:
        with locked_inside(runs, CLAIMING):
            folder = among(runs, now)
            if not (folder / arguments.FILE).exists():
                folder.mkdir(exist_ok=True)
                now.write(folder)
            return folder
    except OSError as error:
        raise unusable(runs, f"cannot be written ({error.strerror})") from error


def measured(folder: Path) -> list[Record]:
    """The records of a finished run.

    Raises:
        AtalhoError: RECORDS (exit 3), as `record.read`; RUN-DAMAGED (exit 4), where the end of the file is missing.
    """
    records = record.read(folder / RECORDS)
    if not any(each.quantity == LAST for each in records):
        raise AtalhoError(
            "RUN-DAMAGED",
            folder / RECORDS,
            f"its end is missing: it has no {LAST}, which is written last",
            next_step=f"remove {RECORDS}, then atalho train --resume",
            exit=Exit.CHECKPOINT,
        )
    return records


def load(folder: Path) -> Trained:
    """The network of a finished run, or of any other folder that `trained.read` takes.

    Raises:
        AtalhoError: RUN-UNFINISHED or RUN-DAMAGED (exit 4; 5 for a file that is not safe to read).
    """
    begun = (folder / arguments.FILE).exists()
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
