"""The losses around networks' trained weights as heat maps, side by side in one scale of colours."""

from collections.abc import Mapping
from dataclasses import dataclass

import altair as alt

from atalho.page.chart.axes import Layout
from atalho.page.chart.style import Spec, columns, inline, styled

CONTRAST = 30.0
"""The colours end at this many times the least loss: far from the weights the loss grows without bound and shows nothing."""

_GAP = 46
_LARGEST = 260

Grid = Mapping[tuple[float, float], float]
"""(α, β) → loss: how far the weights were moved along two directions, and the loss in nats there."""


@dataclass(frozen=True)
class HeatMaps:
    """A map for each network; the colours are logarithmic where all losses are above zero."""

    grids: Mapping[str, Grid]

    @property
    def losses(self) -> list[float]:
        """All losses of all maps."""
        return [loss for grid in self.grids.values() for loss in grid.values()]

    @property
    def ends(self) -> tuple[float, float]:
        """The losses at the two ends of the scale of colours; larger ones have the darkest colour."""
        least, greatest = min(self.losses), max(self.losses)
        return least, min(greatest, CONTRAST * least) if least > 0 else greatest

    def draw(self, layout: Layout) -> Spec:
        """Returns the chart's specification at the size of the layout."""
        side_by_side = columns(len(self.grids), layout)
        side = min(_LARGEST, (layout.width - _GAP * (side_by_side - 1)) // side_by_side)
        # Cells of whole pixels leave no seams.
        side -= side % max(len({a for a, _ in grid}) for grid in self.grids.values())
        maps = [
            self._map(index, network, side).properties(width=side, height=side)
            for index, network in enumerate(self.grids)
        ]
        return styled(alt.concat(*maps, columns=side_by_side, spacing=24))

    def _map(self, index: int, network: str, side: int) -> alt.Chart:
        grid = self.grids[network]
        values = [
            {"a": round(a, 4), "b": round(b, 4), "loss": float(f"{loss:.3g}")}
            for (a, b), loss in grid.items()
        ]
        chart = alt.Chart(inline(values), name=f"map{index}", title=network)
        legend = alt.Legend(title="Loss (nats)", orient="bottom", gradientLength=side)
        encoded: alt.Chart = chart.mark_rect().encode(
            x=_axis("a", "α", [a for a, _ in grid]),
            y=_axis("b", "β", [b for _, b in grid]),
            color=alt.Color("loss:Q", scale=self._scale(), legend=legend),
            tooltip=[
                alt.Tooltip("loss:Q", title="Loss (nats)"),
                alt.Tooltip("a:Q", title="α"),
                alt.Tooltip("b:Q", title="β"),
            ],
        )
        return encoded

    def _scale(self) -> alt.Scale:
        low, high = self.ends
        return alt.Scale(
            type="log" if low > 0 else "linear",
            domain=[low, high],
            clamp=True,
            scheme="viridis",
            reverse=True,
        )


def _axis(field: str, title: str, values: list[float]) -> alt.X | alt.Y:
    """An axis of a map, with ticks at its ends and in the middle."""
    places = sorted({round(value, 4) for value in values})
    ticks = [places[0], places[len(places) // 2], places[-1]]
    axis = alt.Axis(values=ticks, grid=False, labelAngle=0, format=".2~f", titlePadding=10)
    channel = alt.X if field == "a" else alt.Y
    order = "ascending" if field == "a" else "descending"
    return channel(f"{field}:O", title=title, sort=order, axis=axis)
