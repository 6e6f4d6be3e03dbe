"""Every way to run a network: written, compared with float32 eager on real images, and timed by turns; in a process of its own."""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from atalho.engines import ENGINES, REFERENCE, Backend, engine_config
from atalho.engines.engine import Dtype, Floats, Placement, Session

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE = "sample.safetensors"

BOUNDS: dict[Dtype, float] = {"float32": 1e-3, "bf16": 0.03, "int8": 1.0}
"""By how much a logit may differ, of the largest one: sums in another order, 8 bits of mantissa; with 8 bits in all single logits
move far, and it is the answers that count."""

LEAST_AGREEMENT = 0.95
"""The fraction of images whose most probable class must be the reference's in int8."""

MOST_LOST = 0.005
"""Of top-1 accuracy in int8."""

ROUNDS, ROUND_SECONDS = 7, 0.15
BATCH = 16  # images that are compared at a time


@dataclass(frozen=True)
class Trial:
    """How one backend did.

    Attributes:
        difference: the largest between one of its logits and the reference's; `bound` is what it may be.
        agreement: fraction of images whose most probable class is the reference's.
        lost: top-1 accuracy of the reference less its own; None without labels.
        seconds: the median of a batch; None where it was not timed.
        size: bytes of the files that it reads.
        cause: why it is not to be used; empty where it may be.
    """

    engine: str
    dtype: Dtype
    difference: float | None = None
    bound: float | None = None
    agreement: float | None = None
    lost: float | None = None
    seconds: float | None = None
    size: int | None = None
    cause: str = ""

    @property
    def backend(self) -> Backend:
        return Backend(self.engine, self.dtype)


@dataclass(frozen=True)
class TrialSpec:
    """What is tried.

    Args:
        folder: the network's, with `sample.safetensors`: `images`, (N, H, W, C) of 8 bits, with `labels` where they have
            any, and other ones to calibrate on, `calibration`.
        backends: without the reference.
        batch: images at a time, for the time.
    """

    folder: Path
    backends: tuple[Backend, ...]
    placement: Placement
    batch: int


def fastest(trials: Sequence[Trial]) -> Trial:
    """The fastest of those that may be used; the reference always may."""
    usable = [each for each in trials if not each.cause and each.seconds is not None]
    return min(usable, key=lambda each: each.seconds or 0.0)


def run_trials(spec: TrialSpec) -> list[Trial]:
    """Every backend's trial, the reference's first; one that crashes the process is left out of the next, and says so.

    Raises:
        RuntimeError: where the reference itself cannot run.
    """
    crashed: list[Trial] = []
    while True:
        left = tuple(
            backend
            for backend in spec.backends
            if backend not in [each.backend for each in crashed]
        )
        found, trying, cause = _run_in_child(replace(spec, backends=left))
        if trying is None:
            return [*found, *crashed]
        if trying == REFERENCE:
            raise RuntimeError(cause)
        crashed.append(Trial(*trying, cause=cause))


def _run_in_child(spec: TrialSpec) -> tuple[list[Trial], Backend | None, str]:
    """The trials of a child process; or what it was trying when it ended, and how it ended."""
    said = json.dumps({**asdict(spec), "folder": str(spec.folder)})
    with (
        TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, "-m", "atalho.engines.trial", said],
            stdin=subprocess.PIPE,  # held open as long as this process lives
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as child,
    ):
        assert child.stdout
        answers = [json.loads(line) for line in child.stdout if line.startswith("{")]
        child.wait()
        errors.seek(0)
        last = (errors.read().decode(errors="replace").strip().splitlines() or ["it said nothing"])[
            -1
        ]
    if child.returncode == 0:
        return [Trial(**each) for each in answers[-1]["trials"]], None, ""
    trying = Backend(*answers[-1]["trying"]) if answers else REFERENCE
    return [], trying, f"the process ended with {child.returncode}: {last}"


