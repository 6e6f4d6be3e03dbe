"""Phrases that several sentences of the page share: lists, counts, an accuracy, what it was taken on, a source."""

from collections.abc import Iterable, Mapping
from typing import Any

from atalho.page.words.numbers import text
from atalho.ranking import Reading, condition_text
from atalho.record import Record


def listed(names: Iterable[object]) -> str:
    """Returns `a, b and c`; at least one name is needed."""
    *most, last = [str(name) for name in names]
    return f"{', '.join(most)} and {last}" if most else last


def counted(number: object, name: str) -> str:
    """Returns `1 thread`, `2 threads`, `3.05 epochs`."""
    written = f"{number:.3g}" if isinstance(number, float) else condition_text(number)
    return f"{written} {name}" if number == 1 else f"{written} {name}s"


def upper_first(sentence: str) -> str:
    """Returns the sentence with a capital first letter; the names in it stay as they are."""
    return sentence[:1].upper() + sentence[1:]


def lower_first(sentence: str) -> str:
    """Returns the sentence with a small first letter, to follow a colon."""
    return sentence[:1].lower() + sentence[1:]


def key_to_lines(dashed: Mapping[str, bool]) -> str:
    """Returns what whole and dashed lines stand for: `whole lines: validation; dashed lines: training`.

    Args:
        dashed: what is drawn as lines, and whether these are dashed.
    """
    return "; ".join(
        f"{kind} lines: {listed(parts)}"
        for kind, is_dashed in (("whole", False), ("dashed", True))
        if (parts := [part for part, of_part in dashed.items() if of_part is is_dashed])
    )


def accuracy(reading: Reading) -> str:
    """Returns `97.8 % (95 % interval 95.7–98.9 %)`, and over several seeds their number and standard deviation."""
    return accuracy_with(reading, reading.interval)


def accuracy_with(reading: Reading, interval: tuple[float, float] | None, note: str = "") -> str:
    """Returns an accuracy as `accuracy` does, with another interval, and with a note after it."""
    details = []
    if reading.deviation is not None:
        seeds = len(reading.records)
        details.append(f"mean of {seeds} seeds, standard deviation {100 * reading.deviation:.1f}")
    if interval is not None:
        details.append(f"95\u00a0% interval {span(interval)}\u00a0%{note}")
    written = text("top1", reading.value)
    return f"{written} ({'; '.join(details)})" if details else written


def span(interval: tuple[float, float]) -> str:
    """Returns an interval of fractions in per cent: `95.7–98.9`."""
    return f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f}"


def batch(reading: Reading) -> str:
    """Returns what a latency is for: `for one image`, `for a batch of 8`."""
    size = reading.condition("batch")
    return "for one image" if size == 1 else f"for a batch of {condition_text(size)}"


def at_batch(unit: str, conditions: Mapping[str, object]) -> str:
    """Returns the unit of a column, with the size of the batch where it has one: `ms, batch 1`."""
    size = conditions.get("batch")
    return ", ".join(filter(None, (unit, "" if size is None else f"batch {condition_text(size)}")))


def split_name(split: object) -> str:
    """Returns what people call a split: `validation split`."""
    if split == "out-of-fold":
        return "each out of fold"
    return "validation split" if split == "val" else f"{condition_text(split)} split"


def measured_on(conditions: Mapping[str, Any]) -> str:
    """Returns what accuracies of some conditions were measured on: `digits (validation split, 360 images)`."""
    images = conditions.get("images")
    details = [
        split_name(conditions["split"]) if "split" in conditions else "",
        f"{images:,} images" if isinstance(images, int) else "",
    ]
    stated = ", ".join(filter(None, details))
    data = condition_text(conditions["data"]) if "data" in conditions else "the data"
    return f"{data} ({stated})" if stated else data


def reference(record: Record) -> str:
    """Returns the source of a cited number, without a full stop."""
    return condition_text(record.conditions.get("reference", "reference not stated")).rstrip(".")


def of_variant(record: Record) -> str:
    """Returns ` (of resnet18.b)` for a cited number of a variant of the network, and nothing for the network itself."""
    of = record.conditions.get("of")
    return "" if of is None else f" (of {condition_text(of)})"
