"""All that decides a training run's result, with the data, and how it is carried out."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from atalho.data.dataset import Dataset
from atalho.recipes.recipe import Recipe
from atalho.runtime import machine
from atalho.runtime.device import Device
from atalho.runtime.precision import Precision
from atalho.runtime.world import ALONE, World
from atalho.weights.trained import Trained


@dataclass(frozen=True)
class Arguments:
    """What a run is asked for.

    Args:
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
            "parts": self.parts,
            "sync_bn": self.sync_bn,
            "environment": {
                "device_type": self.device.type,
                "processes": self.world.size,
                "compiled": self.compiled,
                **environment,
            },
        }
