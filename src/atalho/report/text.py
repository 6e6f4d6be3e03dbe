"""Comparison and curves → the page's sentences: each follows from records, and is not there where they do not bear it out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil, floor, log10

from markupsafe import Markup, escape

from atalho.choice import (
    HIGHER_IS_BETTER,
    TRAINING,
    Choice,
    Comparison,
    Limits,
    Miss,
    Reading,
    Row,
    misses,
    pareto_front,
    said,
    side_by_side,
)
from atalho.record import Record
from atalho.relaxation import Relaxation, relaxations
from atalho.report.curves import Curve, alike, final
from atalho.report.families import Style, of_family
from atalho.report.numbers import NAMES, text, unit

ALIKE = 0.005
"""Training accuracies less than half a point apart are not called different: one seed does not bear it."""

EXPECTED = ("top1", "params", "macs", "latency", "throughput", "peak_memory", "power", "energy")

_LABELS = {"dtype": "precision", "at": "measured", "input": "image"}


def listed(names: Iterable[object]) -> str:
    """`a, b and c`."""
    *most, last = [str(name) for name in names]
    return f"{', '.join(most)} and {last}" if most else last


def counted(number: object, name: str) -> str:
    """`1 thread`, `2 threads`, `3.05 epochs`."""
    written = f"{number:.3g}" if isinstance(number, float) else said(number)
    return f"{written} {name}" if number == 1 else f"{written} {name}s"


def title(comparison: Comparison) -> str:
    """The question that the page answers."""
    data = comparison.conditions.get("top1", {}).get("data")
    return f"Which network for {data}?" if data else "Which network?"


def accuracy(reading: Reading) -> str:
    """`97.8 % (95 % interval 95.7–98.9 %)`, with the seeds where there are several."""
    found = text("top1", reading.value)
    said_of_it = []
    if reading.deviation is not None:
        seeds = len(reading.records)
        said_of_it.append(
            f"mean of {seeds} seeds, standard deviation {100 * reading.deviation:.1f}"
        )
    if reading.interval is not None:
        said_of_it.append(f"95\u00a0% interval {span(reading.interval)}\u00a0%")
    return f"{found} ({'; '.join(said_of_it)})" if said_of_it else found


def span(interval: tuple[float, float]) -> str:
    """An interval of fractions in per cent: `95.7–98.9`."""
    return f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f}"


def batch(reading: Reading) -> str:
    """What a latency is for."""
    size = reading.condition("batch")
    return "for one image" if size == 1 else f"for a batch of {said(size)}"


def test_set(comparison: Comparison) -> str:
    """`digits (test split, 360 images)`."""
    given = comparison.conditions.get("top1", {})
    images = given.get("images")
    parts = [
        f"{given['split']} split" if "split" in given else "",
        f"{images:,} images" if isinstance(images, int) else "",
    ]
    stated = ", ".join(filter(None, parts))
    data = said(given["data"]) if "data" in given else "the data"
    return f"{data} ({stated})" if stated else data


def answer(comparison: Comparison, choice: Choice | None, limits: Limits) -> list[Markup]:
    """The paragraph that says which network to take, and why; who is out by what, and what relaxing a limit would buy."""
    sentences: list[Markup] = []
    if choice is None:
        sentences += map(escape, _no_choice(comparison, limits))
    else:
        within = f"{upper_first(_limits(limits))}: " if limits else ""
        sentences.append(escape(within) + _chosen(comparison, choice, limits))
        if choice.chosen is not choice.best:
            sentences.append(escape(_price_of_the_best(choice)))
        sentences += map(escape, filter(None, (*_told_apart(choice), pareto(choice))))
    rest = [*_out(comparison, limits), *_relaxed(comparison, choice, limits), *_failed(comparison)]
    return [*sentences, *map(escape, rest)]


def pareto(choice: Choice) -> str:
    """Who stands on the Pareto front of accuracy and all costs that every network within the limits has; empty for one cost or none."""
    if len(choice.dimensions) < 3 or len(choice.within) < 2:
        return ""
    names = [row.network for row in choice.front]
    weighed = listed(NAMES[quantity].lower() for quantity in choice.dimensions)
    return f"On the Pareto front of {weighed}: {listed(names)}."


def front(comparison: Comparison, quantities: Sequence[str]) -> str:
    """Who stands on the Pareto front of two quantities, and what that means for the rest."""
    names = [row.network for row in pareto_front(comparison.rows, quantities)]
    ranked = [row for row in comparison.rows if all(q in row.readings for q in quantities)]
    if len(ranked) < 2:
        return ""
    rest = len(ranked) - len(names)
    of_rest = (
        "every other network is matched or beaten in both by one of them"
        if rest
        else "all are on it"
    )
    return f"{listed(names)}; {of_rest}."


def training(comparison: Comparison) -> list[str]:
    """What to know of how the accuracies came about: seeds, shorter schedules, other recipes."""
    trained = {
        row.network: row.readings["top1"]
        for row in comparison.rows
        if "top1" in row.readings and row.readings["top1"].condition("seed") is not None
    }
    return [*_seeds(trained), *_schedules(trained), *_recipes(trained)]


def degradation(curves: Sequence[Curve], styles: Mapping[str, Style]) -> list[str]:
    """Plain against residual networks by their training accuracy at the end (He et al. 2015, Fig. 6)."""
    families = ("plain", "residual")
    ended = [c for c in curves if "train_top1" in c.points and styles[c.network].family in families]
    ends = final(alike(ended), "train_top1")
    plain, residual = (of_family(styles, family, list(ends)) for family in families)
    sentences = []
    gains = []
    for family, names in zip(families, (plain, residual), strict=True):
        if names and styles[names[0]].depth < styles[names[-1]].depth:
            gains.append(ends[names[-1]] - ends[names[0]])
            sentences.append(_by_depth(family, names, ends))
    pairs = [(p, r) for p in plain for r in residual if styles[p].depth == styles[r].depth]
    for p, r in pairs[-1:]:
        sentences.append(
            f"At depth {styles[p].depth}, {r} ended at {text('top1', ends[r])} training accuracy, "
            f"{p} at {text('top1', ends[p])}."
        )
    if len(gains) == 2:
        sentences.append(_verdict(*gains))
    left = sorted({curve.network for curve in ended} - set(ends))
    if sentences and left:
        sentences.append(
            "Trained on other data, by another recipe or for other epochs, and left out here: "
            f"{listed(left)}."
        )
    return sentences


def machine(comparison: Comparison) -> str:
    """One sentence on where the times were taken; empty where none was."""
    given = comparison.conditions.get("latency")
    if given is None:
        return ""
    parts = [
        f"on {given['device']}" if "device" in given else "",
        counted(given["threads"], "thread") if "threads" in given else "",
        said(given["dtype"]) if "dtype" in given else "",
        f"engine {given['engine']}" if "engine" in given else "",
        f"each network by the fastest of {given['chosen_from']}" if "chosen_from" in given else "",
        f"torch {given['versions.torch']}" if "versions.torch" in given else "",
        "while the machine had other work" if given.get("noisy") else "",
    ]
    stated = ", ".join(filter(None, parts))
    return f"Latency was measured {stated}." if stated else ""


def conditions(comparison: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    """By quantities that were taken alike: what all their ranked records share."""
    alike: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    for quantity, given in comparison.conditions.items():
        shared = [
            (_LABELS.get(name, name.removeprefix("versions.").replace("_", " ")), said(value))
            for name, value in given.items()
        ]
        alike.setdefault(str(shared), ([], shared))[0].append(NAMES[quantity])
    return [(listed([first, *map(str.lower, rest)]), s) for (first, *rest), s in alike.values()]


def not_ranked(comparison: Comparison) -> list[str]:
    """Each record that is shown and not ranked, with the reason."""
    return [
        f"{row.network}, {NAMES[apart.record.quantity].lower()} "
        f"{text(apart.record.quantity, apart.record.value)}: {apart.reason}."
        for row in comparison.rows
        for apart in row.apart
    ]


def cited(comparison: Comparison) -> list[str]:
    """Each number that is somebody else's, with its reference."""
    return [
        f"{row.network}, {NAMES[record.quantity].lower()} {text(record.quantity, record.value)}: {reference(record)}{_differs(record)}."
        for row in comparison.rows
        for record in row.cited
        if record.quantity in NAMES
    ]


