"""What a training run is asked for, and `args.yaml`, in which its folder keeps it."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from atalho.conditions import digest
from atalho.data.dataset import DataIdentity, Dataset
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.networks import subjects
from atalho.recipes.recipe import Recipe
from atalho.runtime import machine
from atalho.runtime.device import Device
from atalho.runtime.precision import Precision
from atalho.runtime.world import ALONE, World
from atalho.weights.trained import Trained

FILE = "args.yaml"


@dataclass(frozen=True)
class Arguments:
    """All that decides a training run's result, with the data, and how it is carried out.

    Args:
        network: its name, as `subjects.get` takes it.
        precision: of the forward and backward passes, and of every evaluation of the run.
        start: weights to begin from, whose preprocessing is kept; drawn from the seed without.
        new_head: whether their classifier is drawn anew, for the data's classes.
        parts: a batch is computed in so many parts, one after another; BatchNorm sees one part at a time.
        sync_bn: BatchNorm's statistics are those of all processes' images.
        compiled: the network is compiled first.
        workers: threads that decode photos; by the processor unless given. They change no number.
        save_every: seconds between checkpoints: what a crash can cost.
        probe: steps between looks at gradients and responses, which change no number; for a network without `start`.
        world: the processes that share the work.
    """

    network: str
    recipe: Recipe
    seed: int
    device: Device
    precision: Precision
    start: Trained | None = None
    new_head: bool = False
    parts: int = 1
    sync_bn: bool = False
    compiled: bool = False
    workers: int | None = None
    save_every: float = 60.0
    probe: int | None = None
    world: World = ALONE

    def saved(self, data: Dataset) -> "SavedArguments":
        """What `args.yaml` says of a run on that data."""
        start = self.start
        environment = machine.conditions(self.device)
        del environment["at"]
        return SavedArguments(
            network=self.network,
            code=subjects.code(self.network),
            start={"weights": start.weights, "new_head": self.new_head} if start else None,
            data=data.identity,
            framing=_plain(data.framing),
            recipe=_plain(self.recipe),
            seed=self.seed,
            precision=self.precision,
            parts=self.parts,
            sync_bn=self.sync_bn,
            environment={
                "device_type": self.device.type,
                "processes": self.world.size,
                "compiled": self.compiled,
                **environment,
            },
        )


@dataclass(frozen=True)
class SavedArguments:
    """What `args.yaml` says of a run; mappings hold strings, numbers, lists and mappings alone.

    Args:
        code: the SHA-256 of the file in which a network of the user's own is written; None of any other.
        start: `weights`, the SHA-256 of those that it began from, and `new_head`; None where they were drawn from the seed.
        framing: the fields of the data's `Framing`; None in runs that were begun before it was kept.
        recipe: the fields of the `Recipe`.
        precision: that it is trained and tested in.
        environment: what must be equal for the same bits; everything else must be equal for the same run.
    """

    network: str
    start: dict[str, Any] | None
    data: DataIdentity
    framing: dict[str, Any] | None
    recipe: dict[str, Any]
    seed: int
    precision: Precision
    parts: int
    sync_bn: bool
    environment: dict[str, Any]
    code: str | None = None

    @property
    def checksum(self) -> str:
        """The SHA-256 of all that decides a result but the seed; the name of the data is for people, and decides nothing."""
        data = replace(self.data, name="")
        return digest(asdict(replace(self, data=data, seed=0, environment={})))

    def write(self, folder: Path) -> None:
        """Writes `args.yaml` into the folder, which is made where it is not there."""
        document = asdict(self)
        if self.code is None:
            del document["code"]
        write_atomically(folder / FILE, yaml.safe_dump(document, sort_keys=False).encode())

    def other_run(self, now: "SavedArguments") -> str:
        """How another run would have another result: `recipe.lr 0.1, now 0.2`; empty where it is the same run."""
        framing = now.framing if self.framing is None else self.framing
        # A folder of the same photos, divided alike, may have another name now.
        data = now.data if self.data.checksum == now.data.checksum else self.data
        was = asdict(replace(self, data=data, framing=framing, environment={}))
        return _differences(was, asdict(replace(now, environment={})))

    def other_bits(self, now: "SavedArguments") -> str:
        """Why the same run, gone on with as `now`, may have other bits; empty where it cannot."""
        unknown = "" if self.framing else "how its photos were framed is not kept"
        return "; ".join(filter(None, (_differences(self.environment, now.environment), unknown)))


def read(folder: Path) -> SavedArguments | None:
    """What the `args.yaml` of a folder says; None of a folder that has none.

    Raises:
        AtalhoError: RUN-DAMAGED (exit 4), where it cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        document = {"framing": None, **yaml.safe_load(path.read_text(encoding="utf-8"))}
        return SavedArguments(**{**document, "data": DataIdentity(**document["data"])})
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise AtalhoError(
            "RUN-DAMAGED",
            path,
            f"does not say what the run is ({str(error).splitlines()[0]}); nothing was changed",
            next_step="train anew into another --output",
            exit=Exit.CHECKPOINT,
        ) from error


def _plain(fields: Any) -> Any:
    """A dataclass as mappings, lists, strings and numbers: tuples become lists, as they are once read back."""
    return json.loads(json.dumps(asdict(fields)))


def _differences(was: Any, now: Any, path: str = "") -> str:
    """`recipe.lr 0.1, now 0.2` for every leaf that differs."""
    if isinstance(was, dict) and isinstance(now, dict):
        parts = (
            _differences(was.get(key), now.get(key), f"{path}.{key}" if path else key)
            for key in dict.fromkeys([*was, *now])
        )
        return "; ".join(filter(None, parts))
    return "" if was == now else f"{path} {was}, now {now}"
