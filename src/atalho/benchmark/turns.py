"""Networks run by turns, each in its own process, until every one has enough runs on a quiet machine."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

from atalho.benchmark import busy
from atalho.benchmark.child import MeasureRequest
from atalho.benchmark.system import System
from atalho.runtime.child import Child, Ended

RETAKEN = 10  # turns that are taken again where the machine was busy
ATTEMPTS = 3  # of a network whose time drifts

Run = Sequence[float]
"""The seconds of a run's parts, in their order; one number where it has no parts."""


@dataclass(frozen=True)
class Plan:
    """What is measured by turns, and when it is enough.

    Args:
        measure: as of a `MeasureRequest`.
        turns: at least, of every network: what is slow for a moment is slow in one turn alone.
        runs: at least, unless the runs take `seconds` together before that.
        turn: seconds of one network before the next one's turn.
    """

    measure: Literal["time", "streams"]
    turns: int = 10
    runs: int = 50
    seconds: float = 5.0
    turn: float = 0.2

    def __str__(self) -> str:
        return f"networks by turns of {self.turn} s, {self.turns} turns and {self.runs} runs or {self.seconds:g} s at least"


@dataclass
class Turns:
    """The runs of one network.

    Attributes:
        quiet: runs of the turns in which nobody else used the machine; `turns` is how many turns these were.
        busy: runs of the other turns; `other_cores` holds how many cores other processes kept busy in each of them.
    """

    plan: Plan
    quiet: list[Run] = field(default_factory=list)
    turns: int = 0
    busy: list[Run] = field(default_factory=list)
    other_cores: list[float] = field(default_factory=list)

    def add(self, runs: Sequence[Run], other_cores: float) -> None:
        """Adds a turn."""
        if busy.disturbed(other_cores):
            self.busy += runs
            self.other_cores.append(other_cores)
        else:
            self.quiet += runs
            self.turns += 1

    @property
    def hopeless(self) -> bool:
        """Whether the machine was busy for so long that it is not waited for."""
        return len(self.other_cores) >= RETAKEN

    @property
    def complete(self) -> bool:
        """Whether there are enough runs."""
        enough = len(self.quiet) >= self.plan.runs or sum(map(sum, self.quiet)) >= self.plan.seconds
        return (enough and self.turns >= self.plan.turns) or self.hopeless

    @property
    def runs(self) -> list[Run]:
        """What is reported: the quiet turns' runs, or where there were too few, all."""
        return self.busy + self.quiet if self.hopeless else self.quiet

    @property
    def noise(self) -> str:
        """Why the runs are not to be ranked with those of a quiet machine; empty where they are."""
        if self.hopeless:
            return busy.words(median(self.other_cores))
        if self.drifted:
            drift = 100 * busy.drift([*map(sum, self.quiet)])
            return f"the time drifted by {drift:+.0f} % between the first and the second half"
        return ""

    @property
    def drifted(self) -> bool:
        """Whether the time changed while nobody else was at work, as when a processor grows hot."""
        return not self.hopeless and abs(busy.drift([*map(sum, self.quiet)])) > busy.DRIFT

    @property
    def noise_conditions(self) -> dict[str, Any]:
        """The conditions `noisy` and `noise`; none where the machine was quiet."""
        return {"noisy": True, "noise": self.noise} if self.noise else {}


def take_turns(
    children: Mapping[str, Child], systems: Sequence[System], plan: Plan, batch: int
) -> dict[str, Turns | Ended]:
    """The runs of every network, by name; a network whose process ends has that instead, and the rest go on.

    Each process is asked to `warm` up first. A network whose time drifts is measured again.

    Args:
        children: by the systems' names.
        batch: images at a time.
    """
    turns: dict[str, Turns] = {}
    failed: dict[str, Ended] = {}

    def result(system: System, request: MeasureRequest) -> Any:
        try:
            return children[system.name].ask(asdict(request))
        except Ended as ended:
            failed[system.name] = ended
            return None

    for each in systems:
        result(each, MeasureRequest("warm", batch, files=each.files))
    again = systems
    for _ in range(ATTEMPTS):
        turns |= {each.name: Turns(plan) for each in again}
        while left := [s for s in again if s.name not in failed and not turns[s.name].complete]:
            for each in left:
                if turn := result(each, MeasureRequest(plan.measure, batch, plan.turn, each.files)):
                    turns[each.name].add(**turn)
        again = [s for s in again if s.name not in failed and turns[s.name].drifted]
    return {each.name: failed.get(each.name) or turns[each.name] for each in systems}


def companions(system: System, systems: Sequence[System]) -> dict[str, list[str]]:
    """The condition `in_turns_with`: the networks whose turns alternated with a network's."""
    return {"in_turns_with": sorted(each.name for each in systems if each is not system)}