def reference(record: Record) -> str:
    """Where a cited number is from."""
    return said(record.conditions.get("reference", "reference not stated")).rstrip(".")


def _differs(record: Record) -> str:
    """`; of resnet18.b, which differs: …`, where a cited number is of a variant."""
    of = record.conditions.get("of")
    if of is None:
        return ""
    return f"; of {said(of)}, which differs: {said(record.conditions.get('differs'))}"


def not_measured(comparison: Comparison) -> str:
    """The usual quantities that no network has a record of."""
    missing = [NAMES[q].lower() for q in EXPECTED if q not in comparison.conditions]
    return f"Not measured: {listed(missing)}." if missing else ""


def when(records: Iterable[Record]) -> str:
    """The first and the last day on which something was measured; empty where no record says."""
    days = sorted(str(r.conditions["at"])[:10] for r in records if r.conditions.get("at"))
    if not days:
        return ""
    return (
        f"Measured on {days[0]}."
        if days[0] == days[-1]
        else f"Measured from {days[0]} to {days[-1]}."
    )


def trainings(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Network by network: recipe, epochs, steps, seeds and weights of what was tested."""
    rows = []
    for row in comparison.rows:
        if reading := row.readings.get("top1"):
            seeds = [said(record.conditions.get("seed")) for record in reading.records]
            weights = [said(record.conditions.get("weights")) for record in reading.records]
            of_run = [said(reading.condition(name)) for name in TRAINING]
            rows.append((row.network, [*of_run, ", ".join(seeds), ", ".join(weights)]))
    return rows


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
    """The highest top-1 accuracy that is cited, where several are of the same data."""
    found = [(row, r) for row in rows for r in row.cited if r.quantity == "top1"]
    data = {said(record.conditions.get("data")) for _, record in found}
    if len(found) > 1 and len(data) == 1:
        row, record = max(found, key=lambda each: each[1].value)
        cost = f", {_cost(row, 'latency')}" if "latency" in row.readings else ""
        yield (
            f"By other people’s accuracies on {data.pop()}, cited and not measured here, the highest is "
            f"{row.network}’s {text('top1', record.value)}{of_variant(record)}{cost}."
        )


def of_variant(record: Record) -> str:
    """` (of resnet18.b)` for a cited number that is of a variant; what differs is said with the reference."""
    of = record.conditions.get("of")
    return "" if of is None else f" (of {said(of)})"


def upper_first(sentence: str) -> str:
    """The sentence with a capital; names in it stay as they are."""
    return sentence[:1].upper() + sentence[1:]


def _limits(limits: Limits) -> str:
    """`within 40.0 ms of latency for one image and at 90.0 % of top-1 accuracy or more`."""
    said_of = {q: f"{text(q, limit)} of {_limited(q)}" for q, limit in limits.items()}
    most = [said_of[q] for q in limits if q not in HIGHER_IS_BETTER]
    least = [said_of[q] for q in limits if q in HIGHER_IS_BETTER]
    parts = [
        f"within {listed(most)}" if most else "",
        f"at {listed(least)} or more" if least else "",
    ]
    return " and ".join(filter(None, parts))


def _limited(quantity: str) -> str:
    """What a limit is on: of what depends on the batch, that for one image, whatever the table shows."""
    return NAMES[quantity].lower() + (" for one image" if quantity == "latency" else "")


def _chosen(comparison: Comparison, choice: Choice, limits: Limits) -> Markup:
    shown = [] if choice.cost is None else [choice.cost]
    shown += [q for q in limits if q not in (*shown, "top1")]
    found = [accuracy(choice.chosen.readings["top1"]), *(_cost(choice.chosen, q) for q in shown)]
    what = ", ".join(found)
    where = test_set(comparison)
    judged = [row for row in comparison.rows if "top1" in row.readings]
    if len(judged) == 1:
        sentence = f" is the only network with a measured accuracy: on {where}, {what}."
    elif len(choice.within) == 1:
        sentence = f" is the only one of {len(judged)} networks with a measured accuracy: on {where}, {what}."
    elif len(choice.alike) == 1:
        sentence = f" is the most accurate of {len(choice.within)} networks: on {where}, {what}."
    else:
        least = {"latency": "the fastest", "macs": "the one of fewest operations"}
        which = least.get(choice.cost or "", "the most accurate")
        sentence = (
            f" is {which} of the {len(choice.alike)} networks whose accuracy on {where} "
            f"is not told apart from the highest: {what}."
        )
    return Markup("<strong>{}</strong>{}").format(choice.chosen.network, sentence)


def _cost(row: Row, quantity: str) -> str:
    reading = row.readings[quantity]
    found = text(quantity, reading.value)
    if quantity == "latency":
        return f"in {found} {batch(reading)}{_engine(reading)}"
    return f"with {found} {NAMES[quantity].lower()}"


def _engine(reading: Reading) -> str:
    """` by openvino in bf16`, where that is the network's own."""
    if reading.condition("chosen_from") is None:
        return ""
    return f" by {said(reading.condition('engine'))} in {said(reading.condition('dtype'))}"


def _price_of_the_best(choice: Choice) -> str:
    best, cost = choice.best, choice.cost
    sentence = f"The highest is {best.network}’s {accuracy(best.readings['top1'])}"
    if cost is None or cost not in best.readings:
        return f"{sentence}."
    ratio = best.readings[cost].value / choice.chosen.readings[cost].value
    times = {"latency": "times as long", "macs": "times as many"}[cost]
    return f"{sentence}, {_cost(best, cost)}: {ratio:.2g} {times}."


def _told_apart(choice: Choice) -> list[str]:
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
            "Not told apart from the highest, for the 95\u00a0% intervals overlap: "
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
    """Each network with the limits that it misses; and what is not known."""
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
    found = f"{NAMES[miss.quantity].lower()} {text(miss.quantity, value)}"
    if miss.quantity in HIGHER_IS_BETTER:
        points = 100 * (miss.limit - value)
        return f"{found} ({points:.1f} points short)" if points >= 0.05 else f"{found} (just short)"
    if miss.limit <= 0:
        return found
    ratio = value / miss.limit
    return f"{found} ({ratio:.3g} ×)" if ratio >= 1.005 else f"{found} (just over)"


def _relaxed(comparison: Comparison, choice: Choice | None, limits: Limits) -> Iterator[str]:
    """What relaxing each limit alone would buy."""
    found = relaxations(comparison, limits)
    yield from (_bought(relaxation) for relaxation in found.values() if relaxation)
    idle = [NAMES[quantity].lower() for quantity, relaxation in found.items() if not relaxation]
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


def enough(quantity: str, value: float) -> str:
    """A limit that a value meets, as short as it can be written: rounded up, or down where more is better."""
    scale = unit(quantity, [value])
    scaled = value / scale.factor
    step = 0.1 if scale.name == "%" else 10.0 ** min(0, floor(log10(scaled)) - 2) if scaled else 1.0
    whole = scaled / step
    way = floor(whole + 1e-9) if quantity in HIGHER_IS_BETTER else ceil(whole - 1e-9)
    return scale.text(way * step * scale.factor)


def _failed(comparison: Comparison) -> Iterator[str]:
    """The networks of which nothing could be measured."""
    rows = {row.network for row in comparison.rows}
    named = {
        r.subject: said(r.conditions.get("stage", "before anything was measured"))
        for r in comparison.failures
        if r.subject not in rows
    }
    if named:
        yield f"Failed: {', '.join(f'{name} ({stage})' for name, stage in named.items())}."


def _seeds(trained: Mapping[str, Reading]) -> list[str]:
    single = [name for name, reading in trained.items() if len(reading.records) == 1]
    if not single:
        return []
    who = "every network" if len(single) == len(trained) else listed(single)
    return [f"{who[0].upper()}{who[1:]}: one seed, so what another seed would change is not known."]


def _schedules(trained: Mapping[str, Reading]) -> list[str]:
    epochs = {
        name: float(stated)
        for name, reading in trained.items()
        if isinstance(stated := reading.condition("epochs"), int | float)
    }
    longest = max(epochs.values(), default=0)
    shorter = [f"{name} ({n:.3g})" for name, n in epochs.items() if n < 0.99 * longest]
    if not shorter:
        return []
    return [
        f"Trained on a shorter schedule than the others’ {longest:.3g} epochs: {listed(shorter)}."
    ]


def _recipes(trained: Mapping[str, Reading]) -> list[str]:
    recipes: dict[str, list[str]] = {}
    for name, reading in trained.items():
        recipes.setdefault(said(reading.condition("recipe")), []).append(name)
    if len(recipes) < 2:
        return []
    by = [f"{listed(names)} by {recipe}" for recipe, names in recipes.items()]
    return [f"The recipes differ: {'; '.join(by)}."]


def _by_depth(family: str, names: Sequence[str], ends: Mapping[str, float]) -> str:
    first, *others = names
    stated = f"{first} ended at {text('top1', ends[first])} training accuracy, " + listed(
        f"{name} at {text('top1', ends[name])}" for name in others
    )
    gain = ends[names[-1]] - ends[names[0]]
    if abs(gain) < ALIKE:
        outcome = "trained about as well (less than half a point apart)"
    else:
        outcome = f"trained {'worse' if gain < 0 else 'better'}, by {100 * abs(gain):.1f} points"
    which = "deeper" if len(names) == 2 else "deepest"
    return f"{stated}: the {which} {family} network {outcome}."


def _verdict(plain: float, residual: float) -> str:
    if plain > -ALIKE:
        return (
            "So the degradation that He et al. 2015 describe, deeper plain networks that train worse, "
            "does not show here."
        )
    if residual > -ALIKE:
        return (
            "So the degradation that He et al. 2015 describe shows here: more plain layers train worse, "
            "and with shortcuts depth does no such harm."
        )
    return "Both families train worse with depth here; the shortcuts do not remove it."
