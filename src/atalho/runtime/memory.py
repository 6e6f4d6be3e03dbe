"""Running out of memory: which errors mean it, and the one line that a user is shown."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from atalho.errors import AtalhoError, Exit

SAID = ("can't allocate memory", "failed to allocate memory", "bad_alloc", "bad allocation")
"""By torch's allocator, by onnxruntime's, and by C++ in its two spellings."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had, on a GPU or on the host; torch is not loaded for it."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.OutOfMemoryError)):
        return True
    message = str(error).lower()
    return isinstance(error, Exception) and any(each in message for each in SAID)


@contextmanager
def memory_for(images: int) -> Iterator[None]:
    """Around the work of a network without gradients on so many images at a time.

    Raises:
        AtalhoError: OUT-OF-MEMORY (exit 6), where the work has too little memory.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise AtalhoError(
            "OUT-OF-MEMORY",
            f"{images} images at a time",
            "do not fit into memory",
            next_step="--device cpu or a smaller network; evaluate and predict take a smaller --batch-size",
            exit=Exit.RESOURCES,
        ) from error
