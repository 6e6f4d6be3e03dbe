"""Tries the backends that a network may run on in a child process, in which `trial_child` compares and times them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from atalho.engines import REFERENCE, Backend
from atalho.engines.engine import Dtype, Placement
from atalho.runtime.child import Child, Ended

SAMPLE = "sample.safetensors"


@dataclass(frozen=True)
class Trial:
    """The results of a network on one backend.

    Attributes:
        difference: the largest difference between one of its logits and the reference's; `bound` is the largest that is allowed.
        agreement: fraction of images whose most probable class is the reference's.
        lost: top-1 accuracy of the reference less its own; None without labels.
        seconds: the median time of a batch; None where it was not timed.
        size: bytes of the files that the engine reads.
        most_lost: the upper bound, of 95 %, of the fraction of images that the reference classifies correctly and this
            backend does not; None without labels, and for float32, whose logits decide.
        cause: why the backend cannot be used; empty where it can.
        unproven: why its accuracy is not known to be the reference's; empty where it is.
        code: as in `Ended`, where the process crashed or had too little memory; else 0.
    """

    engine: str
    dtype: Dtype
    difference: float | None = None
    bound: float | None = None
    agreement: float | None = None
    lost: float | None = None
    most_lost: float | None = None
    seconds: float | None = None
    size: int | None = None
    cause: str = ""
    unproven: str = ""
    code: int = 0

    @property
    def backend(self) -> Backend:
        return Backend(self.engine, self.dtype)


@dataclass(frozen=True)
class TrialSpec:
    """A network and the backends to try it on.

    Args:
        folder: the network's, with `sample.safetensors`: `images`, (N, H, W, C) of 8 bits, optionally `labels`, and other
            images to calibrate on, `calibration`.
        backends: to be compared with the reference, which is not among them.
        batch: images at a time in the timing.
        max_loss: the accuracy that a backend in another precision than float32 may lose, as a fraction.
    """

    folder: Path
    backends: tuple[Backend, ...]
    placement: Placement
    batch: int
    max_loss: float

    def document(self) -> dict[str, Any]:
        """The specification as a JSON object."""
        return {**asdict(self), "folder": str(self.folder)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "TrialSpec":
        """The specification from its `document`."""
        return cls(
            Path(document["folder"]),
            tuple(Backend(*each) for each in document["backends"]),
            Placement.of(document["placement"]),
            document["batch"],
            document["max_loss"],
        )


def run_trials(spec: TrialSpec) -> list[Trial]:
    """The trial of every backend, the reference's first.

    A backend that crashes the process gets a trial with the cause, at the end of the list; the others are tried again without it.

    Raises:
        Ended: where the reference itself cannot run.
    """
    crashed: list[Trial] = []
    while True:
        excluded = [each.backend for each in crashed]
        left = tuple(backend for backend in spec.backends if backend not in excluded)
        trials = _in_child(replace(spec, backends=left))
        if not isinstance(trials, Trial):
            return [*trials, *crashed]
        crashed.append(trials)


def _in_child(spec: TrialSpec) -> list[Trial] | Trial:
    """The trials of one child process; or, where it crashed, the trial of the backend that it was running."""
    trying = REFERENCE
    with Child("atalho.engines.trial_child") as child:
        try:
            message = child.ask(spec.document())
            while "trying" in message:
                trying = Backend(*message["trying"])
                message = child.receive()
        except Ended as ended:
            if trying == REFERENCE:
                raise
            return Trial(*trying, cause=ended.cause, code=ended.code)
    return [Trial(**each) for each in message["trials"]]


def fastest(trials: Sequence[Trial]) -> Trial:
    """The fastest of the trials whose backends can be used; the reference always can."""
    usable = [each for each in trials if not each.cause and each.seconds is not None]
    return min(usable, key=lambda each: each.seconds or 0.0)
