"""Whether other processes used the machine during a measurement, and whether the measured time drifted."""

import os
import time
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

import psutil

MOST_OTHER_SHARE = 0.05
"""The share of the machine's cores that other processes may keep busy in a quiet measurement."""

TICKS = 0.02
"""Seconds of work that are not believed: the clocks of all processes' work tick a hundred times a second, for user and system."""

DRIFT = 0.1
"""By which share the medians of the first and the second half of the samples may differ."""

LEAST = 8  # samples without which no drift is computed


class Moment(NamedTuple):
    """The clocks at one moment, in seconds: of the wall, of the work of all processes, and of this process's own work."""

    wall: float
    everybody: float
    own: float


def moment() -> Moment:
    """The clocks now."""
    times = psutil.cpu_times()
    resting = times.idle + getattr(times, "iowait", 0.0)
    # `user` holds `guest` on Linux, so that is not added again.
    everybody = sum(times) - resting - getattr(times, "guest", 0.0)
    everybody -= getattr(times, "guest_nice", 0.0)
    return Moment(time.perf_counter(), everybody, time.process_time())


def other_cores(begun: Moment, ended: Moment) -> float:
    """How many cores other processes, or other virtual machines on the same host, kept busy between two moments, at least."""
    wall = ended.wall - begun.wall
    everybody, own = ended.everybody - begun.everybody, ended.own - begun.own
    return max(0.0, everybody - own - TICKS) / wall


def disturbed(other_cores: float) -> bool:
    """Whether other processes kept more cores busy than they may in a quiet measurement."""
    return other_cores > MOST_OTHER_SHARE * _cores()


def words(other_cores: float) -> str:
    """The sentence on so many busy cores for the condition `noise`."""
    return f"other processes kept {other_cores:.1f} of {_cores()} cores busy"


def conditions(other_cores: float) -> dict[str, Any]:
    """The conditions `noisy` and `noise` of a measurement; none where the machine was quiet."""
    return {"noisy": True, "noise": words(other_cores)} if disturbed(other_cores) else {}


def _cores() -> int:
    """The cores of the whole machine, whose clocks `moment` reads."""
    return os.cpu_count() or 1


def drift(samples: Sequence[float]) -> float:
    """The median of the second half of the samples over that of the first, less one; 0 for fewer than `LEAST` samples."""
    if len(samples) < LEAST:
        return 0.0
    middle = len(samples) // 2
    return median(samples[middle:]) / median(samples[:middle]) - 1
