"""Networks as horizontal bars that are made of parts."""

from collections.abc import Mapping
from dataclasses import dataclass

import altair as alt

from atalho.page.chart.axes import Axis, Layout
from atalho.page.chart.bars import STEP, names_width, networks
from atalho.page.chart.style import Spec, inline, styled

COLOURS = ("#4c78a8", "#7fb2d9", "#e0862f")
"""Of the parts, in their order: told apart on a light and on a dark page."""


@dataclass(frozen=True)
class Stack:
    """A network's bar.

    Attributes:
        parts: lengths by the words of each part, in order.
        written: what stands at its end.
    """

    network: str
    parts: Mapping[str, float]
    written: str


@dataclass(frozen=True)
class StackedChart:
    """Bars from zero, from top to bottom, each of the same parts."""

    stacks: tuple[Stack, ...]
    x: Axis

    def draw(self, layout: Layout) -> Spec:
        """Returns the chart's specification at the size of the layout."""
        names = [*self.stacks[0].parts]
        rows = []
        for stack in self.stacks:
            begin = 0.0
            for part, length in stack.parts.items():
                rows.append(
                    {
                        "network": stack.network,
                        "part": part,
                        "begin": begin,
                        "end": begin + length,
                        "length": length,
                        "written": stack.written if part == names[-1] else "",
                    }
                )
                begin += length
        order = [stack.network for stack in self.stacks]
        base = alt.Chart(inline(rows)).encode(y=networks(order, layout))
        colour = alt.Color(
            "part:N",
            scale=alt.Scale(domain=names, range=[*COLOURS]),
            legend=alt.Legend(title=None, orient="bottom", columns=1 if layout.columns == 1 else 3),
        )
        bars = base.mark_bar(height=STEP * 0.6).encode(
            x=self.x.x("begin"),
            x2=alt.X2("end:Q"),
            color=colour,
            tooltip=[
                alt.Tooltip("network:N", title="Network"),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("length:Q", title=self.x.title, format=",.3~r"),
            ],
        )
        ends = base.mark_text(align="left", dx=6).encode(
            x=self.x.x("end"), text=alt.Text("written:N")
        )
        return styled(
            alt.layer(
                bars,
                ends,
                width=layout.width - names_width(order, layout),
                height=STEP * len(self.stacks),
            )
        )
