"""Networks as lines, in panels side by side on the same axes."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from atalho.page.chart import multiples
from atalho.page.chart.axes import Axis, Layout, Properties
from atalho.page.chart.style import (
    PANEL_HEIGHT,
    Spec,
    character_width,
    colour,
    columns,
    inline,
    panel_width,
    styled,
)

_LEGEND_FONT, _LEGEND_GAP = (
    12,
    36,
)  # pixels; the second of a legend's symbol and the gap behind a name


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        network: what the legend calls it; lines of one name are brought out together.
        colour: `#rrggbb`.
        points: (x, y) in the axes' units.
        part: what of the network it shows, for tooltips.
        panel: the title of the panel that it stands in.
        places: its points' names, for tooltips; one for each point, or none.
        moment: the position of the page's slider at which it is shown; None for a line that is shown at every one.
    """

    network: str
    colour: str
    points: tuple[tuple[float, float], ...]
    part: str
    panel: str = ""
    dashed: bool = False
    places: tuple[str, ...] = ()
    moment: int | None = None


@dataclass(frozen=True)
class LineChart:
    """Lines in panels, which stand in the order of their first lines; each has a legend of its own.

    Where a panel would have more networks than colours can tell apart, each network has a small panel instead.

    Lines that have a moment are shown at the first moment of all, and at another where the specification's parameter
    `moment` is set to it.

    Attributes:
        marked: the layouts in which each point has a mark on its line.
    """

    lines: tuple[Line, ...]
    x: Axis
    y: Axis
    marked: tuple[Layout, ...] = ()

    @property
    def panels(self) -> dict[str, list[Line]]:
        """The lines by the title of their panel."""
        panels: dict[str, list[Line]] = {}
        for line in self.lines:
            panels.setdefault(line.panel, []).append(line)
        return panels

    def draw(self, layout: Layout) -> Spec:
        """Returns the chart's specification at the size of the layout."""
        if any(len(_networks(lines)) > multiples.MOST_IN_A_PANEL for lines in self.panels.values()):
            chart = self._multiples(layout)
        else:
            chart = self._side_by_side(layout)
        moments = [line.moment for line in self.lines if line.moment is not None]
        if moments:
            chart = chart.add_params(alt.param(name="moment", value=min(moments)))
        return styled(chart)

    def _side_by_side(self, layout: Layout) -> alt.ConcatChart:
        """The panels, as many beside each other as the layout has columns."""
        side_by_side = columns(len(self.panels), layout)
        charts = [
            self._panel(index, title, layout, titled=index % side_by_side == 0)
            for index, title in enumerate(self.panels)
        ]
        return alt.concat(*charts, columns=side_by_side, spacing=24, resolve=_apart())

    def _multiples(self, layout: Layout) -> alt.ConcatChart:
        """A small panel for each network."""
        names = _networks(self.lines)
        side_by_side = multiples.columns(names, layout)
        size = multiples.width(side_by_side, layout)
        behind = inline(multiples.band([line.points for line in self.lines]))
        charts = []
        for name in names:
            lines = [line for line in self.lines if line.network == name]
            marks = alt.Chart(_data(lines)).mark_line(clip=True, strokeWidth=2)
            encoded = self._encoded(marks, lines, None)
            encoded = encoded.encode(x=self.x.small(alt.X, "x"), y=self.y.small(alt.Y, "y"))
            panel = multiples.panel(name, encoded, behind, self.x, self.y)
            charts.append(panel.properties(width=size, height=multiples.HEIGHT))
        axes = f"{self.y.title} against {self.x.title[:1].lower()}{self.x.title[1:]}"
        return alt.concat(*charts, columns=side_by_side, spacing=10, title=axes, resolve=_apart())

    def _panel(self, index: int, title: str, layout: Layout, *, titled: bool) -> alt.Chart:
        """One panel; with `titled` its vertical axis has a title."""
        lines = self.panels[title]
        width = panel_width(len(self.panels), layout)
        # altair counts names through the whole process; with these the same records give the same page.
        pick = alt.selection_point(name=f"pick{index}", fields=["network"], bind="legend")
        chart = alt.Chart(_data(lines), name=f"panel{index}", title=title).mark_line(
            clip=True, strokeWidth=2, point={"size": 30} if layout in self.marked else False
        )
        encoded = self._encoded(chart, lines, _legend(_networks(lines), width)).encode(
            x=self.x.x(),
            y=self.y.y(titled=titled),
            opacity=alt.OpacityValue(0.15, condition=[{"param": pick.name, "value": 1}]),
        )
        sized: alt.Chart = encoded.add_params(pick).properties(width=width, height=PANEL_HEIGHT)
        return sized

    def _encoded(
        self, chart: alt.Chart, lines: Sequence[Line], legend: Properties | None
    ) -> alt.Chart:
        """The marks in their networks' colours, with dashes and tooltips, at the slider's moment."""
        encoded: alt.Chart = chart.encode(
            color=colour({line.network: line.colour for line in lines}, legend),
            detail=alt.Detail("line:N"),
            strokeDash=alt.StrokeDash(
                "dashed:N",
                scale={"domain": [False, True], "range": [[1, 0], [3, 3]]},
                legend=None,
            ),
            tooltip=self._tooltips(),
        )
        if any(line.moment is not None for line in self.lines):
            encoded = encoded.transform_filter("datum.moment == null || datum.moment == moment")
        return encoded

    def _tooltips(self) -> list[alt.Tooltip]:
        named = any(line.places for line in self.lines)
        return [
            alt.Tooltip("network:N", title="Network"),
            alt.Tooltip("part:N", title="Line"),
            *([alt.Tooltip("place:N", title="Place")] if named else []),
            alt.Tooltip("x:Q", title=self.x.title, format=",.3~r"),
            alt.Tooltip("y:Q", title=self.y.title, format=",.3~r"),
        ]


def _data(lines: Sequence[Line]) -> alt.InlineData:
    return inline(
        {
            "network": line.network,
            "line": number,
            "part": line.part,
            "dashed": line.dashed,
            "x": x,
            "y": y,
            **({"place": line.places[index]} if line.places else {}),
            **({} if line.moment is None else {"moment": line.moment}),
        }
        for number, line in enumerate(lines)
        for index, (x, y) in enumerate(line.points)
    )


def _apart() -> alt.Resolve:
    """Each panel has colours and dashes of its own; said here, since `resolve_scale` copies the whole chart."""
    return alt.Resolve(scale=alt.ScaleResolveMap(color="independent", strokeDash="independent"))


def _networks(lines: Sequence[Line]) -> list[str]:
    """The networks of some lines, in the order of their first."""
    return [*dict.fromkeys(line.network for line in lines)]


def _legend(names: Sequence[str], width: int) -> Properties:
    """A legend below a panel, no wider than that."""
    longest = max(map(len, names)) * character_width(_LEGEND_FONT)
    return {
        "title": None,
        "orient": "bottom",
        "symbolType": "stroke",
        "symbolStrokeWidth": 3,
        "columns": max(1, int(width // (longest + _LEGEND_GAP))),
        "columnPadding": 16,
    }
