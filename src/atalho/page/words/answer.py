"""The first paragraph: the network to take, its ties, the networks beyond a limit, and what relaxing a limit would gain."""

from collections.abc import Iterable, Iterator
from math import ceil, floor, log10

from markupsafe import Markup, escape

from atalho.choice.choosing import Choice, Limits, Miss, misses
from atalho.choice.pairs import side_by_side
from atalho.choice.relaxing import Relaxation, relaxations
from atalho.conditions import chosen_engine
from atalho.page.words.numbers import NAMES, text, unit
from atalho.page.words.phrases import (
    accuracy,
    batch,
    counted,
    listed,
    of_variant,
    test_set,
    upper_first,
)
from atalho.ranking import Comparison, Row, condition_text
from atalho.record import HIGHER_IS_BETTER


def title(comparison: Comparison) -> str:
    """Returns the question that the page answers."""
    data = comparison.conditions.get("top1", {}).get("data")
    return f"Which network for {data}?" if data else "Which network?"


def sentences(comparison: Comparison, choice: Choice | None, limits: Limits) -> list[Markup]:
    """Returns the paragraph as sentences, in which the text of records is escaped."""
    paragraph: list[Markup] = []
    if choice is None:
        paragraph += map(escape, _no_choice(comparison, limits))
    else:
        within = f"{upper_first(_limits(limits))}: " if limits else ""
        paragraph.append(escape(within) + _chosen(comparison, choice, limits))
        if choice.chosen is not choice.best:
            paragraph.append(escape(_price_of_the_best(choice)))
        paragraph += map(escape, filter(None, (*_significance(choice), pareto(choice))))
    further = [
        *_out(comparison, limits),
        *_relaxed(comparison, choice, limits),
        *_failed(comparison),
    ]
    return [*paragraph, *map(escape, further)]


def pareto(choice: Choice) -> str:
    """Returns a sentence on the Pareto front of accuracy and of all costs that every network within the limits has.

    It is empty for fewer than two such costs or networks.
    """
    if len(choice.dimensions) < 3 or len(choice.within) < 2:
        return ""
    names = [row.network for row in choice.front]
    weighed = listed(NAMES[quantity].lower() for quantity in choice.dimensions)
    return f"On the Pareto front of {weighed}: {listed(names)}."


def enough(quantity: str, value: float) -> str:
    """Returns a limit that the value meets, with at most three digits: rounded up, or down where more is better."""
    scale = unit(quantity, [value])
    scaled = value / scale.factor
    step = 0.1 if scale.name == "%" else 10.0 ** min(0, floor(log10(scaled)) - 2) if scaled else 1.0
    whole = scaled / step
    steps = floor(whole + 1e-9) if quantity in HIGHER_IS_BETTER else ceil(whole - 1e-9)
    return scale.text(steps * step * scale.factor)


def _no_choice(comparison: Comparison, limits: Limits) -> list[str]:
    if limits and any("top1" in row.readings for row in comparison.rows):
        return [f"No network with a measured accuracy is known to be {_limits(limits)}."]
    sentences = ["No accuracy was measured, so these records do not say which network to take."]
    within = [row for row in comparison.rows if not misses(row, limits)]
    where = f" {_limits(limits)}" if limits else ""
    if limits and within:
        sentences.append(f"{upper_first(where.strip())}: {listed(row.network for row in within)}.")
    timed = [row for row in within if "latency" in row.readings]
    if len(timed) > 1:
        fastest = min(timed, key=lambda row: row.readings["latency"].value)
        sentences.append(f"The fastest is {fastest.network}, {_cost(fastest, 'latency')}.")
    return [*sentences, *_by_others(within)]


def _by_others(rows: Iterable[Row]) -> Iterator[str]:
    """The highest cited top-1 accuracy, where several are on the same data."""
    cited = [(row, r) for row in rows for r in row.cited if r.quantity == "top1"]
    data = {condition_text(record.conditions.get("data")) for _, record in cited}
    if len(cited) > 1 and len(data) == 1:
        row, record = max(cited, key=lambda each: each[1].value)
        cost = f", {_cost(row, 'latency')}" if "latency" in row.readings else ""
        yield (
            f"By other people’s accuracies on {data.pop()}, cited and not measured here, the highest is "
            f"{row.network}’s {text('top1', record.value)}{of_variant(record)}{cost}."
        )


