"""Resident memory of this process: its peak, and where that starts from."""

import sys
from pathlib import Path

import psutil


def _resident(field: str) -> int:
    """`VmRSS` or `VmHWM` of this process in bytes; raises OSError where there is no /proc, or not this line."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field} in /proc/self/status")


def reset_peak() -> int:
    """Resets the high-water mark of resident memory and returns the resident bytes; on systems but Linux the mark as it is."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _resident("VmRSS")
    except OSError:
        return peak()


def peak() -> int:
    """The most bytes of memory that were resident since the last reset, or since the process began."""
    try:
        return _resident("VmHWM")
    except OSError:
        return _since_the_beginning()


def _since_the_beginning() -> int:
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # which Windows does not have

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
