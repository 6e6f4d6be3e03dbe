"""Records of what failed → a line each, with the stage and the cause."""

from collections.abc import Iterable
from signal import Signals

from atalho.ranking import said
from atalho.record import Record


def listed(records: Iterable[Record]) -> list[str]:
    """`vgg16, latency at batch 64: out of memory (signal 9, SIGKILL).`; of each network and stage the newest."""
    newest = {
        (record.subject, said(record.conditions.get("stage"))): record
        for record in records
        if record.quantity == "failure"
    }
    return [
        f"{subject}, {stage}: {said(record.conditions.get('cause')).rstrip('.')} ({_end(record)})."
        for (subject, stage), record in newest.items()
    ]


def _end(record: Record) -> str:
    """How its process ended."""
    code = int(record.value)
    if code >= 0:
        return f"exit code {code}"
    names = {signal.value: signal.name for signal in Signals}
    return f"signal {-code}, {names[-code]}" if -code in names else f"signal {-code}"
