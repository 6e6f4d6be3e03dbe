"""Whether the accuracies of two networks of a comparison differ significantly."""

from atalho.ranking import Row
from atalho.statistics import Paired, paired

SIGNIFICANT = 0.05
"""Two accuracies differ significantly where the p of the paired test is below this."""


def side_by_side(one: Row, other: Row) -> Paired | None:
    """The paired test of two rows of a comparison, by the images that each classifies correctly.

    Returns None where these images are not recorded for both rows, or where a row has several seeds.
    """
    first, second = one.readings["top1"], other.readings["top1"]
    images = first.condition("images")
    if len(first.records) > 1 or len(second.records) > 1 or not isinstance(images, int):
        return None
    return paired(first.condition("right"), second.condition("right"), images)


def differ_significantly(one: Row, other: Row) -> bool:
    """Whether the top-1 accuracies of two rows of a comparison differ significantly.

    McNemar's exact test at 5 % decides where the images that each classifies correctly are recorded. Elsewhere they differ if
    their 95 % intervals are disjoint, and do not where one has no interval.
    """
    if pairs := side_by_side(one, other):
        return pairs.p < SIGNIFICANT
    first, second = one.readings["top1"].interval, other.readings["top1"].interval
    if first is None or second is None:
        return False
    return first[0] > second[1] or second[0] > first[1]
