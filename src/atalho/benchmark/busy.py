"""Whether other processes used the machine during a measurement, and whether the measured time drifted."""

import time
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import psutil

MOST_OTHER_CORES = 0.1
"""How many cores other processes may keep busy in a quiet measurement; the clocks of their work tick a hundred times a second."""

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
    """How many cores other processes, or other virtual machines on the same host, kept busy between two moments."""
    wall = ended.wall - begun.wall
    everybody, own = ended.everybody - begun.everybody, ended.own - begun.own
    return max(0.0, everybody - own) / wall


def drift(samples: Sequence[float]) -> float:
    """The median of the second half of the samples over that of the first, less one; 0 for fewer than `LEAST` samples."""
    if len(samples) < LEAST:
        return 0.0
    middle = len(samples) // 2
    return median(samples[middle:]) / median(samples[:middle]) - 1
