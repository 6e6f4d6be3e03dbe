"""Plain against residual networks by their training accuracy (He et al. 2015, Fig. 6)."""

from collections.abc import Mapping, Sequence

from atalho.page.chart.families import COMPARED, Style, of_family
from atalho.page.curves import Curve, alike, final
from atalho.page.words.numbers import text
from atalho.page.words.phrases import listed

ALIKE = 0.005
"""Training accuracies less than half a point apart are not called different: one seed is not enough for that."""


def sentences(curves: Sequence[Curve], styles: Mapping[str, Style]) -> list[str]:
    """Returns what depth does to the training accuracy at the end, in plain and in residual networks."""
    ended = [c for c in curves if "train_top1" in c.points and styles[c.network].family in COMPARED]
    ends = final(alike(ended), "train_top1")
    plain, residual = (of_family(styles, family, list(ends)) for family in COMPARED)
    outcomes = []
    gains = []
    for family, names in zip(COMPARED, (plain, residual), strict=True):
        if names and styles[names[0]].depth < styles[names[-1]].depth:
            gains.append(ends[names[-1]] - ends[names[0]])
            outcomes.append(_by_depth(family, names, ends))
    pairs = [(p, r) for p in plain for r in residual if styles[p].depth == styles[r].depth]
    for p, r in pairs[-1:]:
        outcomes.append(
            f"At depth {styles[p].depth}, {r} ended at {text('top1', ends[r])} training accuracy, "
            f"{p} at {text('top1', ends[p])}."
        )
    if len(gains) == 2:
        outcomes.append(_verdict(*gains))
    left = sorted({curve.network for curve in ended} - set(ends))
    if outcomes and left:
        outcomes.append(
            "Trained on other data, by another recipe or for other epochs, and left out here: "
            f"{listed(left)}."
        )
    return outcomes


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
