"""After running out of memory: the largest batch that fits, and the error that says so."""

from collections.abc import Callable
from pathlib import Path

import torch

from atalho.errors import AtalhoError, Exit
from atalho.runtime.memory import is_out_of_memory
from atalho.training.arguments import Arguments

FINENESS = 16  # the result is within one sixteenth of the largest


def largest(attempt: Callable[[int], None], below: int) -> int:
    """The largest number of images that fits into memory, found by bisection.

    Args:
        attempt: does the work for a number of images.
        below: a number that is known to be too large.

    Returns:
        A number of at least 2, within a sixteenth of the largest; 0 where two images do not fit (BatchNorm needs two).
    """
    fits, fails = 1, below
    while fails - fits > max(1, fits // FINENESS):
        middle = (fits + fails) // 2
        if _has_memory(attempt, middle):
            fits = middle
        else:
            fails = middle
    return fits if fits > 1 else 0


def error(arguments: Arguments, rehearse: Callable[[int], None], folder: Path) -> AtalhoError:
    """The error for a step that ran out of memory; on a GPU it says how many images at a time would have fitted.

    Args:
        rehearse: does a step with a number of images; it may change the run's weights.
        folder: the run's folder.
    """
    recipe, world = arguments.recipe, arguments.world
    at_once = recipe.batch_size // world.size // arguments.parts
    # With synchronised BatchNorm a process would wait for the others, which wait for it. On the host an attempt close to the
    # limit may end the process: the system kills it, or a library does not look whether it was given memory.
    tried = arguments.device.torch.type != "cpu" and (world.size == 1 or not arguments.sync_bn)
    fits = largest(rehearse, below=at_once) if tried else at_once // 2
    parts = -(-arguments.parts * at_once // max(1, fits))
    would = f"; {fits} at a time would" if tried else ""
    return AtalhoError(
        "OUT-OF-MEMORY",
        arguments.network,
        f"a batch of {recipe.batch_size}, {at_once} images at a time, does not fit into memory{would}; "
        f"earlier checkpoints are kept in {folder}",
        next_step=f"--grad-accum-steps {parts}, which keeps the batch"
        if fits
        else "a smaller network or --img-size",
        exit=Exit.RESOURCES,
    )


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
