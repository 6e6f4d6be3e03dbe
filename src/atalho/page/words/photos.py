"""What cross-validation on photos says: of the choice, of the classes, and of how many photos there are."""

from collections.abc import Iterator, Mapping, Sequence

from atalho.page.words.numbers import text
from atalho.page.words.phrases import listed
from atalho.ranking import condition_text, pair
from atalho.record import Record
from atalho.statistics import with_twice_as_many

WORST = 3
"""Classes that are named as the ones that are recognised least."""

Points = list[tuple[float, float]]
"""(photos, accuracy), from few photos to all."""


def learning(records: Sequence[Record]) -> dict[str, Points]:
    """Returns for each network the newest accuracy for each number of photos that were fitted on."""
    by_network: dict[str, dict[int, float]] = {}
    for record in records:
        count = record.conditions.get("fitted_on")
        if record.quantity == "learning_top1" and isinstance(count, int) and count > 0:
            by_network.setdefault(record.subject, {})[count] = record.value
    return {network: [*sorted(points.items())] for network, points in by_network.items()}


def promise(network: str, points: Points) -> str:
    """Returns what twice as many photos would bring, as a sentence; empty where that cannot be told."""
    expected = with_twice_as_many(points)
    if expected is None:
        return ""
    gained = 100 * (expected - points[-1][1])
    if gained < 0.5:
        return f"Twice as many photos would bring {network} less than half a point."
    return (
        f"If its error goes on to fall as it does, twice as many photos would bring {network} "
        f"some {gained:.0f} points more, to about {text('top1', expected)}."
    )


def notes(records: Sequence[Record], network: str | None, limits: Mapping[str, float]) -> list[str]:
    """Returns sentences on cross-validation: the accuracy of the choice itself, and the classes of a network.

    Args:
        network: the one that is chosen; None without one.
        limits: of the choice.
    """
    if network is None:
        return [*_fine_tuned(records)]
    return [
        *_nested(records, network, limits),
        *_fine_tuned(records),
        *_classes(records, network),
    ]


def _nested(records: Sequence[Record], network: str, limits: Mapping[str, float]) -> Iterator[str]:
    nested = [
        record
        for record in records
        if (record.quantity, record.subject) == ("nested_top1", network)
        if record.conditions.get("limits", {}) == limits
    ]
    if not nested:
        return
    newest = nested[-1].conditions
    among, interval = newest.get("competitors"), pair(newest.get("interval"))
    images, folds = newest.get("images"), newest.get("folds")
    if not isinstance(among, list) or interval is None:
        return
    low, high = (text("top1", end) for end in interval)
    yield (
        f"Every photo was tested once, by a classifier that had not seen it ({condition_text(folds)} folds); the final ones are "
        f"fitted on all {condition_text(images)}."
    )
    if len(among) > 1:
        kept = ", which keep to the limits," if limits else ""
        yield (
            f"Choosing among {listed(map(condition_text, among))}{kept} inside the folds gives {text('top1', nested[-1].value)} "
            f"(95\u00a0% interval {low} to {high})."
        )


def _fine_tuned(records: Sequence[Record]) -> Iterator[str]:
    """What fine-tuning in the same folds came to, beside the linear classifier."""
    tuned = [record for record in records if record.quantity == "finetuned_top1"]
    if not tuned:
        return
    beside, interval = (
        tuned[-1].conditions.get("beside"),
        pair(tuned[-1].conditions.get("interval")),
    )
    if not isinstance(beside, Mapping) or interval is None:
        return
    low, high = (text("top1", end) for end in interval)
    linear, p = beside.get("top1"), beside.get("p")
    if not isinstance(linear, int | float) or not isinstance(p, int | float):
        return
    only_this, only_other = (
        condition_text(beside.get(name)) for name in ("only_this", "only_other")
    )
    yield (
        f"Fine-tuned in the same folds, {tuned[-1].subject} has {text('top1', tuned[-1].value)} (95\u00a0% interval, with that of the "
        f"linear classifier, {low} to {high}); its linear classifier has {text('top1', linear)}. {only_this} photos only the "
        f"fine-tuned network recognises, {only_other} only the linear classifier (McNemar’s p\u00a0=\u00a0{p:.2g}): "
        + (
            "the fine-tuned network is kept. These photos decided that, so its accuracy on others may be a little lower; how much, a "
            "choice made anew inside each fold would tell, which takes as many trainings again in every fold and was not made. Its mistakes "
            "are those of the networks of the folds, not of the one that is kept, so that no maps show where that one looked."
            if beside.get("kept") is True
            else "these photos do not show that fine-tuning is better, and the linear classifier is kept."
        )
    )


def _classes(records: Sequence[Record], network: str) -> Iterator[str]:
    own = [r for r in records if r.quantity == "balanced_accuracy" and r.subject == network]
    shares = own[-1].conditions.get("per_class") if own else None
    if not isinstance(shares, Mapping) or not shares:
        return
    known = {name: share for name, share in shares.items() if isinstance(share, int | float)}
    least = sorted(known, key=lambda name: known[name])[:WORST]
    named = listed(f"{condition_text(name)} ({text('top1', known[name])})" for name in least)
    yield (
        f"Averaged over the {len(shares)} classes {network} has {text('balanced_accuracy', own[-1].value)} (balanced accuracy); "
        f"least recognised: {named}."
    )
