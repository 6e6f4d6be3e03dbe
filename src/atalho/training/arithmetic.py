"""The arithmetic that the steps of a training are computed in, and which of several that were timed a run takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import median, quantiles

from atalho.engines.engine import USUAL, MemoryFormat
from atalho.runtime.precision import Precision
from atalho.training.arguments import Arguments, SavedArguments

LEAST_GAIN = 0.05
"""The share of a run's time that another arithmetic must save, at least, to be taken in place of the usual one."""


@dataclass(frozen=True)
class Arithmetic:
    """How steps are computed: all that changes a run's bits and its speed, but not what it learns from.

    Args:
        threads: of the processor, for one operation.
        compiled: whether torch compiles the network first.
    """

    precision: Precision
    memory_format: MemoryFormat
    threads: int
    compiled: bool = False

    @classmethod
    def of(cls, arguments: Arguments) -> "Arithmetic":
        """The arithmetic of a run's arguments."""
        threads = arguments.device.threads
        return cls(arguments.precision, arguments.memory_format, threads, arguments.compiled)

    @classmethod
    def of_run(cls, saved: SavedArguments, now: Arguments, *, free_threads: bool) -> "Arithmetic":
        """The arithmetic that a run was begun in, for it to go on in.

        Args:
            now: what it would be continued with; `compiled` is only ever added to it, and threads are never more.
            free_threads: whether nobody asked for the number of threads in `now`.
        """
        began, threads = saved.environment, now.device.threads
        if free_threads:
            threads = min(began.get("threads", threads), threads)
        return cls(
            saved.precision,
            began.get("memory_format", USUAL),
            threads,
            now.compiled or began.get("compiled", False),
        )

    def applied(self, arguments: Arguments) -> Arguments:
        """The arguments with this arithmetic in place of their own."""
        return replace(
            arguments,
            precision=self.precision,
            memory_format=self.memory_format,
            device=replace(arguments.device, threads=self.threads),
            compiled=self.compiled,
        )

    def __str__(self) -> str:
        """`bf16 channels_last on 2 threads, compiled`."""
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        compiled = ", compiled" if self.compiled else ""
        return f"{self.precision} {self.memory_format} on {threads}{compiled}"


@dataclass(frozen=True)
class Timed:
    """An arithmetic with the time of its steps.

    Args:
        seconds: of a step, one number for each turn.
        compiling: seconds before the first step is done, in a run that compiles.
    """

    arithmetic: Arithmetic
    seconds: tuple[float, ...]
    compiling: float = 0.0

    def total(self, steps: int) -> float:
        """The seconds that a run of so many steps takes: by the median turn."""
        return self.compiling + steps * median(self.seconds)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles of the turns, as a share of their median; 0 of a single turn."""
        if len(self.seconds) == 1:
            return 0.0
        low, middle, high = quantiles(self.seconds, method="inclusive")
        return (high - low) / (2 * middle)


def usual_order(usual: Arithmetic, *, bf16: bool, free_threads: bool) -> list[Arithmetic]:
    """All that are tried without compiling, the usual one first: in a near tie the earlier one is taken.

    Args:
        bf16: whether the hardware multiplies it: elsewhere libraries imitate it, and are slower than float32.
        free_threads: whether half as many threads are tried too; these are the physical cores where each has two threads, and
            enough for the smallest networks.
    """
    threads = [usual.threads]
    if free_threads and usual.threads > 1:
        threads.append(usual.threads // 2)
    precisions: tuple[Precision, ...] = ("bf16", "float32") if bf16 else ("float32",)
    formats: tuple[MemoryFormat, ...] = ("channels_last", "contiguous")
    return [
        Arithmetic(precision, memory_format, number)
        for number in threads
        for memory_format in formats
        for precision in precisions
    ]


def fastest(timed: Sequence[Timed], steps: int) -> Timed:
    """The arithmetic for a run of so many steps: the first that no other one beats clearly.

    One beats another clearly where it saves more than `LEAST_GAIN` of the run's time, and more than both spreads together.

    Args:
        timed: in the order in which they are preferred.
    """
    best = min(timed, key=lambda each: each.total(steps))

    def beaten(other: Timed) -> bool:
        gain = 1 - best.total(steps) / other.total(steps)
        return gain > max(LEAST_GAIN, best.spread + other.spread)

    return next(each for each in timed if not beaten(each))


def sentence(timed: Sequence[Timed], steps: int, batch: int) -> str:
    """What is taken, and the images/s of all that were tried, in one line.

    Args:
        batch: images of a step.
    """
    chosen = fastest(timed, steps)

    def rate(each: Timed) -> str:
        seconds = median(each.seconds)
        return f"{batch / seconds:.0f}" if isfinite(seconds) else "impossible here"

    others = [each for each in timed if each is not chosen]
    behind = ", ".join(f"{each.arithmetic} {rate(each)}" for each in others)
    near = min(timed, key=lambda each: each.total(steps)) is not chosen
    tie = " (a near tie, in which the usual order decides)" if near else ""
    return f"{chosen.arithmetic}, {rate(chosen)} images/s by its steps{tie}; the others {behind}"
