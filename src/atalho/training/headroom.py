"""How large a batch would have fitted into the memory that one did not fit into."""

from collections.abc import Callable

import torch

from atalho.runtime.memory import is_out_of_memory

FINENESS = 16  # the answer is within one sixteenth of the largest


def largest(attempt: Callable[[int], None], below: int) -> int:
    """The largest number for which `attempt` has memory, by halving; 0 where two are too many (one has no variance).

    Args:
        attempt: does the work for so many images.
        below: a number that is known to be too large.
    """
    fits, fails = 1, below
    while fails - fits > max(1, fits // FINENESS):
        middle = (fits + fails) // 2
        if _has_memory(attempt, middle):
            fits = middle
        else:
            fails = middle
    return fits if fits > 1 else 0


def _has_memory(attempt: Callable[[int], None], images: int) -> bool:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        attempt(images)
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            return False
        raise
    return True
