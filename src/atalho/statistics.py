"""Confidence intervals of fractions, and how two networks differ on the same images: McNemar's test, paired intervals."""

from base64 import b64decode
from binascii import Error
from collections.abc import Sequence
from functools import lru_cache
from math import exp, hypot, inf, lgamma, log, log1p, sqrt
from statistics import NormalDist, fmean, linear_regression, stdev
from typing import NamedTuple

Z95 = 1.959963984540054  # 97.5 % of a standard normal distribution lie below it

T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""97.5 % of Student's distribution lie below it, from one degree of freedom on; beyond these the last."""


def quantile(comparisons: int) -> float:
    """The z of 95 % intervals that hold together, of as many comparisons as there are (Bonferroni); at least one."""
    return NormalDist().inv_cdf(1 - 0.025 / max(1, comparisons))


def wilson(fraction: float, count: int, z: float = Z95) -> tuple[float, float]:
    """The confidence interval of a fraction observed in `count` independent cases (Wilson 1927), of 95 % unless `z` is another quantile."""
    centre = fraction + z**2 / (2 * count)
    spread = z * sqrt(fraction * (1 - fraction) / count + z**2 / (4 * count**2))
    scale = 1 + z**2 / count
    # At 0 and 1 the bound equals the fraction; rounding must not move it.
    return min(fraction, max(0.0, (centre - spread) / scale)), max(
        fraction, min(1.0, (centre + spread) / scale)
    )


class Paired(NamedTuple):
    """McNemar's test of two networks on the same images.

    Attributes:
        first, second: how many images only the first, and only the second network classifies correctly.
        p: the two-sided p value of McNemar's exact test.
    """

    first: int
    second: int
    p: float

    @property
    def differ(self) -> int:
        """How many images only one of the two networks classifies correctly."""
        return self.first + self.second


def paired(first: object, second: object, images: int) -> Paired | None:
    """McNemar's test from two conditions `right`: bits in base64, one for each of `images` images.

    Returns None where one of them is not valid, as it may be in a record of another program.
    """
    if not isinstance(first, str) or not isinstance(second, str):
        return None
    return _paired(first, second, images)


@lru_cache(maxsize=10_000)
def _paired(first: str, second: str, images: int) -> Paired | None:
    one, other = _bits(first, images), _bits(second, images)
    if one is None or other is None:
        return None
    only_one, only_other = (one & ~other).bit_count(), (other & ~one).bit_count()
    return Paired(only_one, only_other, mcnemar(only_one, only_other))


def mcnemar(first: int, second: int) -> float:
    """The two-sided p value of McNemar's exact test.

    Args:
        first, second: the discordant pairs of either kind; under the null hypothesis `first` is binomial with probability 1/2.
    """
    pairs = first + second
    tail = combinations = 1  # binomial(pairs, 0)
    for k in range(min(first, second)):
        combinations = combinations * (pairs - k) // (k + 1)
        tail += combinations
    return min(1.0, 2 * tail / (1 << pairs))


class Difference(NamedTuple):
    """How much more accurate one network is than another, as a fraction: above 0 where the first is more accurate.

    Attributes:
        interval: of the true difference, at the level that was called for.
    """

    value: float
    interval: tuple[float, float]

    def p(self, z: float = Z95) -> float:
        """The two-sided p value of no difference by the normal distribution, where the interval is of the quantile `z`."""
        low, high = self.interval
        spread = (high - low) / 2 / z
        return 2 * NormalDist().cdf(-abs(self.value) / spread) if spread else float(not self.value)


def difference(trainings: Sequence[Paired], images: int, z: float = Z95) -> Difference:
    """The difference of two paired fractions, as the mean over several trainings of both networks, or over one.

    The interval over images is Wald's with a case more of either kind (Bonett and Price 2012), of rates that are means over
    the trainings: all classify the same images. Where there are several, the spread over trainings by Student's t is added
    in squares.

    Args:
        trainings: at least one, each on the same number of images.
        z: the quantile of the interval's level.
    """
    values = [(pairs.first - pairs.second) / images for pairs in trainings]
    value = fmean(values)
    one, other = (
        (fmean(each) + 1) / (images + 2)
        for each in zip(*((p.first, p.second) for p in trainings), strict=True)
    )
    spread = z * sqrt((one + other - (one - other) ** 2) / (images + 2))
    low, high = max(-1.0, one - other - spread), min(1.0, one - other + spread)
    if len(values) > 1:
        t = T95[min(len(values) - 1, len(T95)) - 1] * z / Z95
        between = t * stdev(values) / sqrt(len(values))
        low, high = value - hypot(value - low, between), value + hypot(high - value, between)
    return Difference(value, (low, high))


