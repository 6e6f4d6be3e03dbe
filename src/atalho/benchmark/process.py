"""A network in a process of its own: asked by its parent, and survived by it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self

from atalho.engines import ENGINES, Backend
from atalho.engines.engine import Placement
from atalho.grammar.shape import Shape
from atalho.record import Record, now, versions


@dataclass(frozen=True)
class System:
    """A network as it is measured.

    Args:
        name: of its records.
        folder: its weights, and what its engine reads.
        conditions: what its records say beside the measurement's own: the weights, what the engine was chosen from.
    """

    name: str
    folder: Path
    input: Shape
    backend: Backend
    placement: Placement
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def record_conditions(self) -> dict[str, Any]:
        """The conditions of every record of it."""
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


class Ended(Exception):  # noqa: N818 (it becomes a record)
    """The process ended before it answered.

    Attributes:
        code: its exit code, or less the number of the signal that killed it.
        cause: in words.
    """

    def __init__(self, code: int, cause: str) -> None:
        super().__init__(cause)
        self.code = code
        self.cause = cause

    def record(self, name: str, stage: str, **conditions: Any) -> Record:
        """That it ended, and when."""
        given = {**conditions, "at": now(), "stage": stage, "cause": self.cause}
        return Record.of(name, "failure", self.code, "measured", **given)


class Process:
    """Runs one network; a context, at whose end it is gone."""

    def __init__(self, system: System) -> None:
        question = {
            "folder": str(system.folder),
            "input": system.input,
            "backend": system.backend,
            "placement": asdict(system.placement),
        }
        self.errors = TemporaryFile()  # noqa: SIM115 (it lasts as long as the process)
        self.child = subprocess.Popen(
            [sys.executable, "-m", "atalho.benchmark.child", json.dumps(question)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, what: str, **given: Any) -> dict[str, Any]:
        """A question of `child.py` and its answer.

        Raises:
            Ended: where there is none.
        """
        assert self.child.stdin and self.child.stdout
        try:
            self.child.stdin.write(json.dumps({"ask": what, **given}) + "\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self.child.poll() is not None

    def close(self) -> None:
        """Ends it."""
        self.child.kill()
        self.child.communicate()
        self.errors.close()

    def _ended(self) -> Ended:
        code = self.child.wait()
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().splitlines()
        if code < 0:
            killed = f"killed by signal {-code}"
            return Ended(code, f"{killed}; most likely out of memory" if code == -9 else killed)
        return Ended(code, said[-1] if said else "it said nothing")
