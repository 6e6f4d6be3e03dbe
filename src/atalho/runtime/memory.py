"""Running out of memory: which errors mean it, and the one line that a user is shown."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from atalho.errors import AtalhoError, Exit


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had, on a GPU or on the host."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


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
