"""The process in which backends are tried: each is written, compared with float32 eager on real images, and timed in turns."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from atalho.engines import ENGINES, REFERENCE, Backend, engine_config
from atalho.engines.engine import Floats, Session
from atalho.engines.trial import SAMPLE, Trial, TrialSpec
from atalho.errors import Exit
from atalho.runtime.child import Parent
from atalho.runtime.memory import is_out_of_memory
from atalho.statistics import fewest_images, most_lost

if TYPE_CHECKING:
    from torch import Tensor

BOUND = 1e-3
"""By how much a logit of a float32 engine may differ from the reference's, as a share of the largest logit: engines sum in other
orders. In bf16 and int8 logits move farther, and labelled images decide."""

ROUNDS, ROUND_SECONDS = 7, 0.15
BATCH = 16  # images that are compared at once


def try_backends(spec: TrialSpec, trying: Callable[[Backend], None]) -> list[Trial]:
    """The trial of every backend, the reference's first.

    Args:
        trying: called with a backend before it is run, so that a crash can be attributed to it.
    """
    import torch
    from safetensors.torch import load_file

    from atalho.data.batches import preprocess
    from atalho.weights.trained import read

    torch.set_num_threads(spec.placement.device.threads)
    trained = read(spec.folder, named=spec.placement.named)
    sample = load_file(spec.folder / SAMPLE)

    def prepared(name: str) -> "Tensor":
        return preprocess(sample[name], trained.preprocessing).contiguous()

    images = prepared("images").numpy()
    labels = sample["labels"].numpy() if "labels" in sample else None
    expected: Floats | None = None
    trials: list[Trial] = []
    sessions: dict[int, Session] = {}
    written: set[tuple[str, ...]] = set()
    for backend in (REFERENCE, *spec.backends):
        trying(backend)
        engine = ENGINES[backend.engine]
        files = engine.files(backend.dtype)
        try:
            # Two precisions may have the same files, which a session of the first has open.
            if files not in written:
                calibration = prepared("calibration") if backend.dtype == "int8" else None
                engine.write(trained, spec.folder, backend.dtype, calibration)
                written.add(files)
            session = engine.open(spec.folder, backend.dtype, spec.placement)
            logits = _logits(session, images)
        except Exception as error:  # engines may raise any exception
            if backend == REFERENCE:
                raise
            message = (str(error).splitlines() or [""])[0]
            code = Exit.RESOURCES if is_out_of_memory(error) else 0
            trials.append(Trial(*backend, cause=f"{type(error).__name__}: {message}", code=code))
            continue
        if expected is None:
            expected = logits
        size = engine_config.size(spec.folder, backend)
        trials.append(_compared(backend, size, expected, logits, labels, spec.max_loss))
        sessions[len(trials) - 1] = session
        gc.collect()
    batch = np.resize(images, (spec.batch, *images.shape[1:]))
    timed = {trials[index].backend: session for index, session in sessions.items()}
    for index, seconds in zip(sessions, _timed(timed, batch, trying), strict=True):
        trials[index] = replace(trials[index], seconds=seconds)
    return trials


def _logits(session: Session, images: Floats) -> Floats:
    """The logits of all images, in batches of only two sizes, since an engine prepares itself for each size."""
    parts = [images[at : at + BATCH] for at in range(0, len(images) - BATCH + 1, BATCH)]
    remainder = images[len(parts) * BATCH :]
    singles = [remainder[at : at + 1] for at in range(len(remainder))]
    return np.concatenate(
        [np.array(session.get(session.run(session.put(each)))) for each in (*parts, *singles)]
    )


def _compared(
    backend: Backend, size: int, expected: Floats, logits: Floats, labels: Any, max_loss: float
) -> Trial:
    """Compares a backend's logits with the reference's.

    Args:
        size: bytes of the files that the engine reads.
        expected: the reference's logits, (N, classes).
        logits: the backend's, (N, classes).
        labels: (N,) indices of classes; None where they are not known.
        max_loss: as of a `TrialSpec`.
    """
    difference = float(np.abs(expected.astype(float) - logits).max())
    reference, classes = expected.argmax(1), logits.argmax(1)
    agreement = float((reference == classes).mean())
    trial = Trial(*backend, difference, agreement=agreement, size=size)
    if labels is not None:  # a quotient of integers: five of a thousand are exactly 0.005
        net = int((reference == labels).sum() - (classes == labels).sum())
        trial = replace(trial, lost=net / len(labels))
    if backend.dtype == "float32":
        bound = BOUND * float(np.abs(expected).max())
        cause = f"a logit differs by {difference:.3g} from float32 eager's, beyond {bound:.3g}"
        return replace(trial, bound=bound, cause="" if difference <= bound else cause)
    if not np.isfinite(logits).all():
        return replace(trial, cause="a logit is not finite")
    if labels is None:
        return replace(trial, unproven="there are no labelled images to show what it loses")
    lost = int(((reference == labels) & (classes != labels)).sum())
    bound = most_lost(lost, len(labels))
    unproven = "" if bound <= max_loss else _unproven(lost, len(labels), bound, max_loss)
    return replace(trial, most_lost=bound, unproven=unproven)


def _unproven(lost: int, images: int, bound: float, max_loss: float) -> str:
    """What labelled images show a backend to lose at most, and how many more would admit it."""
    seen = f"it may lose {100 * bound:.1f} points of top-1: {lost} of {images} labelled images"
    if not 0 < max_loss < 1 or lost >= max_loss * images:
        return f"{seen}, where {100 * max_loss:.3g} are allowed"
    more = fewest_images(max_loss, lost) - images
    return f"{seen}; {more} more without another would show less than {100 * max_loss:.3g}"


def _timed(
    sessions: Mapping[Backend, Session], images: Floats, trying: Callable[[Backend], None]
) -> list[float]:
    """The median seconds of one run of each session, which take turns of `ROUND_SECONDS`."""
    placed = [session.put(images) for session in sessions.values()]
    times: list[list[float]] = [[] for _ in sessions]
    for turn in range(ROUNDS + 1):
        for (backend, session), each, seconds in zip(sessions.items(), placed, times, strict=True):
            trying(backend)
            durations = _runs(session, each, ROUND_SECONDS)
            if turn:  # the first one warms up
                seconds += durations
    return [median(each) for each in times]


def _runs(session: Session, placed: Any, seconds: float) -> list[float]:
    """The seconds of single runs, one after another, until `seconds` have passed; at least one run."""
    durations: list[float] = []
    ends = time.perf_counter() + seconds
    while not durations or time.perf_counter() < ends:
        begun = time.perf_counter()
        session.run(placed)
        durations.append(time.perf_counter() - begun)
    return durations


def main(parent: Parent) -> None:
    """Receives a `TrialSpec`; sends `{"trying": backend}` before each run, and `{"trials": [...]}` at the end."""
    spec = TrialSpec.of(parent.receive())
    trials = try_backends(spec, lambda backend: parent.send({"trying": backend}))
    parent.send({"trials": [asdict(each) for each in trials]})
