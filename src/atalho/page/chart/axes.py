"""Where values stand on a chart: its size, its scales and their round ticks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import altair as alt

_SPREAD = 5  # from this ratio on, a linear axis would press the small values together
_ONE, _SOME, _MANY = (1,), (1, 2, 5), (1, 2, 3, 5, 7)
_DECADES = 8  # from here on, ticks skip some and are written as powers of ten
_PADDING = 0.08  # of the span, at either end


@dataclass(frozen=True)
class Layout:
    """The size of a chart in pixels.

    Attributes:
        columns: how many panels stand side by side at most.
        bubble: the area of the largest bubble.
    """

    width: int
    height: int
    columns: int
    bubble: int


WIDE = Layout(width=640, height=380, columns=3, bubble=1800)
NARROW = Layout(width=300, height=300, columns=1, bubble=900)


@dataclass(frozen=True)
class Axis:
    """A range of values on a linear or a logarithmic scale."""

    title: str
    low: float
    high: float
    log: bool
    given_ticks: tuple[float, ...] = ()

    @classmethod
    def over(
        cls,
        title: str,
        values: Sequence[float],
        *,
        ticks: Sequence[float] = (),
        log: bool = False,
    ) -> "Axis":
        """An axis on which all values stand; its ticks are round unless given.

        Args:
            log: makes it logarithmic where all values are above zero; without it, it is so only where they spread.
        """
        log = min(values) > 0 and (log or max(values) / min(values) >= _SPREAD)
        ends = [log10(v) if log else v for v in (min(values), max(values))]
        margin = _PADDING * (ends[1] - ends[0] or abs(ends[0]) or 1)
        low, high = (10**end if log else end for end in (ends[0] - margin, ends[1] + margin))
        return cls(title, low, high, log, tuple(ticks))

    @classmethod
    def from_zero(cls, title: str, values: Sequence[float], *, room: float = _PADDING) -> "Axis":
        """A linear axis with zero on it, on which lengths and straight lines are what they are; `room` of it is left at the end."""
        low, high = ((1 + room) * end(0, *values) for end in (min, max))
        return cls(title, low, high if low < high else 1, log=False)

    def share(self, value: float) -> float:
        """Where a value stands, from 0 at the low end to 1."""
        if self.log:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def at(self, share: float) -> float:
        """The value that stands there."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """The ticks given, or round values: a few of each decade, or steps of 1, 2 or 5."""
        if self.given_ticks:
            return list(self.given_ticks)
        if self.log:
            span = ceil(log10(self.high)) - floor(log10(self.low))
            decades = range(
                floor(log10(self.low)), ceil(log10(self.high)) + 1, 1 + span // _DECADES
            )
            digits = {2: _MANY, 3: _MANY, 4: _SOME}.get(len(decades), _ONE)
            values = [digit * 10.0**decade for decade in decades for digit in digits]
        else:
            step = next(s for s in round_steps(self.high - self.low) if self._count(s) <= 7)
            first = ceil(self.low / step)
            values = [(first + index) * step for index in range(self._count(step) + 1)]
        return [float(f"{v:.10g}") for v in values if self.low <= v <= self.high]

    def _count(self, step: float) -> int:
        return floor((self.high - self.low) / step)

    def x(self, field: str = "x") -> alt.X:
        return alt.X(f"{field}:Q", scale=self._scale(), axis=self._axis(), title=self.title)

    def y(self, field: str = "y", *, titled: bool = True) -> alt.Y:
        title = self.title if titled else None
        return alt.Y(f"{field}:Q", scale=self._scale(), axis=self._axis(), title=title)

    def _scale(self) -> alt.Scale:
        return alt.Scale(
            type="log" if self.log else "linear",
            domain=[self.low, self.high],
            nice=False,
        )

    def _axis(self) -> alt.Axis:
        wide = self.log and self.high / self.low > 10**_DECADES
        # The other formats keep only the digits that tell equal steps apart: 56 layers would be 60.
        whole = self.given_ticks and all(tick == int(tick) for tick in self.given_ticks)
        written = ",d" if whole else "~e" if wide else ",~r"
        return alt.Axis(values=self.ticks, format=written, labelOverlap=True)


def round_steps(span: float) -> list[float]:
    """1, 2 and 5 of the decade of `span` and of the one below it."""
    decade = floor(log10(span))
    return [digit * 10.0**power for power in range(decade - 1, decade + 1) for digit in (1, 2, 5)]
