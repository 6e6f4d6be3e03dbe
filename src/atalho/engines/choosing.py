"""Which engine a network runs on: the one that was asked for, or the fastest of all that agree with float32 eager."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from atalho.engines import REFERENCE, Backend, available, check, engine_config
from atalho.engines.engine import Dtype, Placement
from atalho.engines.engine_config import EngineConfig
from atalho.engines.trial import SAMPLE, Trial, TrialSpec, fastest, run_trials
from atalho.errors import AtalhoError, Exit
from atalho.exports.safetensors import write
from atalho.record import Record
from atalho.runtime.child import Ended
from atalho.weights.trained import Trained

AUTO = "auto"


@dataclass(frozen=True)
class Sample:
    """Real images to compare engines on.

    Args:
        name: of the data that they are of.
        images: (N, H, W, C) of 8 bits.
        labels: (N,) indices of the network's classes; None where they are not known.
        calibration: (M, H, W, C) of 8 bits, none of them among `images`; None where int8 is not to be offered.
    """

    name: str
    images: Tensor
    labels: Tensor | None = None
    calibration: Tensor | None = None


@dataclass(frozen=True)
class EngineRequest:
    """What is asked for.

    Args:
        engine: its name, or auto.
        dtype: its precision; with auto, any unless given.
        placement: where it runs.
        batch: images at a time, for which auto takes the fastest.
    """

    engine: str
    dtype: Dtype | None
    placement: Placement
    batch: int

    @property
    def name(self) -> str:
        """What is asked for, in a word."""
        return "-".join(
            filter(None, (self.engine, self.dtype, *self.placement.record_conditions().values()))
        )

    def candidates(self, calibrated: bool) -> list[Backend]:
        """The backends that are tried.

        Args:
            calibrated: whether there are images to calibrate int8 on.

        Raises:
            AtalhoError: as `engines.check`.
        """
        if self.engine != AUTO:
            backend = Backend(self.engine, self.dtype or "float32")
            check(backend, self.placement.device)
            if backend.dtype == "int8" and not calibrated:
                raise AtalhoError(
                    "ENGINE",
                    backend,
                    "has no real images to be calibrated on and tested with",
                    next_step="--data with a data set, or another --precision",
                    exit=Exit.USAGE,
                )
            return [backend]
        found = available(self.placement.device, calibrated=calibrated)
        return [backend for backend in found if self.dtype in (None, backend.dtype)]

    def chosen_from(self, calibrated: bool) -> str:
        """What auto chooses from, in words."""
        return ", ".join(map(str, self.candidates(calibrated)))


def choose(trained: Trained, folder: Path, request: EngineRequest, sample: Sample) -> list[Trial]:
    """Writes a network with the files of the engine that was requested into a new folder, which `engine_config.read` describes.

    Returns:
        The trial of every candidate, the chosen one's first.

    Raises:
        AtalhoError: as `engines.check`; ENGINE-DIFFERS (exit 1), where the engine that was asked for disagrees with float32
            eager or does not run.
        Ended: where float32 eager itself cannot run. In neither case is anything left behind.
    """
    candidates = request.candidates(sample.calibration is not None)
    placement = replace(request.placement, named=trained.network.name)
    write(trained, folder)
    try:
        trials = _trials(folder, candidates, sample, placement, request.batch)
        usable = [each for each in trials if not each.cause]
        if not usable:
            raise AtalhoError(
                "ENGINE-DIFFERS",
                f"{trained.network.name} on {trials[0].backend}",
                f"{trials[0].cause}; nothing was left behind",
                next_step="--engine auto or --engine eager",
                exit=Exit.CHECK_FAILED,
            )
    except (AtalhoError, Ended):
        shutil.rmtree(folder)
        raise
    best = fastest(usable) if len(usable) > 1 else usable[0]
    settings = placement.device.threads, request.batch, placement.memory_format
    engine_config.finalise(folder, EngineConfig(best.backend, *settings))
    return [best, *(each for each in trials if each is not best)]


def _trials(
    folder: Path,
    candidates: Sequence[Backend],
    sample: Sample,
    placement: Placement,
    batch: int,
) -> list[Trial]:
    """The trials of the candidates; float32 eager alone has nothing to be compared with."""
    if candidates == [REFERENCE]:
        size = engine_config.size(folder, REFERENCE)
        return [Trial(*REFERENCE, 0.0, 0.0, 1.0, size=size)]
    tensors = {
        "images": sample.images,
        "labels": sample.labels,
        "calibration": sample.calibration,
    }
    present = {name: each.contiguous() for name, each in tensors.items() if each is not None}
    safetensors.torch.save_file(present, folder / SAMPLE)
    compared = tuple(backend for backend in candidates if backend != REFERENCE)
    trials = run_trials(TrialSpec(folder, compared, placement, batch))
    (folder / SAMPLE).unlink()
    return [each for each in trials if each.backend in candidates]


def records(
    subject: str, trials: Sequence[Trial], sample: Sample, **conditions: Any
) -> list[Record]:
    """How the engines agree with float32 eager on real images, and how large the chosen one's files are."""
    best, *_ = trials
    found = []
    for each in trials:
        own = {**conditions, "engine": each.engine, "dtype": each.dtype}
        if each.size is not None and each is best:
            found.append(Record.of(subject, "size", each.size, "measured", **own))
        if each.backend == REFERENCE or each.difference is None or each.agreement is None:
            continue
        given = {**own, "data": sample.name, "images": len(sample.images), "bound": each.bound}
        if each.cause:
            given["refused"] = each.cause
        if each.lost is not None:
            given["top1_lost"] = each.lost
        if each.seconds is not None:
            given["trial_seconds"] = each.seconds
        found += [
            Record.of(subject, "max_difference", each.difference, "measured", **given),
            Record.of(subject, "agreement", each.agreement, "measured", **given),
        ]
    return found


def rows(trials: Sequence[Trial], batch: int) -> list[dict[str, Any]]:
    """A row for each backend, the chosen one first."""
    return [
        {
            "engine": str(each.backend),
            "ms an image": None if each.seconds is None else 1000 * each.seconds / batch,
            "largest logit difference": each.difference,
            "allowed": each.bound,
            "same top-1 %": None if each.agreement is None else 100 * each.agreement,
            "top-1 lost %": None if each.lost is None else 100 * each.lost,
            "MB": None if each.size is None else each.size / 1e6,
            "left out": each.cause,
        }
        for each in trials
    ]


def sentence(trials: Sequence[Trial], batch: int) -> str:
    """`openvino bf16: 21.0 ms; onnxruntime float32 36.2, eager float32 65.6; openvino int8 left out: …`."""
    best, *others = trials
    timed = sorted(
        (each for each in others if each.seconds is not None and not each.cause),
        key=lambda each: each.seconds or 0.0,
    )
    parts = []
    if best.seconds is not None:
        parts.append(f"{best.backend}, {1000 * best.seconds / batch:.3g} ms an image")
    else:
        parts.append(str(best.backend))
    if timed:
        listed = (f"{each.backend} {1000 * (each.seconds or 0.0) / batch:.3g}" for each in timed)
        parts.append("behind it " + ", ".join(listed))
    parts += [f"{each.backend} left out: {each.cause}" for each in others if each.cause]
    return "; ".join(parts)
