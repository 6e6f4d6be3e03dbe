"""The counts of a part of the campaign: its cases, how they ended, and the faults, of which there must be none."""

import json
import resource
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atalho import record
from atalho.files import write_atomically
from atalho.runtime import machine
from atalho.runtime.device import resolve_device

FAULTS = {
    "differing_bits": "a result that is not bit by bit that of an undisturbed call",
    "unnoticed": "a damaged file that was used, with another result, and nothing was said",
    "lost_records": "a record that had been written and is gone",
    "stuck_locks": "a lock that outlives its process",
    "litter": "a hidden temporary file that is still there after the next call",
    "touched": "a file that a refusal has changed",
    "tracebacks": "an exception that is no error of one line with a documented exit code",
    "executed_payloads": "code in a file that was run",
    "obeyed": "a control character in what is printed, which a terminal would obey",
    "writes_outside": "a file that was written outside the output",
    "reads_outside": "a file that was read because a file of weights names it",
    "unbounded": "a case that took more time or memory than it may",
    "wrong_results": "a call that ended well and should not have, or the other way round",
}
"""Every fault that some part of the campaign detects, by the name of its column."""

MOST_EXAMPLES = 20


@dataclass
class Counts:
    """The counts of one part.

    Args:
        part: its name, as `rot: config.json`.
        detects: the faults that it can detect, of `FAULTS`.
    """

    part: str
    detects: tuple[str, ...]
    cases: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def end(self, how: str) -> None:
        """Counts a case, and how it ended."""
        self.cases += 1
        self.ends[how] += 1

    def fault(self, column: str, example: str) -> None:
        """Counts a fault of the case; `example` says how to repeat it."""
        assert column in self.detects, column
        self.faults[column] += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(f"{column}: {example}")

    @contextmanager
    def timed(self) -> Iterator["Counts"]:
        """Adds the time of its block."""
        begin = time.monotonic()
        yield self
        self.seconds += time.monotonic() - begin

    def document(self) -> dict[str, Any]:
        """The counts as a JSON object; a fault that the part cannot detect is not in it."""
        return {
            "cases": self.cases,
            "ends": dict(sorted(self.ends.items())),
            "faults": {name: self.faults[name] for name in self.detects},
            "examples": self.examples,
            "seconds": round(self.seconds, 1),
            "peak_memory_mb": peak_memory() // 2**20,
        }


def peak_memory() -> int:
    """The most bytes of memory that this process and any of its children have had at once."""
    processes = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return 1024 * max(resource.getrusage(each).ru_maxrss for each in processes)


def write(file: Path, counts: Counts, **conditions: Any) -> None:
    """Puts the counts of a part into a file of all parts, in place of earlier ones, with the conditions that they were counted under."""
    parts = json.loads(file.read_text(encoding="utf-8"))["parts"] if file.exists() else {}
    environment = machine.conditions(resolve_device("cpu", 1))
    parts[counts.part] = {
        **counts.document(),
        "conditions": {**conditions, **environment, "at": record.now()},
    }
    document = {"must_be_0": FAULTS, "total": _total(parts), "parts": dict(sorted(parts.items()))}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def _total(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The cases and faults of all parts, the cases of each kind, as `rot` or `random kills`, and the most memory of all."""
    kinds: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for name, part in parts.items():
        kinds[name.partition(":")[0]] += part["cases"]
        faults.update(part["faults"])
    return {
        "cases": kinds.total(),
        "faults": {name: faults[name] for name in FAULTS},
        "cases_by_kind": dict(sorted(kinds.items())),
        "peak_memory_mb": max(part["peak_memory_mb"] for part in parts.values()),
    }
