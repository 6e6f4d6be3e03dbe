"""The engines that were tried and left out, and what more labelled images would admit."""

from collections.abc import Iterable

from atalho.conditions import engine_label
from atalho.ranking import condition_text
from atalho.record import Record


def left_out(records: Iterable[Record]) -> list[str]:
    """Returns a line for each engine and each reason why it was left out, with the networks that it was left out for.

    Args:
        records: of which the newest of a network and an engine counts.
    """
    reasons = {
        (record.subject, engine_label(record.conditions)): record.conditions.get("refused")
        for record in records
        if record.quantity == "agreement" and "engine" in record.conditions
    }
    networks: dict[tuple[str, str], list[str]] = {}
    for (network, engine), reason in reasons.items():
        if reason is not None:
            networks.setdefault((engine, condition_text(reason)), []).append(network)
    return [
        f"{engine} for {', '.join(names)}: {reason}."
        for (engine, reason), names in networks.items()
    ]
