"""The process in which backends are tried: each is written, compared with float32 eager on real images, and timed in turns."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from atalho.engines import ENGINES, REFERENCE, Backend, engine_config
from atalho.engines.engine import Dtype, Floats, Session
from atalho.engines.trial import SAMPLE, Trial, TrialSpec
from atalho.errors import Exit
from atalho.runtime.child import Parent
from atalho.runtime.memory import is_out_of_memory

if TYPE_CHECKING:
    from torch import Tensor

BOUNDS: dict[Dtype, float] = {"float32": 1e-3, "bf16": 0.03, "int8": 1.0}
"""By how much a logit may differ from the reference's, as a share of the largest logit. float32 sums in another order, bf16 has 8
bits of mantissa; in int8 single logits move far, and the classes are compared instead."""

LEAST_AGREEMENT = 0.95
"""The smallest fraction of images whose most probable class is the reference's, for int8."""

MOST_LOST = 0.005
"""The largest loss of top-1 accuracy, as a fraction, for int8."""

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
    for backend in (REFERENCE, *spec.backends):
        trying(backend)
        engine = ENGINES[backend.engine]
        try:
            calibration = prepared("calibration") if backend.dtype == "int8" else None
            engine.write(trained, spec.folder, backend.dtype, calibration)
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
        trials.append(_compared(backend, spec.folder, expected, logits, labels))
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
    backend: Backend, folder: Path, expected: Floats, logits: Floats, labels: Any
) -> Trial:
    """Compares a backend's logits with the reference's.

    Args:
        expected: the reference's logits, (N, classes).
        logits: the backend's, (N, classes).
        labels: (N,) indices of classes; None where they are not known.
    """
    difference = float(np.abs(expected.astype(float) - logits).max())
    bound = BOUNDS[backend.dtype] * float(np.abs(expected).max())
    reference, classes = expected.argmax(1), logits.argmax(1)
    agreement = float((reference == classes).mean())
    lost = None
    if labels is not None:  # a quotient of integers: five of a thousand are exactly 0.005
        lost = int((reference == labels).sum() - (classes == labels).sum()) / len(labels)
    cause = ""
    if not difference <= bound:  # true for NaN too
        cause = f"a logit differs by {difference:.3g} from float32 eager's, beyond {bound:.3g}"
    elif backend.dtype == "int8" and agreement < LEAST_AGREEMENT:
        cause = f"the same class is most probable for {agreement:.1%} of the images, below {LEAST_AGREEMENT:.0%}"
    elif backend.dtype == "int8" and (lost is None or lost > MOST_LOST):
        points = "an unknown number of" if lost is None else f"{100 * lost:.1f}"
        cause = (
            f"it loses {points} points of top-1 on {len(logits)} images, beyond {100 * MOST_LOST}"
        )
    return Trial(
        *backend,
        difference,
        bound,
        agreement,
        lost,
        size=engine_config.size(folder, backend),
        cause=cause,
    )


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
