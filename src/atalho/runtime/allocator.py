"""The C library's memory allocator, as a training wants it."""

import ctypes
import sys

# Parameters of glibc's mallopt, from its malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_LARGEST = 2**31 - 1


def keep_freed_memory() -> None:
    """Has glibc keep the memory that this process frees for its next allocations, where it would return it to the system.

    A training step allocates what the step before it has freed, and the system clears all memory that it gives, page by page.
    With another C library or system nothing is changed.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _LARGEST)
        mallopt(_MMAP_MAX, 0)
