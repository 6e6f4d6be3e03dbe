"""Warming up: runs until a run takes as long as the ones before it."""

from collections.abc import Callable
from statistics import median

BLOCK = 0.1
"""Seconds of runs whose median is compared: single runs of a fast network differ by chance."""

LEAST_BLOCKS, MOST_BLOCKS = 3, 20
"""Blocks of runs. An engine that compiles at its first run, or records a graph at its second, is warm in none of the first two."""

STABLE = 0.05
"""By which share the last two blocks may differ."""


def until_stable(once: Callable[[], float]) -> list[float]:
    """Runs block by block until two agree, of three at least; returns the blocks' medians.

    Args:
        once: runs once and returns how many seconds that took.
    """
    blocks: list[float] = []
    while len(blocks) < MOST_BLOCKS:
        block = [once()]
        while sum(block) < BLOCK:
            block.append(once())
        blocks.append(median(block))
        if len(blocks) >= LEAST_BLOCKS and abs(blocks[-1] / blocks[-2] - 1) < STABLE:
            break
    return blocks
