"""The first paragraph: the network to take and what that costs, the networks beyond a limit, what relaxing a limit would gain."""

from collections.abc import Iterable, Iterator
from math import ceil, floor, log10

from markupsafe import Markup, escape

from atalho.choice.aims import aim
from atalho.choice.choosing import MARGIN, Choice, Limits, Miss, learned_nothing, misses
from atalho.choice.relaxing import Relaxation, relaxations
from atalho.conditions import chosen_engine
from atalho.page.words import certainty
from atalho.page.words.numbers import NAMES, text, unit
from atalho.page.words.phrases import (
    accuracy,
    batch,
    listed,
    measured_on,
    of_variant,
    upper_first,
)
from atalho.ranking import Comparison, Row, condition_text
from atalho.record import HIGHER_IS_BETTER

_LEARNED_NOTHING = (
    "Learned nothing, with a loss no better than that of guessing by the classes’ frequencies"
)

_NETWORK_ALONE = (
    "The limit on latency is on the network alone, without reading and decoding a file."
)


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
        sure = (certainty.price(choice), _of_test(choice), *certainty.doubts(choice))
        alone = _NETWORK_ALONE if "latency" in limits else ""
        paragraph += map(escape, filter(None, (*sure, alone, *_left_out(choice), pareto(choice))))
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
    tops = [row.readings["top1"] for row in comparison.rows if "top1" in row.readings]
    if tops and all(each.condition("split") == "test" for each in tops):
        return [
            "These accuracies are of the test split, and nothing is chosen on what it is tested on: atalho compare measures "
            "accuracies on validation images to choose by."
        ]
    if tops and all(learned_nothing(row) for row in comparison.rows if "top1" in row.readings):
        return [
            f"{_LEARNED_NOTHING}: every network with a measured accuracy, so that there is none to take."
        ]
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
    numbers = [certainty.chosen_accuracy(choice), *(_cost(choice.chosen, q) for q in shown)]
    measured = ", ".join(numbers)
    where = measured_on(comparison.conditions.get("top1", {}))
    judged = [row for row in comparison.rows if "top1" in row.readings]
    if len(judged) == 1:
        sentence = f" is the only network with a measured accuracy: on {where}, {measured}."
    elif len(choice.within) == 1:
        sentence = f" is the only one of {len(judged)} networks with a measured accuracy: on {where}, {measured}."
    elif what := aim(choice.within):
        sentence = (
            f" has the highest {what} of {len(choice.within)} networks: on {where}, {measured}."
        )
    elif choice.chosen is choice.best:
        sentence = (
            f" is the most accurate of {len(choice.within)} networks: on {where}, {measured}."
        )
    else:
        least = {"latency": "the fastest", "macs": "the one of fewest operations"}
        sentence = (
            f" is {least[choice.cost or 'latency']} of the {len(choice.alike)} networks that are close enough to the most "
            f"accurate: on {where}, {measured}."
        )
    return Markup("<strong>{}</strong>{}").format(choice.chosen.network, sentence)


def _cost(row: Row, quantity: str) -> str:
    reading = row.readings[quantity]
    written = text(quantity, reading.value)
    if quantity == "latency":
        engine = chosen_engine(reading.records[-1].conditions)
        return f"in {written} {batch(reading)}{f' with {engine}' if engine else ''}"
    return f"with {written} {NAMES[quantity].lower()}"


def _of_test(choice: Choice) -> str:
    """The accuracy on the test split, which the choice does not depend on; empty where it was not measured."""
    tested = choice.chosen.tested.get("top1")
    if tested is None:
        return ""
    where = measured_on(tested.records[-1].conditions)
    return f"On images that nothing was chosen by, {where}: {accuracy(tested)}."


def _left_out(choice: Choice) -> Iterator[str]:
    """The networks that took no part in the choice, or whose cost is not known."""
    if choice.cost and (
        unknown := [row.network for row in choice.alike if choice.cost not in row.readings]
    ):
        yield f"No {NAMES[choice.cost].lower()} to compare: {listed(unknown)}."
    if choice.unlearned:
        names = listed(row.network for row in choice.unlearned)
        yield f"{_LEARNED_NOTHING}: {names}."
    if choice.worse:
        yield f"Less accurate: {listed(row.network for row in choice.worse)}."


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
    by_quantity = relaxations(comparison, limits, choice.margin if choice else MARGIN)
    yield from (_bought(relaxation) for relaxation in by_quantity.values() if relaxation)
    idle = [
        NAMES[quantity].lower() for quantity, relaxation in by_quantity.items() if not relaxation
    ]
    if idle and any("top1" in row.readings for row in comparison.rows):
        limit = f"the limit of {' or of '.join(idle)}{' alone' if len(limits) > 1 else ''}"
        would = (
            "allow no network" if choice is None else "gain no accuracy that these images can show"
        )
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
