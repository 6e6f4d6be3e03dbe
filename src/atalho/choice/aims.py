"""What a choice is about, where that is not the plain accuracy: as the condition `optimise` of its records says."""

from collections.abc import Mapping, Sequence

from atalho.ranking import Row


def aim(rows: Sequence[Row]) -> str:
    """What a choice among rows is about, in words: `balanced accuracy`, `recall of cat`; empty for the plain accuracy.

    It is the plain accuracy, too, where the rows do not all have the same other aim.
    """
    texts = {row.readings["top1"].condition("optimise") for row in rows}
    text = texts.pop() if len(texts) == 1 else None
    if not isinstance(text, str) or any(merit(row) is None for row in rows):
        return ""
    if text == "balanced":
        return "balanced accuracy"
    name, _, least = text.removeprefix("recall:").rpartition(">=")
    return f"accuracy at a recall of {name} of {least}"


def merit(row: Row) -> tuple[float, ...] | None:
    """What the best row has most of, under the aim that its records state; None where they state none, or not what it needs."""
    text = row.readings["top1"].condition("optimise")
    balanced = row.readings.get("balanced_accuracy")
    if not isinstance(text, str) or balanced is None:
        return None
    if text == "balanced":
        return (balanced.value,)
    kind, _, condition = text.partition(":")
    name, _, least = condition.rpartition(">=")
    per_class = balanced.condition("per_class")
    recall = per_class.get(name) if isinstance(per_class, Mapping) else None
    if kind != "recall" or not isinstance(recall, int | float):
        return None
    try:
        return min(float(least), recall), row.readings["top1"].value
    except ValueError:  # records may come from other people
        return None
