"""How certain a choice is: what it costs against the most accurate network, what the images cannot tell, and by which tests."""

from collections.abc import Iterator
from math import ceil, floor, isfinite, log10

from atalho.choice.choosing import Choice
from atalho.choice.pairs import side_by_side
from atalho.page.words.phrases import accuracy, accuracy_with, counted, listed
from atalho.ranking import Row
from atalho.statistics import Difference, images_to_tell

_CHEAPER = {"latency": "× faster", "macs": "× fewer operations"}
_MOST = 100
"""How many times the images at hand are still a number that somebody may collect."""


def chosen_accuracy(choice: Choice) -> str:
    """Returns the accuracy of the chosen network: `98.3 % (95 % interval 97.5–98.9 %, as one chosen among 6)`."""
    reading = choice.chosen.readings["top1"]
    if choice.interval is None or len(choice.within) == 1:
        return accuracy(reading)
    among = f", as one chosen among {len(choice.within)}"
    return accuracy_with(reading, choice.interval, among)


def price(choice: Choice) -> str:
    """Returns what the choice costs against the most accurate network; empty where it is that network."""
    between = choice.differences.get(choice.chosen.network)
    if between is None:
        return ""
    best = f"{choice.best.network}, the most accurate with {accuracy(choice.best.readings['top1'])}"
    if ratio := _times_cheaper(choice, choice.chosen):
        return f"It is {ratio} than {best}, and {_lower(between)}."
    return f"Beside {best}, it is {_lower(between)}."


def doubts(choice: Choice) -> Iterator[str]:
    """Returns what the images are too few to tell: whether a cheaper network would do, and whether another is better."""
    images = choice.best.readings["top1"].condition("images")
    cheaper = sorted(
        (row for row in choice.within if row not in (*choice.alike, *choice.worse)),
        key=lambda row: _cost_of(choice, row),
    )
    undecided = [row for row in cheaper if _cost_of(choice, row) < _cost_of(choice, choice.chosen)]
    if undecided and (between := choice.differences.get(undecided[0].network)):
        row, *others = undecided
        rest = f", nor of {listed(each.network for each in others)}" if others else ""
        yield (
            f"These images cannot tell whether {row.network}, {_times_cheaper(choice, row)}, is within "
            f"{_points(choice.margin)} of {choice.best.network}{rest}: it is {_lower(between)}{_more(between, images, choice.margin)}."
        )
    better = [row.network for row in choice.rivals if row not in undecided]
    if better:
        verb = "is" if len(better) == 1 else "are"
        yield (
            f"These images do not exclude that {listed(better)} {verb} more accurate than {choice.chosen.network} by more "
            f"than {_points(choice.margin)}."
        )


def details(choice: Choice) -> list[str]:
    """Returns by which tests networks were compared, and each difference from the most accurate one."""
    best, others = choice.best, choice.within[1:]
    if not others:
        return []
    paired = all(side_by_side(row, best) for row in others)
    what = (
        "the same images"
        if paired
        else "their intervals, since the images are not recorded for all"
    )
    corrected = f", corrected for {counted(len(others), 'comparison')}"
    sentences = [
        f"A network stands in for {best.network} where the 95\u00a0% interval of the difference on {what} (Bonett and Price "
        f"2012{corrected}, Bonferroni) excludes a loss of more than {_points(choice.margin)}, and where it is not significantly "
        "less accurate (McNemar’s exact test) than any other."
    ]
    for row in others:
        between = choice.differences.get(row.network)
        if between is None:
            sentences.append(f"{row.network}: its accuracy has no interval.")
            continue
        verdict = "not decided"
        if row in choice.alike:
            verdict = "may stand in"
        elif row in choice.worse:
            verdict = "significantly less accurate (Holm’s correction)"
        pairs = side_by_side(row, best)
        differ = f"; {_discordant(pairs[0].first, pairs[0].second)}" if len(pairs) == 1 else ""
        sentences.append(f"{row.network}: {_lower(between)}{differ}: {verdict}.")
    return sentences


def _discordant(first: int, second: int) -> str:
    return f"right on {counted(first, 'image')} that the other gets wrong, wrong on {second} that it gets right"


def _lower(between: Difference) -> str:
    """`0.4 points lower (95 % interval −1.9 to +1.1)`."""
    points = 100 * between.value
    low, high = (100 * end for end in between.interval)
    written = f"{abs(points):.1f} points {'lower' if points < 0 else 'higher'}"
    if abs(points) < 0.05:
        written = "as accurate"
    return f"{written} (95\u00a0% interval {_signed(low)} to {_signed(high)} points)"


def _signed(points: float) -> str:
    return f"{points:+.1f}".replace("-", "−")


def _more(between: Difference, images: object, margin: float) -> str:
    """`; about 400 more images would tell`; empty where that is not known."""
    if not isinstance(images, int):
        return ""
    needed = images_to_tell(between, images, margin) - images
    if not isfinite(needed) or needed > _MOST * images:
        return "; it would take more images than can be had"
    digits = 10 ** max(0, floor(log10(max(1.0, needed))) - 1)
    return f"; about {ceil(needed / digits) * digits:,} more images would tell"


def _cost_of(choice: Choice, row: Row) -> float:
    value = row.value(choice.cost) if choice.cost else None
    return float("inf") if value is None else value


def _times_cheaper(choice: Choice, row: Row) -> str:
    """`3.1 × faster`, than the most accurate network; empty where one of the costs is not measured."""
    own, of_best = _cost_of(choice, row), _cost_of(choice, choice.best)
    if choice.cost is None or not isfinite(own) or not isfinite(of_best) or not own:
        return ""
    return f"{of_best / own:.2g}\u00a0{_CHEAPER[choice.cost]}"


def _points(margin: float) -> str:
    """`1 point`, `2.5 points`."""
    return counted(round(100 * margin, 3) if (100 * margin) % 1 else round(100 * margin), "point")
