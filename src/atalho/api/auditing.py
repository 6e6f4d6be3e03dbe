"""Audits a training run: replays parts of it, and compares every bit."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalho.api.loading import DATA_DIR, load_data
from atalho.api.reporting import QUIET, Reporter
from atalho.errors import AtalhoError, Exit
from atalho.runtime.device import resolve_device

if TYPE_CHECKING:
    from atalho.data.dataset import Dataset
    from atalho.training.arguments import Arguments, SavedArguments
    from atalho.training.audit import Span


@dataclass(frozen=True)
class Audit:
    """What an audit of a run found.

    Args:
        spans: the replayed ones, in order.
        altered: the steps at which a kept checkpoint is other than the run's records say.
        conditions: the machine, the precision and the versions on which the bits were compared.
        seed: of the choice of spans.
    """

    run: Path
    spans: "tuple[Span, ...]"
    altered: tuple[int, ...]
    conditions: Mapping[str, Any]
    seed: int

    @property
    def holds(self) -> bool:
        """Whether every bit is equal."""
        return not self.altered and not any(span.difference for span in self.spans)

    def __str__(self) -> str:
        """A line for each span and each altered checkpoint, and one on the conditions."""
        given = self.conditions
        versions = ", ".join(f"{name} {version}" for name, version in given["versions"].items())
        altered = [
            f"step {n}: the checkpoint is not the one in the run's records" for n in self.altered
        ]
        where = f"{given['device']}, {given['threads']} thread{'s' * (given['threads'] > 1)}, {given['dtype']}; {versions}"
        return "\n".join(
            [*map(str, self.spans), *altered, f"compared on {where}; --seed {self.seed}"]
        )


def audit(
    run: str | Path,
    *,
    spans: int = 3,
    steps: int = 20,
    data: str | None = None,
    data_dir: str | Path = DATA_DIR,
    seed: int | None = None,
    workers: int | None = None,
    reporter: Reporter = QUIET,
) -> Audit:
    """Replays random spans of a run from its kept checkpoints, and compares every bit of weights, statistics and metrics.

    A span begins at a kept checkpoint, or at the network that the run's seed draws, and ends at the nearest kept checkpoint at
    least `steps` steps later. Where the files are gone, the digests in the run's records are compared. It computes on the device, and
    with the threads and the precision, of the run.

    Args:
        run: the folder of a run that was trained with `keep_every`.
        data: where the run's photos are now; its own data unless given.
        data_dir: where data sets are kept.
        seed: of the choice of spans; another every time unless given.
        workers: threads that decode photos.

    Raises:
        AtalhoError: AUDIT-NOTHING, CHECKPOINT-DAMAGED or RUN-DAMAGED (exit 4); AUDIT-DATA (exit 3), where the data are others;
            AUDIT-ELSEWHERE (exit 6), where machine or versions are others, so that bits cannot be compared; as `data.load`.
        Stopped: by SIGINT or SIGTERM.
    """
    from atalho.training import audit as auditing
    from atalho.training.arguments import read
    from atalho.training.folder import load

    folder = Path(run)
    saved = read(folder)
    if saved is None:
        raise AtalhoError(
            "AUDIT-NOTHING",
            folder,
            "holds no training run",
            next_step="atalho train NETWORK --keep-every STEPS --output FOLDER",
            exit=Exit.CHECKPOINT,
        )
    states = auditing.States.of(folder, from_seed=saved.start is None)
    finished = load(folder) if saved.start is not None else None
    dataset = _data(saved, folder, data, data_dir, reporter)
    arguments = replace(_arguments(saved), workers=workers)
    now = replace(arguments.saved(dataset), start=saved.start)
    if different := "; ".join(filter(None, (saved.other_run(now), saved.other_bits(now)))):
        raise auditing.elsewhere(folder, f"it was trained under other conditions: {different}")
    number = secrets.randbelow(2**32) if seed is None else seed
    chosen = states.chosen(spans, steps, number)
    replayed = auditing.replayed(arguments, dataset, finished, states, chosen, reporter.say)
    conditions = {"dtype": saved.precision, **saved.environment}
    return Audit(folder, tuple(replayed), tuple(states.altered()), conditions, number)


def _data(
    saved: "SavedArguments",
    folder: Path,
    data: str | None,
    data_dir: str | Path,
    reporter: Reporter,
) -> "Dataset":
    """The data that the run was trained on, framed as they were."""
    from atalho.data.image import Framing

    name = data or saved.data.name
    framings = []
    if saved.framing:
        framings = [Framing(**{**saved.framing, "input": tuple(saved.framing["input"])})]
    dataset = load_data(
        name, data_dir, reporter, framings=framings, copies=saved.data.copies or "similar"
    )
    dataset = dataset.framed(framings[0]) if framings else dataset
    if dataset.identity.checksum != saved.data.checksum:
        raise AtalhoError(
            "AUDIT-DATA",
            name,
            f"these are not the images that {folder} was trained on; their checksums differ",
            next_step="--data with the run's own images",
            exit=Exit.DATA,
        )
    return dataset


def _arguments(saved: "SavedArguments") -> "Arguments":
    """The run's arguments, on its own kind of device and with its threads."""
    from atalho.engines.engine import USUAL
    from atalho.recipes.saved import recipe
    from atalho.training.arguments import Arguments

    environment = saved.environment
    return Arguments(
        saved.network,
        recipe(saved.recipe),
        saved.seed,
        resolve_device(environment["device_type"], environment["threads"]),
        saved.precision,
        new_head=bool(saved.start and saved.start["new_head"]),
        parts=saved.parts,
        sync_bn=saved.sync_bn,
        memory_format=environment.get("memory_format", USUAL),
        compiled=environment["compiled"],
    )
