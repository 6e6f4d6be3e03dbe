"""Two rows of a comparison → whether their accuracies are told apart."""

from atalho.ranking import Row
from atalho.statistics import Paired, paired

SIGNIFICANT = 0.05
"""A paired test's p below this tells two accuracies apart."""


def side_by_side(one: Row, other: Row) -> Paired | None:
    """Two rows of a comparison by the images that each gets right; None where they are not known for both, or where a row has several seeds."""
    first, second = one.readings["top1"], other.readings["top1"]
    images = first.condition("images")
    if len(first.records) > 1 or len(second.records) > 1 or not isinstance(images, int):
        return None
    return paired(first.condition("right"), second.condition("right"), images)


def told_apart(one: Row, other: Row) -> bool:
    """Whether the top-1 accuracies of two rows of a comparison differ by more than chance.

    By McNemar's exact test at 5 % where it is known which images each gets right; else by whether their 95 % intervals are
    disjoint, and never without an interval of both.
    """
    if pairs := side_by_side(one, other):
        return pairs.p < SIGNIFICANT
    first, second = one.readings["top1"].interval, other.readings["top1"].interval
    if first is None or second is None:
        return False
    return first[0] > second[1] or second[0] > first[1]
