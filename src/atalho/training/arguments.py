"""The arguments of a training run, and `args.yaml`, the file in its folder that keeps them."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from atalho.conditions import digest
from atalho.data.dataset import DataIdentity, Dataset
from atalho.engines.engine import USUAL, MemoryFormat
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.networks import subjects
from atalho.recipes.recipe import Recipe
from atalho.runtime import machine
from atalho.runtime.device import Device
from atalho.runtime.precision import Precision
from atalho.runtime.world import ALONE, World
from atalho.seal import sealed, unsealed
from atalho.weights.trained import Trained

FILE = "args.yaml"


@dataclass(frozen=True)
class Arguments:
    """All that, with the data, decides a training run's result, and how the run is carried out.

    Args:
        network: a name as `subjects.get` takes it.
        precision: of the forward and backward passes, and of every evaluation of the run.
        start: weights to begin from, whose preprocessing is kept; without them the weights are drawn from the seed.
        new_head: whether the classifier of `start` is drawn anew, for the data's classes.
        parts: how many parts a batch is computed in, one after another; BatchNorm's statistics are those of one part.
        sync_bn: whether BatchNorm's statistics are those of all processes' images.
        memory_format: of images and weights.
        compiled: whether the network is compiled first.
        workers: number of threads that decode photos, which changes no result; by the processor unless given.
        save_every: seconds between checkpoints, the most work that a crash can lose.
        keep_every: steps between states that are kept for good; without it none are.
        probe: steps between measurements of gradients and responses, which change no result; only without `start`.
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
    memory_format: MemoryFormat = USUAL
    compiled: bool = False
    workers: int | None = None
    save_every: float = 60.0
    keep_every: int | None = None
    probe: int | None = None
    world: World = ALONE

    def check_batch(self) -> None:
        """Checks that the processes divide a batch, and that every part of a process's share has an image.

        Raises:
            AtalhoError: BATCH (exit 2).
        """
        batch, processes = self.recipe.batch_size, self.world.size
        share, left = divmod(batch, processes)
        if left:
            raise AtalhoError(
                "BATCH",
                "--batch-size",
                f"{processes} processes do not divide a batch of {batch}",
                next_step=f"--batch-size {processes * max(1, share)}",
                exit=Exit.USAGE,
            )
        if self.parts > share:
            raise AtalhoError(
                "BATCH",
                "--grad-accum-steps",
                f"{self.parts} parts are more than the {share} images of a batch that a process computes",
                next_step=f"--grad-accum-steps {share}",
                exit=Exit.USAGE,
            )

    def saved(self, data: Dataset) -> "SavedArguments":
        """The arguments of a run on `data` as `args.yaml` keeps them."""
        start = self.start
        environment = machine.conditions(self.device)
        del environment["at"]
        # Older runs do not have it, and are in the usual one.
        other_format = {} if self.memory_format == USUAL else {"memory_format": self.memory_format}
        return SavedArguments(
            network=self.network,
            code=subjects.code(self.network),
            start={"weights": start.weights, "new_head": self.new_head} if start else None,
            data=data.identity,
            framing=_plain(data.framing),
            recipe=_recipe(self.recipe),
            seed=self.seed,
            precision=self.precision,
            parts=self.parts,
            sync_bn=self.sync_bn,
            environment={
                "device_type": self.device.type,
                "processes": self.world.size,
                "compiled": self.compiled,
                **other_format,
                **environment,
            },
        )


@dataclass(frozen=True)
class SavedArguments:
    """The contents of `args.yaml`; its mappings hold only strings, numbers, lists and mappings.

    Args:
        start: `weights`, the SHA-256 of the weights that the run began from, and `new_head`; None where its weights were
            drawn from the seed.
        framing: the fields of the data's `Framing`; None in the files of older versions, which did not keep it.
        recipe: the fields of the `Recipe`.
        precision: in which the run is trained and tested.
        environment: what must be equal for a resumed run to have the same bits; all other fields must be equal for it to be the
            same run.
        code: the SHA-256 of the Python file of a network `FILE.py:FUNCTION`; None for any other network.
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
        """The SHA-256 of everything that decides a result but the seed; the name of the data does not."""
        data = replace(self.data, name="")
        return digest(asdict(replace(self, data=data, seed=0, environment={})))

    def write(self, folder: Path) -> None:
        """Writes `args.yaml` into the folder, which is created if necessary."""
        document = asdict(self)
        if self.code is None:
            del document["code"]
        write_atomically(folder / FILE, yaml.safe_dump(sealed(document), sort_keys=False).encode())

    def other_run(self, now: "SavedArguments") -> str:
        """The differences between two runs that change the result, as `recipe.lr 0.1, now 0.2`; empty where they are the same run."""
        framing = now.framing if self.framing is None else self.framing
        # A folder of the same photos, divided alike, may have another name now.
        data = now.data if self.data.checksum == now.data.checksum else self.data
        was = asdict(replace(self, data=data, framing=framing, environment={}))
        return _differences(was, asdict(replace(now, environment={})))

    def other_bits(self, now: "SavedArguments") -> str:
        """The differences for which this run, resumed as `now`, may end with other bits; empty where the bits will be the same."""
        unknown = "" if self.framing else "how its photos were framed is not kept"
        return "; ".join(filter(None, (_differences(self.environment, now.environment), unknown)))


class _WithoutAliases(yaml.SafeLoader):
    """Refuses what stands for a part of the document: a few lines of such can be a document of any size."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it holds an alias")
        return super().compose_node(parent, index)


def read(folder: Path) -> SavedArguments | None:
    """The contents of a folder's `args.yaml`; None where the folder has none.

    Raises:
        AtalhoError: RUN-DAMAGED (exit 4), where it cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        content = unsealed(yaml.load(path.read_text(encoding="utf-8"), _WithoutAliases))
        document = {"framing": None, **content}
        return SavedArguments(**{**document, "data": DataIdentity(**document["data"])})
    except (OSError, ValueError, KeyError, TypeError, RecursionError, yaml.YAMLError) as error:
        cause = (str(error).splitlines() or [type(error).__name__])[0]
        raise AtalhoError(
            "RUN-DAMAGED",
            path,
            f"does not say what the run is ({cause}); nothing was changed",
            next_step="train anew into another --output",
            exit=Exit.CHECKPOINT,
        ) from error


def _recipe(recipe: Recipe) -> dict[str, Any]:
    """The fields of a recipe; those that older runs do not have are there only where they are set."""
    fields: dict[str, Any] = _plain(recipe)
    for name in ("fitted_head", "frozen_statistics", "balanced"):
        if not fields[name]:
            del fields[name]
    return fields


def _plain(fields: Any) -> Any:
    """A dataclass as mappings, lists, strings and numbers; tuples become lists, as they do when YAML is read back."""
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