def _run_here(spec: TrialSpec) -> list[Trial]:
    """What the child finds."""
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
    trials, sessions = [], []
    for backend in (REFERENCE, *spec.backends):
        print(json.dumps({"trying": backend}), flush=True)
        engine = ENGINES[backend.engine]
        try:
            calibration = prepared("calibration") if backend.dtype == "int8" else None
            engine.write(trained, spec.folder, backend.dtype, calibration)
            session = engine.open(spec.folder, backend.dtype, spec.placement)
            given = _logits(session, images)
        except Exception as error:  # other people's code fails in any way
            if backend == REFERENCE:
                raise
            said = (str(error).splitlines() or [""])[0]
            trials.append(Trial(*backend, cause=f"{type(error).__name__}: {said}"))
            continue
        if expected is None:
            expected = given
        trials.append(_compared(backend, spec.folder, expected, given, labels))
        sessions.append((len(trials) - 1, session))
        gc.collect()
    shown = np.resize(images, (spec.batch, *images.shape[1:]))
    seconds = _timed([session for _, session in sessions], shown)
    for (index, _), each in zip(sessions, seconds, strict=True):
        trials[index] = replace(trials[index], seconds=each)
    return trials


def _logits(session: Session, images: Floats) -> Floats:
    parts = [images[at : at + BATCH] for at in range(0, len(images) - BATCH + 1, BATCH)]
    rest = images[len(parts) * BATCH :]
    singles = [rest[at : at + 1] for at in range(len(rest))]  # batches of two sizes alone
    return np.concatenate(
        [np.array(session.get(session.run(session.put(each)))) for each in (*parts, *singles)]
    )


def _compared(
    backend: Backend, folder: Path, expected: Floats, given: Floats, labels: Any
) -> Trial:
    difference = float(np.abs(expected.astype(float) - given).max())
    bound = BOUNDS[backend.dtype] * float(np.abs(expected).max())
    own, answers = expected.argmax(1), given.argmax(1)
    agreement = float((own == answers).mean())
    lost = None
    if labels is not None:  # of whole numbers: five of a thousand are not more than half a per cent
        lost = int((own == labels).sum() - (answers == labels).sum()) / len(labels)
    cause = ""
    if not difference <= bound:  # nor where it is no number
        cause = f"a logit differs by {difference:.3g} from float32 eager's, beyond {bound:.3g}"
    elif backend.dtype == "int8" and agreement < LEAST_AGREEMENT:
        cause = f"the same class is most probable for {agreement:.1%} of the images, below {LEAST_AGREEMENT:.0%}"
    elif backend.dtype == "int8" and (lost is None or lost > MOST_LOST):
        points = "an unknown number of" if lost is None else f"{100 * lost:.1f}"
        cause = (
            f"it loses {points} points of top-1 on {len(given)} images, beyond {100 * MOST_LOST}"
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


def _timed(sessions: Sequence[Session], images: Floats) -> list[float]:
    """The median seconds of each, by turns."""
    placed = [session.put(images) for session in sessions]
    taken: list[list[float]] = [[] for _ in sessions]
    for turn in range(ROUNDS + 1):
        for session, each, times in zip(sessions, placed, taken, strict=True):
            ends = time.perf_counter() + ROUND_SECONDS
            while True:
                begun = time.perf_counter()
                session.run(each)
                now = time.perf_counter()
                if turn:  # the first one warms up
                    times.append(now - begun)
                if now >= ends:
                    break
    return [median(each) for each in taken]


def _end_with_parent() -> None:
    """Ends this process with the one that asks, however that ends: it writes in a folder that the next one will use."""

    def wait() -> None:
        sys.stdin.read()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def main() -> None:
    _end_with_parent()
    given = json.loads(sys.argv[1])
    spec = TrialSpec(
        Path(given["folder"]),
        tuple(Backend(*backend) for backend in given["backends"]),
        Placement.of(given["placement"]),
        given["batch"],
    )
    print(json.dumps({"trials": [asdict(each) for each in _run_here(spec)]}), flush=True)


if __name__ == "__main__":
    main()
