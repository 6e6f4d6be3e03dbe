"""Which engine a network runs on: the one that was requested, or the fastest of all that agree with float32 eager."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from atalho.engines import REFERENCE, Backend, available, check, check_arithmetic, engine_config
from atalho.engines.engine import Dtype, Placement
from atalho.engines.engine_config import EngineConfig
from atalho.engines.trial import SAMPLE, Trial, TrialSpec, fastest, run_trials
from atalho.errors import AtalhoError, Exit
from atalho.exports.safetensors import write
from atalho.record import Record
from atalho.runtime.child import Ended
from atalho.weights.trained import Trained

AUTO = "auto"

MAX_LOSS = 0.01
"""One point."""

QUANTITIES = ("size", "max_difference", "agreement")
"""The quantities of `records`; the chosen engine has at least the first."""


@dataclass(frozen=True)
class Sample:
    """Real images to compare engines on.

    Args:
        name: of the data set or folder that the images are from.
        images: (N, H, W, C) of 8 bits.
        labels: (N,) indices of the network's classes; None where they are not known.
        calibration: (M, H, W, C) of 8 bits, none of them among `images`; None where int8 is not to be tried.
        checksum: SHA-256 of the data set; None where the images are of none.
    """

    name: str
    images: Tensor
    labels: Tensor | None = None
    calibration: Tensor | None = None
    checksum: str | None = None


@dataclass(frozen=True)
class EngineRequest:
    """The engine that a user requests.

    Args:
        engine: its name, or auto.
        dtype: its precision; by default float32, or any with auto.
        placement: where it runs.
        batch: images at a time, with which auto compares the engines' times.
        max_loss: the top-1 accuracy, as a fraction, that bf16 or int8 may lose beside float32 eager: labelled images must
            exclude more with 95 %. bf16 that is requested by its name is used all the same.
    """

    engine: str
    dtype: Dtype | None
    placement: Placement
    batch: int
    max_loss: float = MAX_LOSS

    @property
    def name(self) -> str:
        """The request as one word, which names a folder: `auto`, `openvino-bf16`."""
        return "-".join(
            filter(None, (self.engine, self.dtype, *self.placement.record_conditions().values()))
        )

    def candidates(self, calibrated: bool) -> list[Backend]:
        """The backends that are tried: one, or with auto all that run here.

        Args:
            calibrated: whether there are images to calibrate int8 on.

        Raises:
            AtalhoError: as `engines.check` and `engines.check_arithmetic`.
        """
        if self.engine != AUTO:
            backend = Backend(self.engine, self.dtype or "float32")
            check(backend, self.placement.device)
            check_arithmetic(backend, self.placement.device)
            if backend.dtype == "int8" and not calibrated:
                raise AtalhoError(
                    "ENGINE",
                    backend,
                    "has no real images to be calibrated on and tested with",
                    next_step="--data with a data set, or another --precision",
                    exit=Exit.USAGE,
                )
            return [backend]
        installed = available(self.placement.device, calibrated=calibrated)
        return [backend for backend in installed if self.dtype in (None, backend.dtype)]

    def admits(self, trial: Trial) -> bool:
        """Whether the backend of a trial may be used: bf16 by its name also where its accuracy is not proven."""
        return not trial.cause and (not trial.unproven or self.dtype == "bf16")

    def chosen_from(self, calibrated: bool) -> str:
        """The candidates' labels, as records state them."""
        return ", ".join(map(str, self.candidates(calibrated)))


