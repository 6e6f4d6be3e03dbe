"""A network with the engine, precision and device that it is measured on, in a process of its own."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from atalho.benchmark.workload import Workload
from atalho.engines import ENGINES, Backend
from atalho.engines.engine import Placement
from atalho.grammar.shape import Shape
from atalho.record import now, versions
from atalho.runtime.child import Child


@dataclass(frozen=True)
class System:
    """A network with its weights on an engine, in a precision, on a device.

    Args:
        name: the subject of its records.
        folder: holds its weights and the engine's files.
        input: the shape of one image, (C, H, W).
        conditions: of its records, beside those of the measurement itself: its weights, and the engines to choose from.
        files: the photos that it is asked about, where it is not run on noise.
    """

    name: str
    folder: Path
    input: Shape
    backend: Backend
    placement: Placement
    conditions: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    def under(self, workload: Workload) -> "System":
        """The same, to be run by such requests."""
        placement = replace(self.placement, streams=workload.streams)
        return replace(self, placement=placement, files=tuple(workload.paths))

    def record_conditions(self) -> dict[str, Any]:
        """The conditions of all its records."""
        packages = ENGINES[self.backend.engine].needs[self.backend.dtype]
        return {
            "input": list(self.input),
            "engine": self.backend.engine,
            "dtype": self.backend.dtype,
            "device": self.placement.device.model,
            "threads": self.placement.device.threads,
            **self.placement.record_conditions(),
            "versions": versions("torch", "torchvision", *packages),
            "at": now(),
            **self.conditions,
        }

    def start(self) -> Child:
        """Starts a process that measures it; `benchmark.child` defines the messages."""
        child = Child("atalho.benchmark.child")
        child.send(
            {
                "folder": str(self.folder),
                "input": self.input,
                "backend": self.backend,
                "placement": asdict(self.placement),
            }
        )
        return child
