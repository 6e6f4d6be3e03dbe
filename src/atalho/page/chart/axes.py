"""The sizes of charts, their axes and the round ticks on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

import altair as alt

Properties = dict[str, Any]
"""Of a scale, an axis or a legend: a dictionary, since altair copies each of the hundred fields of its own classes, set or not."""

_SPREAD = 5  # of the largest to the smallest; from here on a linear axis would press the small values together
_ONE, _SOME, _MANY = (1,), (1, 2, 5), (1, 2, 3, 5, 7)  # ticks of a decade
_DECADES = 8  # from here on, ticks skip some and are written as powers of ten
_APART = 2.4  # of a named tick to the one before it on a logarithmic axis
_PADDING = 0.08  # of the span, left free at either end


@dataclass(frozen=True)
class Layout:
    """The size of a chart, in pixels.

    Attributes:
        columns: the most panels that stand side by side.
        bubble: the area of the largest bubble, in square pixels.
    """

    width: int
    height: int
    columns: int
    bubble: int


WIDE = Layout(width=640, height=380, columns=3, bubble=1800)
NARROW = Layout(width=300, height=300, columns=1, bubble=900)


@dataclass(frozen=True)
class Axis:
    """A range of values on a linear or a logarithmic scale.

    Attributes:
        title: what is measured, with its unit in brackets.
        log: whether the scale is logarithmic.
        marked: the values that are marked; round ones where it is empty.
    """

    title: str
    low: float
    high: float
    log: bool
    marked: tuple[float, ...] = ()

    @classmethod
    def over(
        cls,
        title: str,
        values: Sequence[float],
        *,
        ticks: Sequence[float] = (),
        log: bool = False,
    ) -> "Axis":
        """Returns an axis that holds all values.

        Args:
            ticks: the values that are marked; round ones where it is empty.
            log: whether the scale is logarithmic wherever all values are above zero; without it, it is so only where
                the largest is at least five times the smallest.
        """
        log = min(values) > 0 and (log or max(values) / min(values) >= _SPREAD)
        ends = [log10(v) if log else v for v in (min(values), max(values))]
        margin = _PADDING * (ends[1] - ends[0] or abs(ends[0]) or 1)
        low, high = (10**end if log else end for end in (ends[0] - margin, ends[1] + margin))
        return cls(title, low, high, log, tuple(ticks))

    @classmethod
    def from_zero(cls, title: str, values: Sequence[float], *, room: float = _PADDING) -> "Axis":
        """Returns a linear axis that begins at zero, so that lengths are in proportion and straight lines are straight.

        Args:
            room: the share of the largest value that is left free at the end.
        """
        low, high = ((1 + room) * end(0, *values) for end in (min, max))
        return cls(title, low, high if low < high else 1, log=False)

    @classmethod
    def to_all(cls, title: str, least: float) -> "Axis":
        """Returns a linear axis of percentages from the least one that is drawn to 100, with room at both ends."""
        room = _PADDING * (100 - least)
        return cls(title, least - room, 100 + room, log=False)

    def share(self, value: float) -> float:
        """Returns where a value stands, from 0 at the low end to 1 at the high end."""
        if self.log:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def at(self, share: float) -> float:
        """Returns the value at a share of the axis, from 0 at the low end to 1 at the high end."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """The values that are marked: `marked`, or where it is empty round ones, a few of each decade or in steps of 1, 2 or 5."""
        if self.marked:
            return list(self.marked)
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
        """Returns the encoding of a field on this axis, from left to right."""
        return alt.X(f"{field}:Q", scale=self._scale(), axis=self._axis(), title=self.title)

    def y(self, field: str = "y", *, titled: bool = True) -> alt.Y:
        """Returns the encoding of a field on this axis, from bottom to top."""
        title = self.title if titled else None
        return alt.Y(f"{field}:Q", scale=self._scale(), axis=self._axis(), title=title)

    def small(self, channel: type[alt.X] | type[alt.Y], field: str) -> Any:
        """Returns the encoding of a field in a small panel: the axis with its first and last mark, and no title."""
        ends = [self.ticks[0], self.ticks[-1]]
        axis = {"values": ends, "format": "~s", "labelFontSize": 9, "grid": False}
        return channel(f"{field}:Q", scale=self._scale(), axis=axis, title=None)

    def _scale(self) -> Properties:
        kind = "log" if self.log else "linear"
        return {"type": kind, "domain": [self.low, self.high], "nice": False}

    def _axis(self) -> Properties:
        wide = self.log and self.high / self.low > 10**_DECADES
        # The other formats keep only the digits that tell evenly spaced ticks apart: they would write 56 layers as 60.
        whole = self.marked and all(tick == int(tick) for tick in self.marked)
        written = ",d" if whole else "~e" if wide else ",~r"
        return {"values": self.ticks, "format": written, "labelOverlap": True}


def round_steps(span: float) -> list[float]:
    """Returns 1, 2 and 5 times the power of ten at or below `span`, and times the one below that, in order."""
    decade = floor(log10(span))
    return [digit * 10.0**power for power in range(decade - 1, decade + 1) for digit in (1, 2, 5)]


def whole_numbers(title: str, values: Sequence[float]) -> Axis:
    """Returns a linear axis over whole numbers, at most seven of them marked, evenly apart."""
    low, high = min(values), max(values)
    step = max(1, ceil((high - low) / 6))
    ticks = range(int(low), int(high) + 1, step)
    return Axis(title, low - 0.5, high + 0.5, log=False, marked=tuple(map(float, ticks)))


def apart(values: Sequence[float]) -> list[float]:
    """Returns those of the ascending values that a logarithmic axis has room to name side by side."""
    shown = [values[0]]
    for value in values[1:]:
        if value >= _APART * shown[-1]:
            shown.append(value)
    return shown
