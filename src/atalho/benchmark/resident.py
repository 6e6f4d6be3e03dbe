"""Resident memory of this process: its peak, and where that starts from."""

import resource
import sys
from pathlib import Path


def _resident(field: str) -> int:
    """`VmRSS` or `VmHWM` of this process in bytes, where there is /proc."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field} in /proc/self/status")


def reset_peak() -> int:
    """Resets the high-water mark of resident memory, where the system allows it, and returns the resident bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _resident("VmRSS")
    except OSError:
        return peak()


def peak() -> int:
    """The most bytes of memory that were resident since the last reset."""
    try:
        return _resident("VmHWM")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
