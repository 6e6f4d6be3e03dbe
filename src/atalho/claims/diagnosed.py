"""How records of `atalho diagnose` decide claims about gradients and responses."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log10
from statistics import fmean

from atalho.claims.claim import Answer
from atalho.claims.evidence import HE_CIFAR, Records
from atalho.conditions import Owner, identified, owned
from atalho.record import Record

DISTANCE = 0.1
"""Between two points of the input: the one of those that are measured at which the gradients' correlation is compared."""
FLOW = ("gradient_ratio", "gradient_correlation", "shortcut_share")
PLAIN, RESIDUAL = ("plain20", "plain56"), ("resnet20", "resnet56", "resnet110")


def gradient_flow(records: Records) -> Answer | None:
    """Whether shortcuts keep the gradient more even and more correlated through depth, at initialisation.

    Of every plain and residual network of one depth that were shown the same, the residual one's ratio (the gradient at
    the first block's input over that at the last block's output) must be nearer to 1 on a logarithmic scale, and its
    correlation at a distance of 0.1 the greater; means over seeds. The deepest pair is given.
    """
    pairs = []
    for depth, by_network in _at_start(records):
        for plain, found in by_network.items():
            other = by_network.get(plain.replace("plain", "resnet", 1), {})
            if plain.startswith("plain") and all(
                q in each for q in FLOW for each in (found, other)
            ):
                pairs.append((depth, plain, found, other))
    if not pairs:
        return None
    depth, plain, found, other = max(pairs, key=lambda pair: pair[0])
    return Answer(
        f"first block over last: {found['gradient_ratio']:.3g} in {plain}, "
        f"{other['gradient_ratio']:.3g} with shortcuts",
        f"correlation at {DISTANCE}: {found['gradient_correlation']:.3f} against "
        f"{other['gradient_correlation']:.3f}; {100 * other['shortcut_share']:.0f} % of the gradient comes by the "
        f"shortcut; the deepest of {len(pairs)} pairs, at initialisation",
        all(
            abs(log10(with_shortcuts["gradient_ratio"])) < abs(log10(without["gradient_ratio"]))
            and with_shortcuts["gradient_correlation"] > without["gradient_correlation"]
            for _, _, without, with_shortcuts in pairs
        ),
    )


def _at_start(records: Records) -> list[tuple[int, Mapping[str, Mapping[str, float]]]]:
    """By what was shown: the depth, and for each network the means of `FLOW` at initialisation, over rows and seeds."""
    values: dict[str, dict[str, dict[str, list[float]]]] = {}
    depths = {}
    for each in records:
        given = each.conditions
        at = given.get("moment") == "0" and given.get("distance", DISTANCE) == DISTANCE
        if each.quantity in FLOW and at and isinstance(given.get("depth"), int):
            seen = repr([identified(owned(given, Owner.DATA)), given.get("recipe"), given["depth"]])
            depths[seen] = given["depth"]
            of_network = values.setdefault(seen, {}).setdefault(each.subject, {})
            of_network.setdefault(each.quantity, []).append(each.value)
    return [
        (depths[seen], {n: {q: fmean(v) for q, v in of.items()} for n, of in networks.items()})
        for seen, networks in values.items()
    ]


def responses(records: Records) -> Answer | None:
    """Whether the 3×3 layers of trained residual networks respond less than plain ones of their depth, deeper ones less.

    Of each network the mean over its 3×3 layers and seeds; resnet110 counts where it is there.
    """
    stds = defaultdict(list)
    for each in records:
        trained = {**HE_CIFAR, "moment": "end"}
        if (
            each.quantity == "response_std"
            and _has(each, trained)
            and each.provenance == "measured"
        ):
            kernels: Sequence[list[int]] = each.conditions["kernels"]
            of_3x3 = [s for s, k in zip(each.samples, kernels, strict=True) if k == [3, 3]]
            stds[each.subject].append(fmean(of_3x3))
    if not {*PLAIN, *RESIDUAL[:2]} <= {*stds}:
        return None
    mean = {name: fmean(stds[name]) for name in (*PLAIN, *RESIDUAL) if name in stds}
    pairs = [("resnet20", "plain20"), ("resnet56", "plain56")]
    deeper = [(b, a) for a, b in pairwise(name for name in RESIDUAL if name in mean)]
    return Answer(
        ", ".join(f"{name} {value:.3f}" for name, value in mean.items()),
        "mean standard deviation of the 3×3 layers' responses",
        all(mean[less] < mean[more] for less, more in (*pairs, *deeper)),
    )


def _has(record: Record, conditions: Mapping[str, object]) -> bool:
    return all(record.conditions.get(key) == value for key, value in conditions.items())
