"""A diagnosis → sentences on why depth works, one for each quantity that was measured, and the table of the numbers."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from statistics import mean, median
from typing import NamedTuple

from atalho.claims.diagnosed import DISTANCE
from atalho.page.chart.families import COMPARED, Style, of_family
from atalho.page.diagnosis import Diagnosis, when
from atalho.page.words.numbers import ratio, signed
from atalho.page.words.phrases import counted, listed, upper_first
from atalho.ranking import condition_text

FAR = 10.0
"""The gradient grows where it is this many times as large at the first row as at the last, and vanishes where it is 1 / FAR."""


class TableRow(NamedTuple):
    """A network at a moment; `cells` are its gradient ratio, slope, shortcut share and correlation, empty where not measured."""

    network: str
    moment: str
    cells: list[str]


def sentences(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> list[str]:
    """Returns what the gradients' norms and correlation, the shortcuts' shares and the lesions show."""
    return [
        *_ratios(diagnosis, styles),
        *_correlations(diagnosis, styles),
        *_shares(diagnosis, styles),
        *_lesions(diagnosis, styles),
    ]


def conditions(diagnosis: Diagnosis) -> str:
    """Returns what the networks were measured on, and which diagnoses are not shown."""
    shared = diagnosis.conditions
    parts = [f"Measured on {condition_text(shared.get('data'))}"]
    if "input" in shared:
        parts.append(f"images of {condition_text(shared['input'])}")
    if shared["recipe"] is not None:
        parts.append(f"recipe {condition_text(shared['recipe'])}")
    seeds = diagnosis.seeds
    parts.append(
        f"seed {seeds[0]} alone, so what another seed would change is not known"
        if len(seeds) == 1
        else f"seeds {listed(seeds)}"
    )
    sentence = f"{', '.join(parts)}."
    if diagnosis.others:
        sentence += f" Diagnosed too, and not shown with these: {listed(diagnosis.others)}."
    return sentence


def table(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> list[TableRow]:
    """Returns a row for each network and moment of which something was measured."""
    distance = _distance(diagnosis)
    rows = []
    for network in styles:
        for moment in diagnosis.moments:
            over = diagnosis.ratio(network, moment)
            slope = diagnosis.value("gradient_slope", network, moment)
            share = diagnosis.value("shortcut_share", network, moment)
            correlation = _correlation(diagnosis, network, moment, distance)
            cells = [
                "" if over is None else ratio(over),
                "" if slope is None else signed(slope, 3),
                "" if share is None else f"{100 * share:.0f}\u00a0%",
                "" if correlation is None else signed(correlation, 3),
            ]
            if any(cells):
                rows.append(TableRow(network, when(moment), cells))
    return rows


def distance(diagnosis: Diagnosis) -> str:
    """Returns the distance of the table's correlations; empty where there are none."""
    compared = _distance(diagnosis)
    return "" if compared is None else f"{compared:g}"


def gradient(diagnosis: Diagnosis, network: str) -> str:
    """Returns a network's gradient at its first and last row, at the first moment that has it; empty where none has."""
    for moment in diagnosis.moments:
        norms = diagnosis.gradient_norms(network, moment)
        if norms:
            (first, *_), (*_, last) = norms, norms
            return (
                f"{when(moment)} {ratio(norms[first])} nats per element at {first} "
                f"and {ratio(norms[last])} at {last}"
            )
    return ""


