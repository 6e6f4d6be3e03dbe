"""Lines fitted to the networks of a figure, and whether the claims of Canziani et al. 2016 hold for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean, linear_regression, pstdev

from atalho.claims.evidence import LEAST_R2, MOST_SPREAD
from atalho.page.words.numbers import text, three
from atalho.statistics import predictive_r2

LEAST = 4
"""The fewest points to which a line is fitted, since few points lie near a line by chance."""

PARAMETER_BYTES = 4

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Fit:
    """A straight line by least squares.

    Attributes:
        r2: the share of y's variance that the line explains of points that it was not fitted to, each being left out in turn;
            minus infinity where y does not vary.
        n: the number of points.
    """

    slope: float
    intercept: float
    r2: float
    n: int

    @property
    def quality(self) -> str:
        if not isfinite(self.r2):
            return f"no variation, n\u00a0=\u00a0{self.n}"
        return f"R²\u00a0{self.r2:.2f} of networks left out, n\u00a0=\u00a0{self.n}"

    def at(self, x: float) -> float:
        return self.slope * x + self.intercept


def line(points: Points) -> Fit | None:
    """Returns the fit of y on x; None for fewer than `LEAST` points, or where all have the same x."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if len(points) < LEAST or len(set(xs)) == 1:
        return None
    slope, intercept = linear_regression(xs, ys)
    return Fit(slope, intercept, predictive_r2(xs, ys), len(points))


def time(points: Points) -> str:
    """Returns whether operations predict time (Canziani et al. 2016, Fig. 7); empty where no line can be fitted.

    Args:
        points: multiply-accumulates for one image, and seconds per image.
    """
    if (fit := line(points)) is None:
        return ""
    rate = three(1e3 * 1e9 * fit.slope)
    return (
        f"That operations predict time {_verdict(_rises(fit))}: {rate}\u00a0ms a billion "
        f"multiply-accumulates ({fit.quality})."
    )


def memory(points: Points) -> str:
    """Returns whether memory is linear in the parameters (Canziani et al. 2016, Fig. 6); empty where no line can be fitted.

    Args:
        points: parameters, and bytes of memory.
    """
    if (fit := line(points)) is None:
        return ""
    sign = "−" if fit.intercept < 0 else ""
    return (
        f"That memory is linear in the parameters {_verdict(_rises(fit))}: "
        f"{fit.slope / PARAMETER_BYTES:.2f} bytes for each byte of parameters ({PARAMETER_BYTES} a parameter) on top of "
        f"{sign}{text('peak_memory', abs(fit.intercept))} ({fit.quality}); the paper has 1.30, on top of 200\u00a0MB or more."
    )


def power(points: Points) -> str:
    """Returns whether all architectures draw the same power (Canziani et al. 2016, Fig. 8); empty for too few networks.

    Args:
        points: multiply-accumulates for one image, and watts.
    """
    points = [(x, y) for x, y in points if y > 0]  # below the machine at rest is no power
    if (fit := line(points)) is None:
        return ""
    watts = [y for _, y in points]
    spread = pstdev(watts) / fmean(watts)
    return (
        f"That power is independent of the architecture {_verdict(spread <= MOST_SPREAD)}: its standard deviation is "
        f"{100 * spread:.1f}\u00a0% of its mean (the claim holds up to {100 * MOST_SPREAD:.0f}\u00a0%; a line against "
        f"operations has {fit.quality})."
    )


def bound(front: Points) -> str:
    """Returns how accuracy falls with throughput along the Pareto front; empty where no line fits.

    Whether that is the hyperbola of Canziani et al. 2016, Fig. 9, is not said: a front falls by its definition, and its corners
    lie near one line or another whatever the networks are.

    Args:
        front: as images per second and accuracy as a fraction.
    """
    if (fit := line(front)) is None:
        return ""
    return (
        f"Along the front of {fit.n} networks, accuracy falls by {three(-100 * fit.slope)} points for each image per second; a front "
        "falls by its definition, so that this decides nothing about the paper’s hyperbola."
    )


def _rises(fit: Fit) -> bool:
    return fit.r2 >= LEAST_R2 and fit.slope > 0


def _verdict(holds: bool) -> str:
    return f"{'holds' if holds else 'does not hold'} on this machine"
