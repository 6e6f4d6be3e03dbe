"""Running out of memory: which errors mean it, and the error that a user sees instead."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from atalho.errors import AtalhoError, Exit

MESSAGES = ("can't allocate memory", "failed to allocate memory", "bad_alloc", "bad allocation")
"""Parts of the errors of torch's allocator, of onnxruntime's, and of C++ in its two spellings."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory could not be allocated, on a GPU or on the host; torch is not imported for it."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.OutOfMemoryError)):
        return True
    message = str(error).lower()
    return isinstance(error, Exception) and any(each in message for each in MESSAGES)


@contextmanager
def memory_for(images: int) -> Iterator[None]:
    """A context for running a network without gradients on `images` images at a time.

    Raises:
        AtalhoError: OUT-OF-MEMORY (exit 6), where memory runs out in it.
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
