"""Networks × data × moments × seeds → records of why depth works, in a folder that a second call goes on with.

records.jsonl   everything measured, a line a record; what a finished run measured of itself is carried along
runs/           where finished runs are looked for too, as `atalho compare` leaves them
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
from atalho.tasks import Step, carry_out
from atalho.training import stated
from atalho.training.resolution import Resolved

When = int | Literal["end"]
"""Steps of the recipe's run that are done, 0 at initialisation; or the end of a finished run."""

NOISE = DataIdentity("noise", None)


@dataclass(frozen=True)
class Diagnosis:
    """What is to be diagnosed, and how.

    Args:
        networks: each with its recipe, for its preprocessing and its way to the moments after 0, and the data that it is
            shown; without data it is shown noise at its own input, at initialisation alone.
        measures: of `MEASURES`.
        batch: images that gradients are taken of.
        runs: where finished runs are looked for, beside the output's `runs`.

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
    diagnosis: Diagnosis, folder: Path, *, say: Callable[[str], None] = lambda message: None
) -> list[Record]:
    """Measures what is missing in `folder` and returns all its records.

    Args:
        say: is called with a line before each step, and with a line for what cannot be measured.

    Raises:
        AtalhoError: as `subjects.get` and `steps.carry_out`, before anything is written; NOT-FINITE (exit 7), where a
            network's logits or gradients are NaN or infinity; what was measured before it is kept.
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
    return carry_out(steps, folder, say)


def _steps(
    diagnosis: Diagnosis,
    resolved: Resolved,
    seed: int,
    runs: Sequence[Finished],
    say: Callable[[str], None],
) -> Iterator[Step]:
    """What there is to do for one network and seed, in the order of its moments."""
    network, data, recipe = resolved.network, resolved.data, resolved.arguments.recipe
    name, device = network.name, resolved.arguments.device
    batch = min(diagnosis.batch, len(data.splits["train"].labels)) if data else diagnosis.batch
    of_network = stated.of_network(network, data.identity if data else NOISE, recipe, seed)

    def absent(what: str) -> None:
        say(f"{name}: {what}")

    def at(
        moment: When, step: int, snapshot: Callable[[], Snapshot], **given: Any
    ) -> Iterator[Step]:
        said = {**of_network, **given, "moment": str(moment), "step": step}
        point = Moment(
            network, cache(snapshot), data, batch, recipe.auxiliary_weight, device, said, absent
        )
        for measure in diagnosis.measures:
            yield from MEASURES[measure](point)

    if data is None:
        yield from at(0, 0, partial(with_noise, network, seed, batch, device.torch))
        if diagnosis.moments != [0]:
            absent("without data there is no training, and no moment after 0")
        return
    trajectory = Trajectory(network, data, recipe, seed, batch, device)
    own = stated.of_run(recipe, data, "float32")
    length = own["steps"]
    for step in sorted(moment for moment in diagnosis.moments if moment != "end"):
        if step > length:
            absent(f"its run has {length} steps, so there is no moment {step}")
        else:
            yield from at(step, step, partial(trajectory.at, step), **own)
    if "end" not in diagnosis.moments:
        return
    ended = [each for each in runs if each.is_of(name, data, seed)]
    for each in ended:
        given = each.conditions
        tested = {"weights": given["weights"], "split": "test"}
        records = partial(tuple, each.records)
        yield Step("its run's records", name, ("top1",), partial(dict, tested), records)
        yield from at("end", given["steps"], partial(trajectory.end, each.folder), **given)
    if not ended:
        absent(f"no finished run of seed {seed} on {data.name} is in --runs, so nothing of its end")
