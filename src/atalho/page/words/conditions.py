"""The conditions of the measurements, and which numbers are not ranked, cited or missing, and why."""

from collections.abc import Iterable

from atalho.conditions import engine_label, label
from atalho.page.words.numbers import NAMES, text
from atalho.page.words.phrases import counted, listed, reference
from atalho.ranking import Comparison, condition_text
from atalho.record import Record

EXPECTED = ("top1", "params", "macs", "latency", "throughput", "peak_memory", "power", "energy")
"""The quantities of which the page says that they were not measured."""


def machine(comparison: Comparison) -> str:
    """Returns one sentence on where and how latencies were measured; empty where none was."""
    stated = comparison.conditions.get("latency")
    if stated is None:
        return ""
    parts = [
        f"on {stated['device']}" if "device" in stated else "",
        counted(stated["threads"], "thread") if "threads" in stated else "",
        condition_text(stated["dtype"]) if "dtype" in stated else "",
        f"engine {stated['engine']}" if "engine" in stated else "",
        f"each network by the fastest of {stated['chosen_from']}"
        if "chosen_from" in stated
        else "",
        f"torch {stated['versions.torch']}" if "versions.torch" in stated else "",
        "while the machine had other work" if stated.get("noisy") else "",
    ]
    written = ", ".join(filter(None, parts))
    return f"Latency was measured {written}." if written else ""


def timed_on(comparison: Comparison) -> str:
    """Returns the machine and the engine that the networks are ranked on: `on …, with 2 threads and eager float32`."""
    stated = comparison.conditions.get("latency", {})
    if "device" not in stated:
        return ""
    threads = f", with {counted(stated['threads'], 'thread')}" if "threads" in stated else ""
    if "chosen_from" in stated:
        engine = ", each on the fastest engine there"
    else:
        engine = f", on {engine_label(stated)}" if "engine" in stated else ""
    return f"on {condition_text(stated['device'])}{threads}{engine}"


def not_interleaved(comparison: Comparison) -> str:
    """Returns which networks were timed by turns with each other, where not all were: others were timed before or after them."""
    groups: dict[frozenset[str], list[str]] = {}
    for row in comparison.rows:
        reading = row.readings.get("latency")
        companions = reading.condition("in_turns_with") if reading else None
        if isinstance(companions, list):
            groups.setdefault(frozenset({row.network, *companions}), []).append(row.network)
    if len(groups) < 2:
        return ""
    rounds = "; ".join(listed(sorted(group)) for group in groups.values())
    return f"Latencies were not all measured in turns with each other, but one group after another: {rounds}."


def conditions(comparison: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns, for quantities that were taken under the same conditions, their names and these conditions."""
    alike: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    for quantity, of_quantity in comparison.conditions.items():
        shared = [(label(name), condition_text(value)) for name, value in of_quantity.items()]
        alike.setdefault(str(shared), ([], shared))[0].append(NAMES[quantity])
    return [(listed([first, *map(str.lower, others)]), s) for (first, *others), s in alike.values()]


def when(records: Iterable[Record]) -> str:
    """Returns the first and the last day on which something was measured; empty where no record has a date."""
    days = sorted(str(r.conditions["at"])[:10] for r in records if r.conditions.get("at"))
    if not days:
        return ""
    return (
        f"Measured on {days[0]}."
        if days[0] == days[-1]
        else f"Measured from {days[0]} to {days[-1]}."
    )


def not_measured(comparison: Comparison) -> str:
    """Returns which of the `EXPECTED` quantities no network has a record of."""
    missing = [NAMES[q].lower() for q in EXPECTED if q not in comparison.conditions]
    return f"Not measured: {listed(missing)}." if missing else ""


def not_ranked(comparison: Comparison) -> list[str]:
    """Returns each record that is shown but not ranked, with the reason."""
    return [
        f"{row.network}, {NAMES[apart.record.quantity].lower()} "
        f"{text(apart.record.quantity, apart.record.value)}: {apart.reason}."
        for row in comparison.rows
        for apart in row.apart
    ]


def cited(comparison: Comparison) -> list[str]:
    """Returns each number that was cited, with its source."""
    return [
        f"{row.network}, {NAMES[record.quantity].lower()} {text(record.quantity, record.value)}: {reference(record)}{_differs(record)}."
        for row in comparison.rows
        for record in row.cited
        if record.quantity in NAMES
    ]


def _differs(record: Record) -> str:
    """`; of resnet18.b, which differs: …`, where a cited number is of a variant of the network."""
    of = record.conditions.get("of")
    if of is None:
        return ""
    return f"; of {condition_text(of)}, which differs: {condition_text(record.conditions.get('differs'))}"
