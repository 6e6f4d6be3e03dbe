"""Comparison and curves → the page's sentences: each follows from records, and is not there where they do not bear it out."""

from collections.abc import Iterable, Mapping, Sequence

from atalho.choice.choosing import pareto_front
from atalho.page.chart.families import Style, of_family
from atalho.page.curves import Curve, alike, final
from atalho.page.words.numbers import NAMES, text
from atalho.ranking import TRAINING, Comparison, Reading, said
from atalho.record import Record

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


def of_variant(record: Record) -> str:
    """` (of resnet18.b)` for a cited number that is of a variant; what differs is said with the reference."""
    of = record.conditions.get("of")
    return "" if of is None else f" (of {said(of)})"


def upper_first(sentence: str) -> str:
    """The sentence with a capital; names in it stay as they are."""
    return sentence[:1].upper() + sentence[1:]


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
    return (
        f"Both families train worse with depth here, the plain one by {-100 * plain:.1f} points, the residual one by "
        f"{-100 * residual:.1f}: at this length of training the shortcuts do not remove it."
    )