def _limits(limits: Limits) -> str:
    """`within 40.0 ms of latency for one image and at 90.0 % of top-1 accuracy or more`."""
    clauses = {q: f"{text(q, limit)} of {_limited(q)}" for q, limit in limits.items()}
    most = [clauses[q] for q in limits if q not in HIGHER_IS_BETTER]
    least = [clauses[q] for q in limits if q in HIGHER_IS_BETTER]
    parts = [
        f"within {listed(most)}" if most else "",
        f"at {listed(least)} or more" if least else "",
    ]
    return " and ".join(filter(None, parts))


def _limited(quantity: str) -> str:
    """The quantity of a limit: `latency for one image`, whatever the size of the batch in the table."""
    return NAMES[quantity].lower() + (" for one image" if quantity == "latency" else "")


def _chosen(comparison: Comparison, choice: Choice, limits: Limits) -> Markup:
    shown = [] if choice.cost is None else [choice.cost]
    shown += [q for q in limits if q not in (*shown, "top1")]
    numbers = [accuracy(choice.chosen.readings["top1"]), *(_cost(choice.chosen, q) for q in shown)]
    measured = ", ".join(numbers)
    where = test_set(comparison)
    judged = [row for row in comparison.rows if "top1" in row.readings]
    if len(judged) == 1:
        sentence = f" is the only network with a measured accuracy: on {where}, {measured}."
    elif len(choice.within) == 1:
        sentence = f" is the only one of {len(judged)} networks with a measured accuracy: on {where}, {measured}."
    elif len(choice.alike) == 1:
        sentence = (
            f" is the most accurate of {len(choice.within)} networks: on {where}, {measured}."
        )
    else:
        least = {"latency": "the fastest", "macs": "the one of fewest operations"}
        which = least.get(choice.cost or "", "the most accurate")
        sentence = (
            f" is {which} of the {len(choice.alike)} networks whose accuracy on {where} "
            f"is not told apart from the highest: {measured}."
        )
    return Markup("<strong>{}</strong>{}").format(choice.chosen.network, sentence)


def _cost(row: Row, quantity: str) -> str:
    reading = row.readings[quantity]
    written = text(quantity, reading.value)
    if quantity == "latency":
        engine = chosen_engine(reading.records[-1].conditions)
        return f"in {written} {batch(reading)}{f' with {engine}' if engine else ''}"
    return f"with {written} {NAMES[quantity].lower()}"


def _price_of_the_best(choice: Choice) -> str:
    best, cost = choice.best, choice.cost
    sentence = f"The highest is {best.network}’s {accuracy(best.readings['top1'])}"
    if cost is None or cost not in best.readings:
        return f"{sentence}."
    ratio = best.readings[cost].value / choice.chosen.readings[cost].value
    times = {"latency": "times as long", "macs": "times as many"}[cost]
    return f"{sentence}, {_cost(best, cost)}: {ratio:.2g} {times}."


def _significance(choice: Choice) -> list[str]:
    best, alike = choice.best, [row.network for row in choice.alike]
    tied = {row.network: side_by_side(row, best) for row in choice.alike if row is not best}
    pairs = [(name, pair) for name, pair in tied.items() if pair]
    sentences = []
    if pairs:
        images = counted(best.readings["top1"].condition("images"), "image")
        (first, pair), *others = pairs
        named = [f"{first} (on the same {images} they differ on {pair.differ}, p = {pair.p:.2g})"]
        named += [f"{name} (on {pair.differ}, p = {pair.p:.2g})" for name, pair in others]
        sentences.append(f"Tied with {best.network} by McNemar’s exact test: {listed(named)}.")
    if unpaired := [name for name, pair in tied.items() if not pair]:
        overlapping = unpaired if pairs else alike
        sentences.append(
            "Not told apart from the highest, since the 95\u00a0% intervals overlap: "
            f"{listed(overlapping)}."
        )
    if choice.cost and (
        unknown := [row.network for row in choice.alike if choice.cost not in row.readings]
    ):
        sentences.append(f"No {NAMES[choice.cost].lower()} to compare: {listed(unknown)}.")
    worse = [row for row in choice.within if row.network not in alike]
    for names, how in (
        ([r.network for r in worse if side_by_side(r, best)], ", p < 0.05 by McNemar’s exact test"),
        ([r.network for r in worse if not side_by_side(r, best)], ""),
    ):
        if names:
            sentences.append(f"Less accurate{how}: {listed(names)}.")
    return sentences


