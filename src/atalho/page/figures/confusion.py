"""The confusion matrix of a network; more than thirty classes are put into groups of those that are taken for each other."""

from collections.abc import Iterable

from atalho.page.chart.matrix import Cell, Matrix
from atalho.page.figures.figure import Figure, Words
from atalho.page.outcomes import Outcomes
from atalho.page.words.phrases import counted
from atalho.page.words.sureness import PART, of_images

MOST = 30
"""The most classes that have a row each."""


def figure(outcomes: Outcomes) -> Figure | None:
    """The figure of the confusion matrix; None for fewer than two classes."""
    if len(outcomes.classes) < 2:
        return None
    groups = alike(outcomes)
    grouped = len(groups) < len(outcomes.classes)
    names = _names(outcomes, groups)
    words = Words(
        title="What is taken for what",
        caption=(
            f"{of_images(outcomes)}: a row for each true class, a column for each predicted one. "
            "Grey is right, red is wrong; the darker, the greater the share of the true class."
        ),
        notes=(
            (
                f"The {len(outcomes.classes)} classes are in {counted(len(groups), 'group')} of classes that are taken for each "
                "other; a mistake within a group is on the diagonal."
            )
            if grouped
            else "",
        ),
        alternative=f"Matrix of {len(groups)} {'groups of classes' if grouped else 'classes'}.",
    )
    return Figure("confusion", words, Matrix(names, [*_cells(outcomes, groups)]), PART)


def _cells(outcomes: Outcomes, groups: list[list[int]]) -> Iterable[Cell]:
    """The cells in which there are images, of groups of classes."""
    place = {label: index for index, group in enumerate(groups) for label in group}
    counts: dict[tuple[int, int], int] = {}
    for (truth, predicted), count in outcomes.confusions.items():
        cell = place[truth], place[predicted]
        counts[cell] = counts.get(cell, 0) + count
    images = [0] * len(groups)
    for (truth, _), count in counts.items():
        images[truth] += count
    for (truth, predicted), count in sorted(counts.items()):
        yield Cell(truth, predicted, count, count / images[truth])


def alike(outcomes: Outcomes) -> list[list[int]]:
    """The classes, one a group; or groups of classes that are taken for each other, at most `MOST` (Ward 1963)."""
    classes = len(outcomes.classes)
    if classes <= MOST:
        return [[label] for label in range(classes)]
    import numpy as np
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage

    counts = np.zeros((classes, classes))
    for (truth, predicted), count in outcomes.confusions.items():
        counts[truth, predicted] = count
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    tree = linkage(shares + shares.T, "ward")
    group_of = fcluster(tree, MOST, "maxclust")
    groups: dict[int, list[int]] = {}
    for label in leaves_list(tree).tolist():
        groups.setdefault(int(group_of[label]), []).append(label)
    return [sorted(group) for group in groups.values()]


def _names(outcomes: Outcomes, groups: list[list[int]]) -> tuple[str, ...]:
    """A name for each group: that of its first class, and how many more are in it; made different where names repeat."""
    names: list[str] = []
    for group in groups:
        name = outcomes.classes[group[0]]
        if len(group) > 1:
            name = f"{name} + {len(group) - 1}"
        names.append(f"{name} ({group[0]})" if name in names else name)
    return tuple(names)