def choose(trained: Trained, folder: Path, request: EngineRequest, sample: Sample) -> list[Trial]:
    """Writes a network with the files of the engine that was requested into a new folder, which `engine_config.read` describes.

    Returns:
        The trial of every candidate, the chosen one's first.

    Raises:
        AtalhoError: as `engines.check`; ENGINE-DIFFERS, where the engine that was requested disagrees with float32 eager
            (exit 1), or its process ended or had too little memory (exit 6).
        Ended: where float32 eager itself cannot run. In either case nothing is left behind.
    """
    candidates = request.candidates(sample.calibration is not None)
    placement = replace(request.placement, named=trained.network.name)
    write(trained, folder)
    try:
        trials = _trials(folder, candidates, sample, replace(request, placement=placement))
        usable = [each for each in trials if request.admits(each)]
        if not usable:
            first = trials[0]
            raise AtalhoError(
                "ENGINE-DIFFERS",
                f"{trained.network.name} on {first.backend}",
                f"{first.cause or first.unproven}; nothing was left behind",
                next_step="--engine auto, --engine eager"
                + (" or another --max-engine-loss" if first.unproven else ""),
                exit=Exit.RESOURCES if trials[0].code else Exit.CHECK_FAILED,
            )
    except (AtalhoError, Ended):
        shutil.rmtree(folder)
        raise
    best = fastest(usable) if len(usable) > 1 else usable[0]
    device = placement.device
    settings = device.threads, request.batch, placement.memory_format, device.type
    engine_config.finalise(folder, EngineConfig(best.backend, *settings))
    return [best, *(each for each in trials if each is not best)]


def _trials(
    folder: Path,
    candidates: Sequence[Backend],
    sample: Sample,
    request: EngineRequest,
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
    placement, batch = request.placement, request.batch
    trials = run_trials(TrialSpec(folder, compared, placement, batch, request.max_loss))
    (folder / SAMPLE).unlink()
    return [each for each in trials if each.backend in candidates]


def records(
    subject: str, trials: Sequence[Trial], sample: Sample, **conditions: Any
) -> list[Record]:
    """The records of an engine's choice: how each backend agrees with float32 eager, and the size of the chosen one's files.

    Args:
        subject: the network's name.
        trials: the first is that of the chosen backend.
        conditions: further ones, of all these records.
    """
    best, *_ = trials
    agreements = [
        Record.of(subject, quantity, value, "measured", **{**conditions, **_stated(each, sample)})
        for each in trials
        if each.backend != REFERENCE and each.difference is not None and each.agreement is not None
        for quantity, value in (("max_difference", each.difference), ("agreement", each.agreement))
    ]
    if best.size is None:
        return agreements
    chosen = {**conditions, "engine": best.engine, "dtype": best.dtype}
    return [Record.of(subject, "size", best.size, "measured", **chosen), *agreements]


def _stated(trial: Trial, sample: Sample) -> dict[str, Any]:
    """The conditions of a trial's records: the backend, the images, and the trial's other results."""
    optional = {
        "refused": trial.cause or trial.unproven or None,
        "bound": trial.bound,
        "top1_lost": trial.lost,
        "most_lost": trial.most_lost,
        "trial_seconds": trial.seconds,
    }
    return {
        "engine": trial.engine,
        "dtype": trial.dtype,
        "data": sample.name,
        "images": len(sample.images),
        **({"data_checksum": f"sha256:{sample.checksum}"} if sample.checksum else {}),
        **{name: value for name, value in optional.items() if value is not None},
    }


def rows(trials: Sequence[Trial], batch: int) -> list[dict[str, Any]]:
    """The trials as a table: a row for each backend, the chosen one first.

    Args:
        batch: images at a time in the trials' timing.
    """
    return [
        {
            "engine": str(each.backend),
            "ms an image": None if each.seconds is None else 1000 * each.seconds / batch,
            "largest logit difference": each.difference,
            "allowed": each.bound,
            "same top-1 %": None if each.agreement is None else 100 * each.agreement,
            "top-1 lost %": None if each.lost is None else 100 * each.lost,
            "at most %": None if each.most_lost is None else 100 * each.most_lost,
            "MB": None if each.size is None else each.size / 1e6,
            "left out": _left_out(each) if place else "",
        }
        for place, each in enumerate(trials)
    ]


def _left_out(trial: Trial) -> str:
    """Why a backend is left out; empty where it may be used."""
    return trial.cause or trial.unproven


def sentence(trials: Sequence[Trial], batch: int) -> str:
    """The trials in a line: `openvino bf16, 21.0 ms an image; behind it onnxruntime float32 36.2; openvino int8 left out: …`."""
    best, *others = trials
    timed = sorted(
        (each for each in others if each.seconds is not None and not _left_out(each)),
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
    if best.unproven:
        parts.append(f"used as it was requested, though {best.unproven}")
    parts += [f"{each.backend} left out: {_left_out(each)}" for each in others if _left_out(each)]
    return "; ".join(parts)
