"""A confusion matrix: a row for each true class, a column for each predicted one; right and wrong in colours of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from atalho.page.chart.axes import Layout
from atalho.page.chart.style import Spec, inline, styled

WRITTEN = 16
"""The most classes for which the counts are written into the cells, where they have room."""

_ROOM = 24  # pixels of a cell's side from which on a count is readable in it
_LABELS = 110  # pixels for the names at the left and at the bottom
_LARGEST = 40  # pixels of a cell's side
_RIGHT, _WRONG = ("#eef1f4", "#9fb1c3"), ("#fde9dc", "#e0783c")
"""The colours of the least and of the greatest share, of what is right and of what is wrong."""


@dataclass(frozen=True)
class Cell:
    """A cell of the matrix.

    Attributes:
        truth, predicted: positions of the classes in `Matrix.names`.
        count: images of the true class that were taken for the predicted one, at least one.
        share: of the images of the true class, in [0, 1].
    """

    truth: int
    predicted: int
    count: int
    share: float


@dataclass(frozen=True)
class Matrix:
    """The matrix; cells without images are left out.

    Attributes:
        names: of the classes or groups of classes, in the order of rows and columns; no two are the same.
    """

    names: tuple[str, ...]
    cells: Sequence[Cell]

    def draw(self, layout: Layout) -> Spec:
        """The chart's specification at the size of the layout."""
        side = max(4, min(_LARGEST, (layout.width - _LABELS) // len(self.names)))
        wrong = [cell for cell in self.cells if cell.truth != cell.predicted]
        right = [cell for cell in self.cells if cell.truth == cell.predicted]
        layers = [
            self._cells("right", right, _RIGHT, 1.0),
            self._cells("wrong", wrong, _WRONG, max((cell.share for cell in wrong), default=1.0)),
        ]
        if len(self.names) <= WRITTEN and side >= _ROOM:
            layers.append(self._counts())
        size = side * len(self.names)
        chart = alt.layer(*layers).resolve_scale(color="independent")
        return styled(chart.properties(width=size, height=size))

    def _cells(
        self, name: str, cells: Sequence[Cell], colours: tuple[str, str], most: float
    ) -> alt.Chart:
        """The cells of one kind, the greatest share of which is `most`."""
        scale = alt.Scale(domain=[0, most], range=[*colours], type="sqrt")
        encoded: alt.Chart = (
            self._base(name, cells)
            .mark_rect()
            .encode(
                color=alt.Color("share:Q", scale=scale, legend=None),
                tooltip=[
                    alt.Tooltip("truth:N", title="True class"),
                    alt.Tooltip("predicted:N", title="Predicted class"),
                    alt.Tooltip("count:Q", title="Images"),
                    alt.Tooltip("share:Q", title="Of the true class", format=".1%"),
                ],
            )
        )
        return encoded

    def _counts(self) -> alt.Chart:
        chart = self._base("counts", self.cells).mark_text(fontSize=11, color="#1b1c1e")
        encoded: alt.Chart = chart.encode(text=alt.Text("count:Q"))
        return encoded

    def _base(self, name: str, cells: Sequence[Cell]) -> alt.Chart:
        rows = [
            {
                "truth": self.names[cell.truth],
                "predicted": self.names[cell.predicted],
                "count": cell.count,
                "share": round(cell.share, 4),
            }
            for cell in cells
        ]
        axis = alt.Axis(
            grid=False, ticks=False, domain=False, labelLimit=_LABELS - 30, labelOverlap=False
        )
        scale = alt.Scale(domain=[*self.names], paddingInner=0.04)
        across = axis.copy()
        across.labelAngle = 0 if max(map(len, self.names)) <= 2 else -90
        chart: alt.Chart = alt.Chart(inline(rows), name=name).encode(
            x=alt.X("predicted:N", scale=scale, axis=across, title="Predicted class"),
            y=alt.Y("truth:N", scale=scale, axis=axis, title="True class"),
        )
        return chart