def apart(
    first: tuple[float, tuple[float, float]], second: tuple[float, tuple[float, float]]
) -> Difference:
    """The difference of two fractions, each with its interval, seen on images that are not known to be the same (Newcombe 1998)."""
    (one, (one_low, one_high)), (other, (other_low, other_high)) = first, second
    value = one - other
    low = value - hypot(one - one_low, other_high - other)
    return Difference(value, (low, value + hypot(one_high - one, other - other_low)))


def predictive_r2(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The share of the variance of `ys` that a straight line explains of points that it was not fitted to (Allen 1974).

    Each point in turn is left out, and predicted by the line, and by the mean, of the others. It is below 0 where the line
    predicts worse than the mean, and minus infinity where nothing varies.

    Args:
        xs, ys: at least three points.
    """
    by_line = by_mean = 0.0
    for place, (x, y) in enumerate(zip(xs, ys, strict=True)):
        other_xs, other_ys = ([*each[:place], *each[place + 1 :]] for each in (xs, ys))
        middle = fmean(other_ys)
        predicted = middle
        if len(set(other_xs)) > 1:
            slope, intercept = linear_regression(other_xs, other_ys)
            predicted = slope * x + intercept
        by_line += (y - predicted) ** 2
        by_mean += (y - middle) ** 2
    return 1 - by_line / by_mean if by_mean else -inf


def images_to_tell(found: Difference, images: int, margin: float) -> float:
    """How many images, at the same rates, an interval needs that lies on one side of minus the margin; infinity where none would."""
    low, high = found.interval
    distance = abs(found.value + margin)
    return images * ((high - low) / 2 / distance) ** 2 if distance else inf


def most_lost(lost: int, images: int, level: float = 0.05) -> float:
    """The exact upper bound of a fraction that was seen `lost` times in `images`, of 95 % (Clopper and Pearson 1934).

    Of images that one network gets right and another, in its place, wrong, it bounds the accuracy that the other loses.
    Without one in 299 it is just below 0.01.

    Args:
        level: the probability that the bound does not hold, 0.05 for 95 %.
    """
    if lost >= images:
        return 1.0
    low, high = lost / images, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(lost, images, middle) > level else (low, middle)
    return high


def fewest_images(loss: float, lost: int = 0) -> int:
    """The fewest images of which `lost` may be lost so that `most_lost` does not exceed a loss in (0, 1)."""
    low, high = lost, lost + 1  # `high` suffices in the end, `low` does not
    while most_lost(lost, high) > loss:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if most_lost(lost, middle) <= loss else (middle, high)
    return high


def _at_most(most: int, count: int, chance: float) -> float:
    """The probability of at most `most` of `count` cases, each of a chance in (0, 1)."""
    ways = lgamma(count + 1)
    return sum(
        exp(
            ways
            - lgamma(k + 1)
            - lgamma(count - k + 1)
            + k * log(chance)
            + (count - k) * log1p(-chance)
        )
        for k in range(most + 1)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values of several tests, each corrected for the others (Holm 1979), in their order."""
    corrected = [1.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = least
    return corrected


def _bits(right: str, images: int) -> int | None:
    """The packed bools of a condition `right` as the bits of an integer; padding bits of the last byte are zeros."""
    try:
        packed = b64decode(right, validate=True)
    except (Error, ValueError):
        return None
    return int.from_bytes(packed) if 0 <= 8 * len(packed) - images < 8 else None


def with_twice_as_many(points: Sequence[tuple[float, float]]) -> float | None:
    """The accuracy to expect of twice as many images as the last point's, if the error falls as a power of their number.

    None where that cannot be told: of fewer than three points, or where one is without error.

    Args:
        points: numbers of images with the accuracy of a fit on so many, in growing order.
    """
    if len(points) < 3 or any(accuracy >= 1 for _, accuracy in points):
        return None
    counts, errors = zip(
        *((log(count), log(1 - accuracy)) for count, accuracy in points), strict=True
    )
    slope = min(0.0, linear_regression(counts, errors).slope)
    return 1 - exp(errors[-1] + slope * log(2))
