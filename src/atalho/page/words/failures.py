"""Records of failures → a line for each, with the stage and the cause."""

from collections.abc import Iterable
from signal import NSIG, Signals

from atalho.ranking import condition_text
from atalho.record import Record


def listed(records: Iterable[Record]) -> list[str]:
    """Returns the newest failure of each network and stage: `vgg16, latency at batch 64: out of memory (signal 9, SIGKILL).`"""
    newest = {
        (record.subject, condition_text(record.conditions.get("stage"))): record
        for record in records
        if record.quantity == "failure"
    }
    return [
        f"{subject}, {stage}: {condition_text(record.conditions.get('cause')).rstrip('.')} ({_end(record)})."
        for (subject, stage), record in newest.items()
    ]


def _end(record: Record) -> str:
    """How the process ended; the record's value is an exit code, minus the number of a signal, or a negative status of Windows."""
    code = int(record.value)
    if code >= 0:
        return f"exit code {code}"
    if code <= -NSIG:
        return f"status {code + (1 << 32):#x}"
    names = {signal.value: signal.name for signal in Signals}
    return f"signal {-code}, {names[-code]}" if -code in names else f"signal {-code}"
