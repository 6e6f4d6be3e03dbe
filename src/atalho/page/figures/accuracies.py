"""The accuracies that may share an axis, and the sentences on them in the figures of accuracy."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from atalho.page.words import numbers, phrases
from atalho.ranking import Comparison, Reading, Row, condition_text
from atalho.record import Record

PART = "Accuracy, and what it costs"

Number = Reading | Record
"""A number that was measured and is ranked, or one that is cited."""


def accuracies(comparison: Comparison) -> list[tuple[Row, Number]]:
    """Returns the rows with an accuracy on the same data, measured or else cited."""
    data = _conditions(comparison).get("data")
    shown: list[tuple[Row, Number]] = []
    for row in comparison.rows:
        cited = next((record for record in row.cited if record.quantity == "top1"), None)
        if reading := row.readings.get("top1"):
            shown.append((row, reading))
        # A cited accuracy on other data has no place on the axis; one that does not name its data has.
        elif cited and data in (None, cited.conditions.get("data", data)):
            shown.append((row, cited))
    return shown


def data(comparison: Comparison) -> str:
    """Returns in words what the accuracies were taken on: `digits (test split, 360 images)`."""
    if "top1" in comparison.conditions:
        return phrases.measured_on(comparison.conditions["top1"])
    conditions = _conditions(comparison)
    name = condition_text(conditions["data"]) if "data" in conditions else "the data"
    return (
        f"{name} ({condition_text(conditions['split'])} split)" if "split" in conditions else name
    )


def accuracy(number: Number) -> str:
    """Returns an accuracy with its interval, or with the source of a cited one."""
    if isinstance(number, Reading):
        return phrases.accuracy(number)
    return with_source(number, numbers.text("top1", number.value))


def with_source(number: Number, written: str) -> str:
    """Returns a number as it is written, with its source where it is cited."""
    if isinstance(number, Record):
        return f"{written}, cited: {phrases.reference(number)}"
    return written


def interval(number: Number) -> tuple[float, float]:
    """Returns the ends of an accuracy's 95 % interval; its value twice where it has none."""
    stated = number.interval if isinstance(number, Reading) else None
    return stated or (number.value, number.value)


def notes(comparison: Comparison, hollow: Mapping[str, bool]) -> Iterator[str]:
    """Yields what is cited and from where, and which networks are not drawn.

    Args:
        hollow: the networks that are drawn, and of each whether it is hollow since a number of it is cited.
    """
    if any(hollow.values()):
        sources = dict.fromkeys(
            phrases.reference(record)
            for row in comparison.rows
            for record in row.cited
            if hollow.get(row.network) and record.quantity == "top1"
        )
        origin = f" from {phrases.listed(sources)}" if sources else ""
        yield f"Hollow: cited{origin}, not measured here, and not ranked."
    if missing := [row.network for row in comparison.rows if row.network not in hollow]:
        yield f"Not drawn, for want of a comparable measurement: {phrases.listed(missing)}."


def _conditions(comparison: Comparison) -> Mapping[str, object]:
    """The conditions of the accuracies: of the measured ones, or else of the cited ones on the data of most of them."""
    if measured := comparison.conditions.get("top1"):
        return measured
    cited = [r for row in comparison.rows for r in row.cited if r.quantity == "top1"]
    usual = _most_frequent(
        condition_text(r.conditions["data"]) for r in cited if "data" in r.conditions
    )
    on_usual = (r.conditions for r in cited if condition_text(r.conditions.get("data")) == usual)
    first = next(on_usual, {})
    return {name: first[name] for name in ("data", "split") if name in first}


def _most_frequent(names: Iterable[str]) -> str | None:
    return next((name for name, _ in Counter(names).most_common(1)), None)
