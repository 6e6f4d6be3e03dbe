"""A diagnosis → sentences on why depth works: each says what its numbers say, and is not there where they are not."""

from collections.abc import Iterator, Mapping, Sequence
from math import floor, inf, log10
from statistics import mean, median

from atalho.page.chart.families import Style, of_family
from atalho.page.diagnosis import Diagnosis, when
from atalho.page.figures.depth import rows
from atalho.page.words.numbers import three
from atalho.page.words.text import counted, listed
from atalho.ranking import said

FAR = 10.0
"""From this ratio of the first row's gradient to the last's on, either way, it is said to grow or to vanish."""

_NEAR = 0.1  # the distance that one network's correlation is told for
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def sentences(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> list[str]:
    """What the gradients' norms, their correlation, the shortcuts' shares and the lesions come to."""
    return [
        *_ratios(diagnosis, styles),
        *_correlations(diagnosis, styles),
        *_shares(diagnosis, styles),
        *_lesions(diagnosis, styles),
    ]


def conditions(diagnosis: Diagnosis) -> str:
    """What the networks were shown, and what is left out."""
    given = diagnosis.conditions
    parts = [f"Measured on {said(given['data'])}"]
    if given["input"] is not None:
        parts.append(f"images of {said(given['input'])}")
    if given["recipe"] is not None:
        parts.append(f"recipe {said(given['recipe'])}")
    seeds = diagnosis.seeds
    parts.append(
        f"seed {seeds[0]} alone, so what another would change is not known"
        if len(seeds) == 1
        else f"seeds {listed(seeds)}"
    )
    sentence = f"{', '.join(parts)}."
    if diagnosis.others:
        sentence += f" Diagnosed too, and not shown with these: {listed(diagnosis.others)}."
    return sentence


def table(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> list[tuple[str, str, list[str]]]:
    """Network and moment with ratio, slope, median shortcut share and correlation; empty where not measured."""
    distance = _distance(diagnosis)
    found = []
    for network in styles:
        for moment in diagnosis.moments:
            ratio = diagnosis.ratio(network, moment)
            slope = diagnosis.value("gradient_slope", network, moment)
            share = diagnosis.value("shortcut_share", network, moment)
            near = _correlation(diagnosis, network, moment, distance)
            cells = [
                "" if ratio is None else times(ratio),
                "" if slope is None else _signed(slope, 3),
                "" if share is None else f"{100 * share:.0f}\u00a0%",
                "" if near is None else _signed(near, 3),
            ]
            if any(cells):
                found.append((network, when(moment), cells))
    return found


def near(diagnosis: Diagnosis) -> str:
    """The distance of the table's correlations; empty where there is none."""
    distance = _distance(diagnosis)
    return "" if distance is None else f"{distance:g}"


def times(value: float) -> str:
    """A ratio of any size: `34.1`, `1.3 × 10⁴`."""
    if value == 0 or 0.001 <= abs(value) < 10_000:
        return three(value)
    power = floor(log10(abs(value)))
    return f"{value / 10**power:.1f}\u00a0×\u00a010{str(power).translate(_RAISED)}"


def gradient(diagnosis: Diagnosis, network: str) -> str:
    """A network's gradient at its first and last row, at the first moment that has it; empty where there is none."""
    for moment in diagnosis.moments:
        norms = rows(diagnosis, network, moment)
        if norms:
            (first, *_), (*_, last) = norms, norms
            return (
                f"{when(moment)} {times(norms[first])} nats an element at {first} "
                f"and {times(norms[last])} at {last}"
            )
    return ""


def _ratios(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Iterator[str]:
    moments = diagnosis.moments_of("gradient_ratio")
    if not moments:
        return
    first, *_, last = [*moments, moments[-1]]
    ratios = {n: ratio for n in styles if (ratio := diagnosis.ratio(n, first)) is not None}
    told = _told(list(ratios), styles)
    one, *rest = told
    (ends,) = diagnosis.of_quantity("gradient_ratio", one, first)[-1:]
    others = "".join(f"; in {name}, {times(ratios[name])} times" for name in rest)
    yield (
        f"{when(first).capitalize()} the gradient at the first row of {one} ({ends.conditions['first']}) is "
        f"{times(ratios[one])} times that at its last map ({ends.conditions['last']}), as whole norms{others}."
    )
    for names, verdict in (
        (
            [n for n in told if ratios[n] >= FAR],
            "it grows more than tenfold on its way back to the input: it does not vanish there",
        ),
        (
            [n for n in told if ratios[n] <= 1 / FAR],
            "less than a tenth of it is left at the input: there it vanishes",
        ),
        (
            [n for n in told if 1 / FAR < ratios[n] < FAR],
            "it keeps its size within a factor of ten",
        ),
    ):
        if names:
            yield f"In {listed(names)} {verdict}."
    later = {n: ratio for n in told if (ratio := diagnosis.ratio(n, last)) is not None}
    if last != first and later:
        told_later = listed(f"{times(ratio)} in {name}" for name, ratio in later.items())
        yield f"{when(last).capitalize()} the ratio is {told_later}."
        yield from _between(diagnosis, told, moments)


def _between(diagnosis: Diagnosis, told: Sequence[str], moments: Sequence[str]) -> Iterator[str]:
    """What neither end of the slider shows: a ratio that is far from 1 on the way alone."""
    ends = {moments[0], moments[-1]}
    for verb, furthest, low, high in (("falls to", min, 0.0, 1 / FAR), ("rises to", max, FAR, inf)):
        found = []
        for name in told:
            far = {
                moment: ratio
                for moment in moments
                if (ratio := diagnosis.ratio(name, moment)) is not None and low <= ratio <= high
            }
            if far and not ends & {*far}:
                moment = furthest(far, key=far.__getitem__)
                found.append(f"{times(far[moment])} in {name} ({when(moment)})")
        if found:
            yield f"In between it {verb} {listed(found)}."


def _correlations(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Iterator[str]:
    distance = _distance(diagnosis)
    for moment in diagnosis.moments_of("gradient_correlation")[:1]:
        found = {
            name: value
            for name in styles
            if (value := _correlation(diagnosis, name, moment, distance)) is not None
        }
        stated = listed(
            f"{_signed(found[name], 2)} in {name}" for name in _told(list(found), styles)
        )
        chosen = " where the networks differ most," if len(found) > 1 else ""
        yield (
            f"Between points of the input {distance:g} apart (root mean square over its values),{chosen} a logit’s "
            f"gradients correlate by {stated} {when(moment)}."
        )
        trends = []
        for family in ("plain", "residual"):
            names = _family(styles, family, list(found))
            if len(names) > 1 and styles[names[0]].depth < styles[names[-1]].depth:
                low, high = names[0], names[-1]
                ends = [_signed(found[name], 2) for name in (low, high)]
                way = "falls" if found[high] < found[low] else "rises"
                trends.append(
                    f"{way} from {ends[0]} in {low} to {ends[1]} in {high}"
                    if ends[0] != ends[1]
                    else f"is {ends[0]} in {low} and {high} alike"
                )
        if trends:
            yield f"With depth the correlation {listed(trends)}."


def _shares(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Iterator[str]:
    for moment in diagnosis.moments_of("shortcut_share")[:1]:
        measured = [n for n in styles if diagnosis.of_quantity("shortcut_share", n, moment)]
        network = _told(measured, styles)[-1]
        shares = diagnosis.values("shortcut_share", network, moment, "row").values()
        yield (
            f"Of the gradient that reaches a residual block of {network} {when(moment)}, the shortcut brings "
            f"{100 * median(shares):.0f}\u00a0% in the median of {counted(len(shares), 'block')}, "
            f"{100 * min(shares):.0f} to {100 * max(shares):.0f}\u00a0% in single ones."
        )


def _lesions(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Iterator[str]:
    moments = diagnosis.moments_of("lesion_top1")
    found = {}
    for name in styles if moments else ():
        by_kind = [
            diagnosis.of_quantity("lesion_top1", name, moments[-1], lesion=lesion, count=count)
            for lesion, count in (("none", 0), ("removed", 1))
        ]
        if all(by_kind):
            whole, one = (100 * mean(r.value for r in records) for records in by_kind)
            rows_removed = {str(record.conditions["rows"]) for record in by_kind[1]}
            found[name] = (
                f"{one:.0f}\u00a0% in {name} instead of {whole:.0f}\u00a0% "
                f"(mean of {counted(len(rows_removed), 'row')})"
            )
    if found:
        stated = listed(found[name] for name in _told(list(found), styles))
        yield f"With one row taken out the test accuracy {when(moments[-1])} is {stated}."


def _told(names: Sequence[str], styles: Mapping[str, Style]) -> list[str]:
    """The networks to speak of: the deepest plain and residual ones of equal depth, or else the deepest of each."""
    plain, residual = (_family(styles, family, names) for family in ("plain", "residual"))
    pairs = [(p, r) for p in plain for r in residual if styles[p].depth == styles[r].depth]
    if pairs:
        return list(pairs[-1])
    return [family[-1] for family in (plain, residual) if family] or list(names[-1:])


def _family(styles: Mapping[str, Style], family: str, names: Sequence[str]) -> list[str]:
    """Those of the catalogue alone: of anybody's `timm:resnet10t`, depth is not all that differs."""
    return [name for name in of_family(styles, family, names) if ":" not in name]


def _distance(diagnosis: Diagnosis) -> float | None:
    """The distance at which the networks differ most, at the first moment; of equals the nearest to `_NEAR`."""
    found: dict[float, list[float]] = {}
    for moment in diagnosis.moments_of("gradient_correlation")[:1]:
        for network in diagnosis.networks:
            by_distance = diagnosis.values("gradient_correlation", network, moment, "distance")
            for distance, value in by_distance.items():
                found.setdefault(distance, []).append(value)

    def telling(distance: float) -> tuple[float, float]:
        return max(found[distance]) - min(found[distance]), -abs(distance - _NEAR)

    return max(found, key=telling, default=None)


def _correlation(
    diagnosis: Diagnosis, network: str, moment: str, distance: float | None
) -> float | None:
    return diagnosis.values("gradient_correlation", network, moment, "distance").get(distance)


def _signed(value: float, decimals: int) -> str:
    """With a minus where that is left after rounding."""
    return f"{value:z.{decimals}f}".replace("-", "\u2212")
