"""How records of `atalho diagnose` decide claims about gradients and responses."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log10
from statistics import fmean

from atalho.claims.claim import Result
from atalho.claims.evidence import HE_CIFAR, Records
from atalho.conditions import Owner, identified, owned
from atalho.record import Record

DISTANCE = 0.1
"""The distance between two images, in standard deviations of a pixel, at which the gradients' correlations are compared."""
FLOW = ("gradient_ratio", "gradient_correlation", "shortcut_share")
PLAIN, RESIDUAL = ("plain20", "plain56"), ("resnet20", "resnet56", "resnet110")


def gradient_flow(records: Records) -> Result | None:
    """Whether shortcuts keep the gradient more even and more correlated through depth, at initialisation.

    Plain and residual networks of one depth that were measured on the same data are compared in pairs, by means over seeds.
    In every pair the residual network's ratio (the gradient's whole norm at the first row over that at the last map, which the
    page shows too) must be nearer to 1 on a logarithmic scale, and its correlation at a distance of 0.1 must be the greater. The note shows
    the deepest pair.
    """
    counted = [each for each in records if _counts(each)]
    pairs = []
    for depth, by_network in _at_start(counted):
        for plain, means in by_network.items():
            residual = by_network.get(plain.replace("plain", "resnet", 1), {})
            if plain.startswith("plain") and all(
                q in each for q in FLOW for each in (means, residual)
            ):
                pairs.append((depth, plain, means, residual))
    if not pairs:
        return None
    depth, plain, means, residual = max(pairs, key=lambda pair: pair[0])
    return Result(
        f"first row over last map: {_three(means['gradient_ratio'])} × in {plain}, "
        f"{_three(residual['gradient_ratio'])} × with shortcuts",
        f"correlation at {DISTANCE}: {means['gradient_correlation']:.3f} against "
        f"{residual['gradient_correlation']:.3f}; {100 * residual['shortcut_share']:.0f} % of the gradient comes by the "
        f"shortcut; the deepest of {len(pairs)} pairs, at initialisation",
        all(
            abs(log10(with_shortcuts["gradient_ratio"])) < abs(log10(without["gradient_ratio"]))
            and with_shortcuts["gradient_correlation"] > without["gradient_correlation"]
            for _, _, without, with_shortcuts in pairs
        ),
        counted,
    )


def _three(number: float) -> str:
    """Three significant digits, thousands apart: `7,550`."""
    return f"{float(f'{number:.3g}'):,g}"


def _counts(record: Record) -> bool:
    """Whether a record is of a quantity in `FLOW` at initialisation."""
    conditions = record.conditions
    return (
        record.quantity in FLOW
        and conditions.get("moment") == "0"
        and conditions.get("distance", DISTANCE) == DISTANCE
        and isinstance(conditions.get("depth"), int)
    )


def _at_start(records: Records) -> list[tuple[int, Mapping[str, Mapping[str, float]]]]:
    """For each depth, data and recipe of records that count: the depth, and by network the means of the `FLOW` quantities, over
    rows and seeds."""
    values: dict[str, dict[str, dict[str, list[float]]]] = {}
    depths = {}
    for each in records:
        conditions = each.conditions
        seen = identified(owned(conditions, Owner.DATA))
        group = repr([seen, conditions.get("recipe"), conditions["depth"]])
        depths[group] = conditions["depth"]
        of_network = values.setdefault(group, {}).setdefault(each.subject, {})
        of_network.setdefault(each.quantity, []).append(float(conditions.get("raw", each.value)))
    return [
        (depths[group], {n: {q: fmean(v) for q, v in of.items()} for n, of in networks.items()})
        for group, networks in values.items()
    ]


def responses(records: Records, trained: Mapping[str, object] = HE_CIFAR) -> Result | None:
    """Whether responses in trained residual networks are smaller than in plain ones of the same depth, and smaller the deeper.

    A network's response is the mean standard deviation over its 3×3 layers and seeds. resnet110 takes part where it has
    records.
    """
    counted = [
        each
        for each in records
        if each.quantity == "response_std" and each.provenance == "measured" and _has(each, trained)
    ]
    stds = defaultdict(list)
    for each in counted:
        kernels: Sequence[list[int]] = each.conditions["kernels"]
        of_3x3 = [s for s, k in zip(each.samples, kernels, strict=True) if k == [3, 3]]
        stds[each.subject].append(fmean(of_3x3))
    if not {*PLAIN, *RESIDUAL[:2]} <= {*stds}:
        return None
    mean = {name: fmean(stds[name]) for name in (*PLAIN, *RESIDUAL) if name in stds}
    pairs = [("resnet20", "plain20"), ("resnet56", "plain56")]
    deeper = [(b, a) for a, b in pairwise(name for name in RESIDUAL if name in mean)]
    return Result(
        ", ".join(f"{name} {value:.3f}" for name, value in mean.items()),
        "mean standard deviation of the 3×3 layers' responses",
        all(mean[less] < mean[more] for less, more in (*pairs, *deeper)),
        counted,
    )


def _has(record: Record, conditions: Mapping[str, object]) -> bool:
    return all(record.conditions.get(key) == value for key, value in conditions.items())