def _out(comparison: Comparison, limits: Limits) -> Iterator[str]:
    """The networks beyond the limits, each with the limits that it exceeds, and the quantities that were not measured."""
    missed = {row.network: misses(row, limits) for row in comparison.rows}
    beyond = {
        network: listed(_by(miss, miss.value) for miss in each if miss.value is not None)
        for network, each in missed.items()
        if any(miss.value is not None for miss in each)
    }
    if beyond:
        yield f"Beyond the limits: {'; '.join(f'{name}, {why}' for name, why in beyond.items())}."
    for quantity, limit in limits.items():
        unmeasured = Miss(quantity, limit, None)
        names = [network for network, each in missed.items() if unmeasured in each]
        if names:
            yield (
                f"{upper_first(_limited(quantity))} was not measured, or under other conditions, and counts as "
                f"beyond its limit: {listed(names) if len(names) < len(missed) else 'every network'}."
            )
    if limits and any("top1" in row.readings for row in comparison.rows):
        unjudged = (row for row in comparison.rows if "top1" not in row.readings)
        if names := [row.network for row in unjudged if not missed[row.network]]:
            yield f"Within the limits, but their accuracy was not measured: {listed(names)}."


def _by(miss: Miss, value: float) -> str:
    """`latency 61.0 ms (1.5 ×)`, `top-1 accuracy 91.2 % (3.8 points short)`."""
    written = f"{NAMES[miss.quantity].lower()} {text(miss.quantity, value)}"
    if miss.quantity in HIGHER_IS_BETTER:
        points = 100 * (miss.limit - value)
        return (
            f"{written} ({points:.1f} points short)"
            if points >= 0.05
            else f"{written} (just short)"
        )
    if miss.limit <= 0:
        return written
    ratio = value / miss.limit
    return f"{written} ({ratio:.3g} ×)" if ratio >= 1.005 else f"{written} (just over)"


def _relaxed(comparison: Comparison, choice: Choice | None, limits: Limits) -> Iterator[str]:
    """What relaxing each limit alone would gain in accuracy."""
    by_quantity = relaxations(comparison, limits)
    yield from (_bought(relaxation) for relaxation in by_quantity.values() if relaxation)
    idle = [
        NAMES[quantity].lower() for quantity, relaxation in by_quantity.items() if not relaxation
    ]
    if idle and any("top1" in row.readings for row in comparison.rows):
        limit = f"the limit of {' or of '.join(idle)}{' alone' if len(limits) > 1 else ''}"
        would = "allow no network" if choice is None else "buy no accuracy that is told apart"
        yield f"Relaxing {limit} would {would}."


def _bought(relaxation: Relaxation) -> str:
    quantity, network = relaxation.quantity, relaxation.chosen.network
    to = f"{NAMES[quantity]} relaxed to {enough(quantity, relaxation.needed)}"
    if relaxation.gained is None:
        return f"{to} would allow {network}, {accuracy(relaxation.chosen.readings['top1'])}."
    gained = f"{100 * relaxation.gained:.1f} points more accurate"
    return f"{to} would choose {network}, {gained}."


def _failed(comparison: Comparison) -> Iterator[str]:
    """The networks of which nothing was measured, since they failed."""
    rows = {row.network for row in comparison.rows}
    named = {
        r.subject: condition_text(r.conditions.get("stage", "before anything was measured"))
        for r in comparison.failures
        if r.subject not in rows
    }
    if named:
        yield f"Failed: {', '.join(f'{name} ({stage})' for name, stage in named.items())}."
