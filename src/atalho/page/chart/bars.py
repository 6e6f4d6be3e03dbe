"""Networks as horizontal bars with error bars, as Canziani et al. 2016 show accuracies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import altair as alt

from atalho.page.chart.axes import Axis, Layout
from atalho.page.chart.style import INK, Spec, character_width, colour, inline, styled, tooltips

STEP = 26
"""Pixels from one bar to the next."""

_MOST_NAMES = 0.5  # of a chart's width, for the names beside the bars
_PADDING = 12  # pixels beside the names
_FONT, _LEAST_FONT = 12, 9  # pixels; what is too long in the smallest is cut


@dataclass(frozen=True)
class Bar:
    """A network's bar.

    Attributes:
        colour: `#rrggbb`.
        low, high: the ends of its error bar, in the axis' unit; equal ones draw none.
        written: its length in figures.
        hollow: whether the number is cited.
        details: what a tooltip says: label and text.
    """

    network: str
    colour: str
    length: float
    low: float
    high: float
    written: str
    hollow: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BarChart:
    """Bars from zero, from top to bottom, each with its length in figures."""

    bars: tuple[Bar, ...]
    x: Axis

    def draw(self, layout: Layout) -> Spec:
        """Returns the chart's specification at the size of the layout."""
        rows = [
            {
                "network": bar.network,
                "zero": 0,
                "x": bar.length,
                "low": bar.low,
                "high": bar.high,
                "written": bar.written,
                "hollow": bar.hollow,
                **bar.details,
            }
            for bar in self.bars
        ]
        order = [bar.network for bar in self.bars]
        base = alt.Chart(inline(rows)).encode(y=networks(order, layout))
        lengths = base.encode(
            x=self.x.x(),
            x2=alt.X2("zero:Q"),
            color=colour({bar.network: bar.colour for bar in self.bars}),
            tooltip=tooltips(bar.details for bar in self.bars),
        )
        height = STEP * 0.6
        return styled(
            alt.layer(
                lengths.transform_filter("!datum.hollow").mark_bar(height=height, opacity=0.9),
                lengths.transform_filter("datum.hollow").mark_bar(
                    filled=False, height=height, strokeWidth=2
                ),
                base.transform_filter("datum.low < datum.high")
                .mark_rule(color=INK, strokeWidth=1.5)
                .encode(x=self.x.x("low"), x2=alt.X2("high:Q")),
                base.mark_text(align="left", dx=6).encode(
                    x=self.x.x("high"), text=alt.Text("written:N")
                ),
                width=layout.width - names_width(order, layout),
                height=STEP * len(self.bars),
            )
        )


def names_width(names: Sequence[str], layout: Layout) -> int:
    """Returns the pixels of a chart's width that the names beside its bars take."""
    longest = max(map(len, names)) * character_width(_font(names, layout)) + _PADDING
    return int(min(longest, _MOST_NAMES * layout.width))


def networks(order: Sequence[str], layout: Layout) -> alt.Y:
    """Returns the encoding of networks from top to bottom, their names beside them."""
    axis = alt.Axis(
        domain=False,
        ticks=False,
        labelPadding=6,
        labelLimit=names_width(order, layout) - 6,
        labelFontSize=_font(order, layout),
    )
    return alt.Y("network:N", sort=[*order], title=None, axis=axis)


def _font(names: Sequence[str], layout: Layout) -> int:
    """The pixels of the type in which the longest name fits."""
    room = _MOST_NAMES * layout.width - _PADDING
    longest = max(map(len, names))
    sizes = (
        size for size in range(_FONT, _LEAST_FONT, -1) if longest * character_width(size) <= room
    )
    return next(sizes, _LEAST_FONT)
