"""Which arithmetic a run takes with `--precision auto`: the one that it was begun in, the fastest that was timed, or the usual one.

A run's arithmetic is decided before its first step, and kept in its args.yaml: a resumed run has the same, whatever would be the
fastest by then. Timings are kept in the user's cache folder, so that later runs of the network on the machine decide alike.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import torch

from atalho.data.dataset import Dataset
from atalho.runtime.precision import multiplies_bf16
from atalho.training import arguments as saving
from atalho.training import timing, timing_cache
from atalho.training.arguments import Arguments
from atalho.training.arithmetic import Arithmetic, Timed, fastest, sentence, usual_order

LEAST_STEPS = 1000
"""The steps of a run from which its arithmetic is measured: about fifty are made for that."""

COPIES = 9
"""How often the weights lie in memory meanwhile: those of the run, and two copies with gradients, momentum and room for a step."""

Say = Callable[[str], None]


def decided(
    arguments: Arguments, data: Dataset, folders: Sequence[Path], *, free_threads: bool, say: Say
) -> tuple[Arguments, str]:
    """A run's arguments in the arithmetic that it takes, and why, in words; torch's threads are set to it.

    Of several processes, on a GPU, with `--compile` and in fewer steps than `LEAST_STEPS` it is the usual one, without a word.

    Args:
        arguments: in the usual arithmetic.
        folders: of the runs of all seeds: where one was begun, all take its arithmetic.
        free_threads: whether nobody asked for the number of threads.
        say: is called with a line before steps are timed, and where the timings cannot be read or kept.

    Raises:
        AtalhoError: as `arguments.read` and `initial_weights`.
    """
    usual, world, recipe = Arithmetic.of(arguments), arguments.world, arguments.recipe
    begun = world.from_main(lambda: next(filter(None, map(saving.read, folders)), None))
    if begun is not None:
        own = Arithmetic.of_run(begun, arguments, free_threads=free_threads)
        return _in(own, arguments), "as the run was begun"
    steps = recipe.length(len(data.training(with_validation=recipe.with_validation).labels))
    if world.size > 1 or usual.compiled or arguments.device.type != "cpu" or steps < LEAST_STEPS:
        return arguments, ""
    measurement = _measurement(arguments, data, steps, free_threads=free_threads, say=say)
    if measurement.noise:
        return arguments, f"the usual, since nothing could be compared: {measurement.noise}"
    own = fastest(measurement.timed, steps).arithmetic
    return _in(own, arguments), sentence(measurement.timed, steps, recipe.batch_size)


def _in(arithmetic: Arithmetic, arguments: Arguments) -> Arguments:
    torch.set_num_threads(arithmetic.threads)
    return arithmetic.applied(arguments)


def _measurement(
    arguments: Arguments, data: Dataset, steps: int, *, free_threads: bool, say: Say
) -> timing.Measurement:
    """What is kept of an earlier measurement, or is timed now; that of a quiet machine is kept."""
    bf16 = multiplies_bf16(arguments.device.torch)
    contenders = usual_order(Arithmetic.of(arguments), bf16=bf16, free_threads=free_threads)
    key = timing_cache.key(arguments, data, contenders)
    file = timing_cache.path(arguments.network, key)
    kept = timing_cache.read(file, say)
    if kept and not _compiling_untried(kept, steps):
        return timing.Measurement(kept)
    copies = timing.Steps.of(arguments, data)
    if copies.weights * COPIES > psutil.virtual_memory().available:
        return timing.Measurement((), "there is too little memory for copies of the network")
    say("precision auto: a few steps are timed in each arithmetic")
    most = steps // LEAST_STEPS
    measurement = timing.measured(copies, contenders, steps, most)
    if not measurement.noise:
        timing_cache.write(file, key, measurement.timed, say)
    return measurement


def _compiling_untried(timed: Sequence[Timed], steps: int) -> bool:
    """Whether a run is so long that compiling would be tried, which shorter ones did not."""
    tried = any(each.arithmetic.compiled for each in timed)
    return not tried and timing.long_enough_to_compile(timed, steps)
