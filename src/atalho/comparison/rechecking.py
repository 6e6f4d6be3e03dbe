"""Holds what a chosen system promises against what it does on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from atalho.benchmark import latency, memory, requests
from atalho.benchmark.system import System
from atalho.benchmark.workload import PhotoFiles, Workload
from atalho.comparison import held_out
from atalho.comparison.promises import Promise, promised_value
from atalho.engines import engine_config
from atalho.engines.engine import Placement
from atalho.evaluation import accuracy, promised
from atalho.evaluation.evaluating import Evaluation
from atalho.record import Record, now
from atalho.runtime.child import Ended
from atalho.runtime.device import Device
from atalho.weights import config
from atalho.weights.trained import FILES
from atalho.weights.weightfile import sha256


@dataclass(frozen=True)
class Check:
    """A promise, and what became of it.

    Attributes:
        record: the measurement of now; None where there is none.
        holds: None where it was not checked.
        note: why it was not checked or could not be measured, or on which images; else empty.
    """

    promise: Promise
    record: Record | None = None
    holds: bool | None = None
    note: str = ""

    @property
    def now(self) -> float | None:
        """The value that is compared with the bound."""
        return promised_value(self.record) if self.record else None


def system(folder: Path, network: str, device: Device) -> System:
    """The system of a folder, as it is measured.

    Args:
        network: its name, by which code that the folder names is run.
    """
    engine = engine_config.read(folder)
    assert engine  # promises are made of folders on an engine
    placement = Placement(device, network, engine.memory_format)
    weights = {"weights": f"sha256:{engine.files.get(FILES[0]) or sha256(folder / FILES[0])}"}
    shape = config.read(folder).framing.input
    return System(network, folder, shape, engine.backend, placement, weights)


def costs(promises: Sequence[Promise], measured: System, files: PhotoFiles | None) -> list[Check]:
    """Measures the promised costs on this machine, each in a process of its own.

    Args:
        files: photos to measure the latency from file to label on; None where there are none.
    """
    return [
        _cost(promise, measured, files)
        for promise in promises
        if promise.record.quantity in _MEASURES
    ]


def answers(promises: Sequence[Promise], evaluation: Evaluation | None) -> list[Check]:
    """Compares the promised accuracy with that of an evaluation.

    On the images that it was promised for it must reach the bound. Of other images it fails where the 95 % interval lies
    below the bound: a difference that chance does not explain.

    Args:
        evaluation: of the same folder; None where there are no images to evaluate it on.
    """
    return [
        _answer(promise, evaluation) for promise in promises if promise.record.quantity == "top1"
    ]


def _cost(promise: Promise, measured: System, files: PhotoFiles | None) -> Check:
    quantity = promise.record.quantity
    from_file = quantity == "request_p90"
    if from_file and files is None:
        return Check(promise, note="--data with a folder of photos would check it")
    batch = int(promise.record.conditions.get("batch", 1))
    workload = Workload(batch, files=files if from_file else None)
    try:
        record = _MEASURES[quantity](measured, workload)
    except Ended as ended:
        return Check(promise, holds=False, note=ended.cause)
    holds = promised_value(record) <= promise.bound
    note = str(record.conditions.get("noise", ""))  # a busy machine may be why it does not hold
    return Check(promise, _judged(record, promise, holds), holds, note)


def _answer(promise: Promise, evaluation: Evaluation | None) -> Check:
    if evaluation is None:
        return Check(promise, note="--data with labelled images would check it")
    made_on = promise.record.conditions
    split = held_out.SPLIT if evaluation.protocol == promised.PROTOCOL else evaluation.split
    same = (split, evaluation.accuracy.images) == (
        made_on.get("split"),
        made_on.get("images"),
    )
    _, high = evaluation.interval
    holds = (evaluation.accuracy.top1 if same else high) >= promise.bound
    of_split = {"split": split} if split else {}
    stated = {**_of_data(evaluation), **of_split, "batch": made_on.get("batch", 1), "at": now()}
    subject = promise.record.subject
    record = next(
        each
        for each in accuracy.records(subject, evaluation.accuracy, **stated)
        if each.quantity == "top1"
    )
    note = "" if same else f"on {evaluation.accuracy.images} other images"
    return Check(promise, _judged(record, promise, holds), holds, note)


def _of_data(evaluation: Evaluation) -> dict[str, Any]:
    return {"data": evaluation.data, "weights": f"sha256:{evaluation.trained.weights}"}


def _judged(record: Record, promise: Promise, holds: bool) -> Record:
    """The record with what was promised among its conditions."""
    judgement = {"promised": promise.bound, "holds": holds}
    return replace(record, conditions={**record.conditions, **judgement})


def _latency(measured: System, workload: Workload) -> Record:
    return _in_process(latency, measured, workload, "latency")


def _from_file(measured: System, workload: Workload) -> Record:
    return _in_process(requests, measured, workload, "request_p90")


def _in_process(measure: ModuleType, measured: System, workload: Workload, quantity: str) -> Record:
    under = measured.under(workload)
    with under.start() as child:
        outcome: list[Record] | Ended = measure.records({under.name: child}, [under], workload)[
            under.name
        ]
    if isinstance(outcome, Ended):
        raise outcome
    return next(each for each in outcome if each.quantity == quantity)


def _memory(measured: System, workload: Workload) -> Record:
    return _in_process(memory, measured, workload, "peak_memory")


def _size(measured: System, workload: Workload) -> Record:
    size = engine_config.size(measured.folder, measured.backend)
    return Record.of(measured.name, "size", size, "measured", **measured.record_conditions())


_MEASURES: dict[str, Callable[[System, Workload], Record]] = {
    "request_p90": _from_file,
    "latency": _latency,
    "peak_memory": _memory,
    "size": _size,
}