def _ratios(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Iterator[str]:
    moments = diagnosis.moments_of("gradient_ratio")
    if not moments:
        return
    first, last = moments[0], moments[-1]
    ratios = {n: value for n in styles if (value := diagnosis.ratio(n, first)) is not None}
    named = _named(list(ratios), styles)
    one, *further = named
    ends = diagnosis.of_quantity("gradient_ratio", one, first)[-1].conditions
    others = "".join(f"; in {name}, {ratio(ratios[name])} times" for name in further)
    yield (
        f"{upper_first(when(first))} the norm of the gradient at the first row of {one} ({ends['first']}) is "
        f"{ratio(ratios[one])} times that at its last map ({ends['last']}){others}."
    )
    yield from _verdicts({name: ratios[name] for name in named})
    later = {n: value for n in named if (value := diagnosis.ratio(n, last)) is not None}
    if last != first and later:
        stated = listed(f"{ratio(value)} in {name}" for name, value in later.items())
        yield f"{upper_first(when(last))} the ratio is {stated}."
        yield from _between(diagnosis, named, moments)


def _verdicts(ratios: Mapping[str, float]) -> Iterator[str]:
    """Where the gradient grows, where it vanishes, and where it keeps its size."""
    for names, verdict in (
        (
            [n for n, value in ratios.items() if value >= FAR],
            "it grows more than tenfold on its way back to the input: it does not vanish there",
        ),
        (
            [n for n, value in ratios.items() if value <= 1 / FAR],
            "less than a tenth of it is left at the input: there it vanishes",
        ),
        (
            [n for n, value in ratios.items() if 1 / FAR < value < FAR],
            "it keeps its size within a factor of ten",
        ),
    ):
        if names:
            yield f"In {listed(names)} {verdict}."


def _between(diagnosis: Diagnosis, named: Sequence[str], moments: Sequence[str]) -> Iterator[str]:
    """The ratios that are far from 1 at a moment between the first and the last, and at neither of these."""
    ends = {moments[0], moments[-1]}
    for verb, furthest, low, high in (("falls to", min, 0.0, 1 / FAR), ("rises to", max, FAR, inf)):
        extremes = []
        for name in named:
            far = {
                moment: value
                for moment in moments
                if (value := diagnosis.ratio(name, moment)) is not None and low <= value <= high
            }
            if far and not ends & {*far}:
                moment = furthest(far, key=far.__getitem__)
                extremes.append(f"{ratio(far[moment])} in {name} ({when(moment)})")
        if extremes:
            yield f"In between it {verb} {listed(extremes)}."


def _correlations(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Iterator[str]:
    distance = _distance(diagnosis)
    for moment in diagnosis.moments_of("gradient_correlation")[:1]:
        by_network = {
            name: value
            for name in styles
            if (value := _correlation(diagnosis, name, moment, distance)) is not None
        }
        stated = listed(
            f"{signed(by_network[name], 2)} in {name}" for name in _named(list(by_network), styles)
        )
        chosen = ", the distance at which the networks differ most" if len(by_network) > 1 else ""
        yield (
            f"Between points of the input {distance:g} apart (root mean square over its values){chosen}, "
            f"the gradients of a logit correlate by {stated} {when(moment)}."
        )
        if trends := [*_trends(by_network, styles)]:
            yield f"With depth the correlation {listed(trends)}."


def _trends(correlations: Mapping[str, float], styles: Mapping[str, Style]) -> Iterator[str]:
    """How the correlation goes from the shallowest to the deepest network of each family."""
    for family in COMPARED:
        names = _of_catalogue(styles, family, list(correlations))
        if len(names) > 1 and styles[names[0]].depth < styles[names[-1]].depth:
            shallow, deep = names[0], names[-1]
            first, last = (signed(correlations[name], 2) for name in (shallow, deep))
            verb = "falls" if correlations[deep] < correlations[shallow] else "rises"
            yield (
                f"{verb} from {first} in {shallow} to {last} in {deep}"
                if first != last
                else f"is {first} in both {shallow} and {deep}"
            )


def _shares(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Iterator[str]:
    for moment in diagnosis.moments_of("shortcut_share")[:1]:
        measured = [n for n in styles if diagnosis.of_quantity("shortcut_share", n, moment)]
        network = _named(measured, styles)[-1]
        shares = diagnosis.values("shortcut_share", network, moment, "row").values()
        yield (
            f"Of the gradient that reaches a residual block of {network} {when(moment)}, the shortcut carries "
            f"{100 * median(shares):.0f}\u00a0% (median of {counted(len(shares), 'block')}; "
            f"{100 * min(shares):.0f} to {100 * max(shares):.0f}\u00a0% in single blocks)."
        )


def _lesions(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Iterator[str]:
    moments = diagnosis.moments_of("lesion_top1")
    stated = {}
    for name in styles if moments else ():
        intact, lesioned = (
            diagnosis.of_quantity("lesion_top1", name, moments[-1], lesion=lesion, count=count)
            for lesion, count in (("none", 0), ("removed", 1))
        )
        if intact and lesioned:
            whole, one = (100 * mean(r.value for r in records) for records in (intact, lesioned))
            rows = {str(record.conditions["rows"]) for record in lesioned}
            stated[name] = (
                f"{one:.0f}\u00a0% in {name} instead of {whole:.0f}\u00a0% "
                f"(mean of {counted(len(rows), 'row')})"
            )
    if stated:
        accuracies = listed(stated[name] for name in _named(list(stated), styles))
        yield f"With one row taken out the test accuracy {when(moments[-1])} is {accuracies}."


def _named(names: Sequence[str], styles: Mapping[str, Style]) -> list[str]:
    """The networks that sentences name: the deepest plain and residual ones of equal depth, or else the deepest of each."""
    plain, residual = (_of_catalogue(styles, family, names) for family in COMPARED)
    pairs = [(p, r) for p in plain for r in residual if styles[p].depth == styles[r].depth]
    if pairs:
        return list(pairs[-1])
    return [family[-1] for family in (plain, residual) if family] or list(names[-1:])


def _of_catalogue(styles: Mapping[str, Style], family: str, names: Sequence[str]) -> list[str]:
    """The family's networks of the catalogue: others, `timm:resnet10t`, differ from them in more than depth."""
    return [name for name in of_family(styles, family, names) if ":" not in name]


def _distance(diagnosis: Diagnosis) -> float | None:
    """The distance at which the networks' correlations differ most, at the first moment; of equals the nearest to `DISTANCE`."""
    by_distance: dict[float, list[float]] = {}
    for moment in diagnosis.moments_of("gradient_correlation")[:1]:
        for network in diagnosis.networks:
            values = diagnosis.values("gradient_correlation", network, moment, "distance")
            for distance, value in values.items():
                by_distance.setdefault(distance, []).append(value)

    def spread(distance: float) -> tuple[float, float]:
        values = by_distance[distance]
        return max(values) - min(values), -abs(distance - DISTANCE)

    return max(by_distance, key=spread, default=None)


def _correlation(
    diagnosis: Diagnosis, network: str, moment: str, distance: float | None
) -> float | None:
    return diagnosis.values("gradient_correlation", network, moment, "distance").get(distance)
