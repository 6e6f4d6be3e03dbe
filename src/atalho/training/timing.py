"""Times a few real training steps in each arithmetic, on copies of a run's network and on its first batch."""

import copy
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from math import inf
from statistics import median

import torch
from torch import Tensor

from atalho.benchmark import busy
from atalho.data.dataset import Dataset
from atalho.training.arguments import Arguments
from atalho.training.arithmetic import Arithmetic, Timed, fastest
from atalho.training.images import images_of
from atalho.training.initial import InitialModel, initial_model, initial_weights
from atalho.training.learner import Learner

TURN = 0.25
"""Seconds of one arithmetic before the next one's turn: one step, where that takes longer."""

TURNS = 5  # quiet ones of each arithmetic that is not left out
LOOK = 0.5  # seconds in which it is seen whether the machine is quiet, before anything is timed
PATIENCE = 10.0  # seconds of disturbed turns, and three of them, after which nothing more is timed
WARMING = 2  # steps that are not counted: in the first one kernels are chosen

HOPELESS = 1.5
"""An arithmetic whose best turn took so many times the fastest one's best is left out after its second turn."""

COMPILED_FROM = 3600.0
"""Seconds of a run from which compiling is tried: on two cores it takes one or two minutes, and saves some percent of each step."""

Turns = dict[Arithmetic, list[float]]
"""The seconds of a step in each turn."""


@dataclass(frozen=True)
class Measurement:
    """What was timed.

    Args:
        timed: in the order of the usual preference, the compiled last.
        noise: why it decides nothing, in words; empty where the machine was quiet.
    """

    timed: tuple[Timed, ...]
    noise: str = ""


class Steps:
    """Training steps in one arithmetic or another, on copies of a network; its own weights and statistics are left as they are.

    The learning rate is 0, so that no copy diverges; the work is that of any other rate.
    """

    def __init__(
        self, arguments: Arguments, initial: InitialModel, batch: tuple[Tensor, Tensor]
    ) -> None:
        self.arguments, self.initial, self.batch = arguments, initial, _Batch(*batch)
        self.learners: dict[tuple[str, bool], Learner] = {}

    @classmethod
    def of(cls, arguments: Arguments, data: Dataset) -> "Steps":
        """Steps of a run's network on its first batch; a classifier that the run fits first is drawn, which changes no time."""
        recipe = replace(arguments.recipe, fitted_head=False)
        quick = replace(arguments, recipe=recipe)
        initial = initial_model(quick, data, initial_weights(quick, data))
        with closing(images_of(quick, initial, data)) as stream:
            return cls(quick, initial, stream(0))

    @property
    def weights(self) -> int:
        """The bytes of the network's weights."""
        return sum(each.nbytes for each in self.initial.module.parameters())

    def seconds(self, arithmetic: Arithmetic, count: int) -> float:
        """The time of a step: the mean of `count`."""
        torch.set_num_threads(arithmetic.threads)
        learner = self._learner(arithmetic)
        begun = time.perf_counter()
        for _ in range(count):
            learner.advance(0.0)
        return (time.perf_counter() - begun) / count

    def _learner(self, arithmetic: Arithmetic) -> Learner:
        arguments = arithmetic.applied(self.arguments)
        layout = arithmetic.memory_format, arithmetic.compiled
        if layout not in self.learners:
            copied = replace(self.initial, module=copy.deepcopy(self.initial.module))
            self.learners[layout] = Learner(arguments, copied, self.batch)
            self.learners[layout].model.train()
        learner = self.learners[layout]
        learner.arguments = arguments
        return learner


@dataclass(frozen=True)
class _Batch:
    """A stream of one and the same batch: neither decoding nor augmentation is timed."""

    images: Tensor
    labels: Tensor

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        return self.images, self.labels

    def close(self) -> None:
        """Does nothing."""


def measured(steps: Steps, contenders: Sequence[Arithmetic], length: int, most: int) -> Measurement:
    """The time of a step in each arithmetic, by short turns.

    Args:
        contenders: in the order in which they are preferred.
        length: steps of the run.
        most: steps of a turn, at most.
    """
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]):
            return _measured(steps, contenders, length, most)
    finally:
        torch.set_num_threads(threads)


def _measured(
    steps: Steps, contenders: Sequence[Arithmetic], length: int, most: int
) -> Measurement:
    if noise := _busy_already():
        return Measurement((), noise)
    turns, noise = _by_turns(steps, contenders, most)
    timed = tuple(Timed(each, tuple(turns[each])) for each in contenders)
    if noise or not long_enough_to_compile(timed, length):
        return Measurement(timed, noise)
    best = fastest(timed, length)
    compiled = replace(best.arithmetic, compiled=True)
    begun = time.monotonic()
    try:
        steps.seconds(compiled, WARMING)
    except RuntimeError:  # there is no compiler, or it does not take this network
        return Measurement((*timed, Timed(compiled, (inf,))))
    compiling = time.monotonic() - begun
    turns, noise = _by_turns(steps, [best.arithmetic, compiled], most)
    if noise:
        return Measurement(timed)  # without compiling, as before
    again = replace(best, seconds=tuple(turns[best.arithmetic]))
    timed = tuple(again if each is best else each for each in timed)
    return Measurement((*timed, Timed(compiled, tuple(turns[compiled]), compiling)))


def _busy_already() -> str:
    """In words, how busy others keep the machine while this process rests; empty where it is quiet."""
    begun = busy.moment()
    time.sleep(LOOK)
    other = busy.other_cores(begun, busy.moment())
    return busy.words(other) if busy.disturbed(other) else ""


def long_enough_to_compile(timed: Sequence[Timed], length: int) -> bool:
    """Whether a run of so many steps takes so long that compiling is tried."""
    return fastest(timed, length).total(length) >= COMPILED_FROM


def _by_turns(steps: Steps, contenders: Sequence[Arithmetic], most: int) -> tuple[Turns, str]:
    """The turns of each arithmetic, and why they decide nothing: empty where they are those of a quiet machine."""
    warm = {each: min(steps.seconds(each, 1) for _ in range(WARMING)) for each in contenders}
    count = max(1, min(most, round(TURN / min(warm.values()))))
    quiet: Turns = {each: [] for each in contenders}
    disturbed: Turns = {each: [] for each in contenders}
    others: list[float] = []
    lost = 0.0
    order = [*contenders]
    while left := [each for each in order if len(quiet[each]) < TURNS]:
        for each in left:
            begun = busy.moment()
            seconds = steps.seconds(each, count)
            other = busy.other_cores(begun, busy.moment())
            if busy.disturbed(other):
                others.append(other)
                lost += count * seconds
                disturbed[each].append(seconds)
            else:
                quiet[each].append(seconds)
        if len(others) >= 3 and lost > PATIENCE:
            every = {each: quiet[each] + disturbed[each] for each in contenders}
            return every, busy.words(median(others))
        order = [each for each in reversed(order) if each in _near(quiet)]
    return {each: quiet[each] or disturbed[each] for each in contenders}, ""


def _near(turns: Mapping[Arithmetic, Sequence[float]]) -> list[Arithmetic]:
    """Those that had fewer than two turns, or are not far behind the fastest."""
    best = min((min(seconds) for seconds in turns.values() if seconds), default=0.0)
    return [
        each
        for each, seconds in turns.items()
        if len(seconds) < 2 or min(seconds) < HOPELESS * best
    ]
