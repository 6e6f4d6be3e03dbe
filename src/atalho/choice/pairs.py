"""How the accuracies of two networks of a comparison differ, with a confidence interval, and whether significantly."""

from atalho.ranking import Row
from atalho.statistics import Z95, Difference, Paired, apart, paired
from atalho.statistics import difference as of_pairs

SIGNIFICANT = 0.05
"""Two accuracies differ significantly where the p value is below this."""


def side_by_side(one: Row, other: Row) -> list[Paired]:
    """The paired tests of two rows of a comparison, by the images that each classifies correctly, one for each seed.

    It is empty where these images are not recorded for both rows, or where the rows are not of the same seeds.
    """
    first, second = one.readings["top1"], other.readings["top1"]
    images = first.condition("images")
    by_seed = {record.conditions.get("seed"): record for record in second.records}
    if not isinstance(images, int) or len(first.records) != len(by_seed):
        return []
    pairs = [
        paired(record.conditions.get("right"), by_seed[seed].conditions.get("right"), images)
        for record in first.records
        if (seed := record.conditions.get("seed")) in by_seed
    ]
    known = [each for each in pairs if each]
    return known if len(known) == len(by_seed) else []


def difference(one: Row, other: Row, z: float = Z95) -> Difference | None:
    """How much more accurate `one` is than `other`, with a confidence interval; None where one of them has no interval.

    It is paired where the images that each classifies correctly are recorded; elsewhere it is of the two intervals of 95 %,
    widened to the quantile `z`.
    """
    first, second = one.readings["top1"], other.readings["top1"]
    if pairs := side_by_side(one, other):
        return of_pairs(pairs, first.condition("images"), z)
    if first.interval is None or second.interval is None:
        return None
    unpaired = apart((first.value, first.interval), (second.value, second.interval))
    low, high = (unpaired.value + (end - unpaired.value) * z / Z95 for end in unpaired.interval)
    return Difference(unpaired.value, (low, high))


def p_value(one: Row, other: Row) -> float:
    """The two-sided p value of the hypothesis that two rows are equally accurate; 1 where nothing is known of it.

    It is that of McNemar's exact test for one seed whose images are recorded, and elsewhere that of the normal distribution.
    """
    pairs = side_by_side(one, other)
    if len(pairs) == 1:
        return pairs[0].p
    between = difference(one, other)
    return between.p() if between else 1.0


def differ_significantly(one: Row, other: Row) -> bool:
    """Whether the top-1 accuracies of two rows of a comparison differ significantly."""
    return p_value(one, other) < SIGNIFICANT


def less_accurate(one: Row, other: Row) -> bool:
    """Whether `one` is significantly less accurate than `other`."""
    below = one.readings["top1"].value < other.readings["top1"].value
    return below and differ_significantly(one, other)
