"""Measures networks at moments of their training, for several seeds, into a folder; a second call measures what is missing.

records.jsonl   everything measured, a line a record; the records of finished runs are copied into it
runs/           searched for finished runs too, as `atalho compare` leaves them
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from atalho.data.dataset import DataIdentity
from atalho.diagnosis.measures import MEASURES, Moment
from atalho.diagnosis.moments import Finished, Snapshot, Trajectory, finished, with_noise
from atalho.errors import AtalhoError, Exit
from atalho.record import Record
from atalho.tasks import Begin, Step, carry_out
from atalho.training import stated
from atalho.training.resolution import Resolved

When = int | Literal["end"]
"""A moment of a training: after so many steps of the recipe's run, 0 at initialisation; or the end of a finished run."""

NOISE = DataIdentity("noise", None)


@dataclass(frozen=True)
class Diagnosis:
    """The networks, moments, seeds and measures of a diagnosis.

    Args:
        networks: each with its data and its recipe, which says how images are preprocessed and how it is trained up to the
            moments after 0. Without data it is measured on noise, at initialisation alone.
        moments: at which it is measured.
        measures: names among `MEASURES`.
        batch: number of images that gradients are computed for.
        runs: finished runs, or folders of them, beside the `runs` of the output folder.

    Raises:
        AtalhoError: MEASURE-UNKNOWN (exit 2).
    """

    networks: Sequence[Resolved]
    moments: Sequence[When]
    seeds: Sequence[int]
    measures: Sequence[str]
    batch: int
    runs: Sequence[Path]

    def __post_init__(self) -> None:
        for measure in self.measures:
            if measure not in MEASURES:
                raise AtalhoError(
                    "MEASURE-UNKNOWN",
                    measure,
                    f"no measure of that name; there are {', '.join(MEASURES)}",
                    next_step="--measure flow,responses,shattering",
                    exit=Exit.USAGE,
                )


def diagnose(
    diagnosis: Diagnosis,
    folder: Path,
    *,
    say: Callable[[str], None] = lambda message: None,
    begin: Begin = lambda begun: None,
) -> list[Record]:
    """Measures what is missing in `folder` and returns all its records.

    Args:
        say: is called with a line before each step, and with a line for each measure that is not possible.
        begin: as of `tasks.carry_out`.

    Raises:
        AtalhoError: as `subjects.get` and `tasks.carry_out`, before anything is written; NOT-FINITE (exit 7), where a
            network's logits or gradients are NaN or infinity; what was measured before that is kept.
    """
    runs = [*finished([*diagnosis.runs, folder / "runs"])]
    absent: dict[str, None] = {}
    steps = [
        step
        for network in diagnosis.networks
        for seed in diagnosis.seeds
        for step in _steps(diagnosis, network, seed, runs, absent.setdefault)
    ]
    for line in absent:
        say(line)
    return carry_out(steps, folder, say, begin)


def _steps(
    diagnosis: Diagnosis,
    resolved: Resolved,
    seed: int,
    runs: Sequence[Finished],
    say: Callable[[str], None],
) -> Iterator[Step]:
    """The steps for one network and seed, in the order of its moments."""
    network, data, recipe = resolved.network, resolved.data, resolved.arguments.recipe
    name, device = network.name, resolved.arguments.device
    batch = min(diagnosis.batch, len(data.splits["train"].labels)) if data else diagnosis.batch
    of_network = stated.of_network(network, data.identity if data else NOISE, recipe, seed)

    def absent(reason: str) -> None:
        say(f"{name}: {reason}")

    def at(
        moment: When, step: int, snapshot: Callable[[], Snapshot], **of_run: Any
    ) -> Iterator[Step]:
        conditions = {**of_network, **of_run, "moment": str(moment), "step": step}
        point = Moment(
            network,
            cache(snapshot),
            data,
            batch,
            recipe.auxiliary_weight,
            device,
            conditions,
            absent,
        )
        for measure in diagnosis.measures:
            yield from MEASURES[measure](point)

    if data is None:
        yield from at(0, 0, partial(with_noise, network, seed, batch, device.torch))
        if diagnosis.moments != [0]:
            absent("without data there is no training, and no moment after 0")
        return
    trajectory = Trajectory(network, data, recipe, seed, batch, device)
    planned = stated.of_run(recipe, data, "float32")
    length = planned["steps"]
    for step in sorted(moment for moment in diagnosis.moments if moment != "end"):
        if step > length:
            absent(f"its run has {length} steps, so there is no moment {step}")
        else:
            yield from at(step, step, partial(trajectory.at, step), **planned)
    if "end" not in diagnosis.moments:
        return
    ended = [each for each in runs if each.is_of(name, data, seed)]
    for each in ended:
        of_run = each.conditions
        tested = {"weights": of_run["weights"], "split": "test"}
        records = partial(tuple, each.records)
        yield Step("its run's records", name, ("top1",), partial(dict, tested), records)
        yield from at("end", of_run["steps"], partial(trajectory.end, each.folder), **of_run)
    if not ended:
        absent(f"no finished run of seed {seed} on {data.name} is in --runs, so nothing of its end")
